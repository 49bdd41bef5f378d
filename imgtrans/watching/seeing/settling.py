"""Which files have stopped changing."""

import heapq
import itertools
from collections.abc import Iterator

from imgtrans.watching.seeing.version import Version


class Settling:
    """Keeps files until they have stayed the same for a while.

    Args:
        seconds: For how long.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._waiting: dict[str, tuple[Version, float]] = {}
        self._due: list[tuple[float, int, str]] = []
        self._numbers = itertools.count()

    def __len__(self) -> int:
        """How many are kept."""
        return len(self._waiting)

    def __contains__(self, relative: str) -> bool:
        """Whether a file is kept."""
        return relative in self._waiting

    def names(self) -> set[str]:
        """Return the files that are kept."""
        return {*self._waiting}

    def see(self, relative: str, version: Version, now: float) -> None:
        """A file is there in this version; the time counts from when it first was."""
        known = self._waiting.get(relative)
        if known is None or known[0] != version:
            self._waiting[relative] = version, now + self._seconds
            heapq.heappush(self._due, (now + self._seconds, next(self._numbers), relative))

    def forget(self, relative: str) -> None:
        """A file is gone."""
        self._waiting.pop(relative, None)

    def due(self, now: float) -> Iterator[str]:
        """Yield the files that were last seen to change long enough ago, each once; they are kept until taken."""
        while self._due and self._due[0][0] <= now:
            when, _, relative = heapq.heappop(self._due)
            known = self._waiting.get(relative)
            if known is not None and known[1] == when:
                yield relative

    def take(self, relative: str, now: float) -> Version | None:
        """Keep a file no more, and return its version; None if it is not kept, or is not due any more."""
        known = self._waiting.get(relative)
        if known is None or known[1] > now:
            return None
        del self._waiting[relative]
        return known[0]

    def seconds(self, now: float) -> float | None:
        """Return in how many seconds the next is due, None if none is going to be."""
        while self._due and (
            self._due[0][2] not in self._waiting or self._waiting[self._due[0][2]][1] != self._due[0][0]
        ):
            heapq.heappop(self._due)
        return max(0.0, self._due[0][0] - now) if self._due else None
