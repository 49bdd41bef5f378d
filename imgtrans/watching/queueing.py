"""Which of the files that have settled is next: by turns one that came with few others, and one of a burst."""

import os
from collections import Counter, deque
from collections.abc import Iterable

FEW = 16  # files that come together and are not taken for a burst
TOGETHER_SECONDS = 1.0


class Queue:
    """Files that wait for their turn; those of a burst keep their order, and hold up nothing else."""

    def __init__(self) -> None:
        self._single: deque[str] = deque()
        self._burst: deque[str] = deque()
        self._came: deque[tuple[float, str]] = deque()
        self._folders: Counter[str] = Counter()
        self._single_next = True

    def __len__(self) -> int:
        """How many wait."""
        return len(self._single) + len(self._burst)

    def add(self, files: Iterable[str], now: float) -> None:
        """Have files wait, which have settled just now."""
        for relative in files:
            folder = os.path.dirname(relative)  # noqa: PTH120 - for each file of a burst
            self._came.append((now, folder))
            self._folders[folder] += 1
            self._forget(now - TOGETHER_SECONDS)
            alone_in_its_folder = self._folders[folder] == 1 and len(self._single) < FEW
            few = len(self._came) <= FEW or alone_in_its_folder
            (self._single if few else self._burst).append(relative)

    def next(self) -> str | None:
        """Return the next file, which waits no more; None if none does."""
        turns = (self._single, self._burst) if self._single_next else (self._burst, self._single)
        queue = turns[0] or turns[1]
        self._single_next = queue is not self._single
        return queue.popleft() if queue else None

    def _forget(self, before: float) -> None:
        while self._came[0][0] < before:
            _, folder = self._came.popleft()
            self._folders[folder] -= 1
            if not self._folders[folder]:
                del self._folders[folder]
