"""Main memory for pictures: small ones come in on the side, a large one waits until there is room, if need be alone."""

import threading
from collections.abc import Callable


class Room:
    """Counts what the pictures of a run take, for lanes that read and write them at the same time.

    One half of the memory is for pictures that are held, the other is set aside for what lanes take while they decode
    and encode: a picture that takes no more than :attr:`aside` just comes in. A larger one has to be reserved whole,
    from before it is decoded until it is written. One that is larger than the half comes in when nobody else is
    there, and nobody comes in before it has left. While one waits nothing new is begun, so that its turn comes.

    Args:
        memory: Bytes for all pictures together.
        lanes: How many read and write.
        freed: Is called when something has left, so that lanes try again.

    Attributes:
        aside: Bytes up to which a picture is small.
    """

    def __init__(self, memory: int, lanes: int, freed: Callable[[], None]) -> None:
        self.aside = memory // 2 // lanes
        self._memory = memory // 2
        self._held = 0
        self._inside = 0  # pictures that are being decoded, held or encoded
        self._waiting = 0
        self._lock = threading.Lock()
        self._freed = freed

    def begin(self) -> bool:
        """Whether a lane may begin a picture, of which it is not known yet how large it is."""
        with self._lock:
            if self._waiting or (self._inside and self._held > self._memory):
                return False
            self._inside += 1
            return True

    def hold(self, amount: int) -> None:
        """Count what a picture takes that was begun and is small."""
        with self._lock:
            self._held += amount

    def wait(self) -> None:
        """Say that a picture that was begun is large, and waits for :meth:`enter`."""
        with self._lock:
            self._inside -= 1
            self._waiting += 1
        self._freed()

    def enter(self, amount: int) -> bool:
        """Whether there is room now for a picture that waits; it is then taken."""
        with self._lock:
            if self._inside and self._held + amount > self._memory:
                return False
            self._waiting -= 1
            self._inside += 1
            self._held += amount
            return True

    def leave(self, amount: int) -> None:
        """Give back what a picture took: it is written, or has failed."""
        with self._lock:
            self._inside -= 1
            self._held -= amount
        self._freed()
