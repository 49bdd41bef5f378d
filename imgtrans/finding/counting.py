"""Counts the files of a run ahead of the work, so that there is a time left to tell."""

import contextlib
import threading
from collections.abc import Callable, Iterator

_GRACE_SECONDS = 1.0


class Counting:
    """Counts in a thread of its own, once it is started; leaving it stops it.

    Args:
        counts: How many files each folder has.
        told: Is told their sum, in that thread, unless it was stopped before.
    """

    def __init__(self, counts: Iterator[int], told: Callable[[int], None]) -> None:
        self._counts = counts
        self._told = told
        self._stopped = False
        self._thread = threading.Thread(target=self._count, name="counting", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def __enter__(self) -> "Counting":
        """Use it."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Stop."""
        self._stopped = True
        if self._thread.ident is not None:
            self._thread.join(_GRACE_SECONDS)

    def _count(self) -> None:
        files = 0
        with contextlib.suppress(OSError):  # whoever translates meets it, too, and says so
            for count in self._counts:
                files += count
                if self._stopped:
                    return
            self._told(files)
