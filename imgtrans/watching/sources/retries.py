"""When what has failed is tried again, and when it is given up."""

from collections.abc import Hashable
from dataclasses import dataclass

DELAYS = (10.0, 60.0, 360.0, 1800.0)  # seconds before the first try after the first failure, and so on; then the last


@dataclass
class _Failure:
    version: Hashable
    tries: int
    due: float


class Retries:
    """Remembers what has failed, as long as it is neither given up nor done.

    Args:
        most: How often something is tried again.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._failures: dict[bytes, _Failure] = {}

    def failed(self, key: bytes, version: Hashable, now: float) -> float | None:
        """Take note of a failure; return in how many seconds it is tried again, None if it is given up.

        Args:
            key: What has failed.
            version: What it was then: another version has tries of its own.
            now: A monotonic time.
        """
        known = self._failures.pop(key, None)
        tries = known.tries if known and known.version == version else 0
        if tries >= self._most:
            return None
        delay = DELAYS[min(tries, len(DELAYS) - 1)]
        self._failures[key] = _Failure(version, tries + 1, now + delay)
        return delay

    def tries(self, key: bytes) -> int:
        """How often something was, or is going to be, tried again."""
        return self._failures[key].tries if key in self._failures else 0

    def forget(self, key: bytes) -> None:
        """It is done, or gone."""
        self._failures.pop(key, None)

    def due(self, now: float) -> list[bytes]:
        """Return what is to be tried again now; each is returned once for each failure."""
        due = [key for key, one in self._failures.items() if one.due <= now]
        for key in due:
            self._failures[key].due = float("inf")
        return due

    def let_go(self, now: float) -> None:
        """What was about to be tried again has come to nothing: it is due now."""
        for one in self._failures.values():
            if one.due == float("inf"):
                one.due = now

    def seconds(self, now: float) -> float | None:
        """Return in how many seconds the next is due, None if nothing is."""
        times = [one.due for one in self._failures.values() if one.due != float("inf")]
        return max(0.0, min(times) - now) if times else None
