"""Tries again what may pass, longer and longer after each time, until it is told to stop."""

import random
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

from imgtrans.storage.explained import is_passing

PAUSES = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 16.0)  # seconds after each time, about 50 in all

T = TypeVar("T")


class Retrying:
    """Does what may have to be done again.

    Args:
        pauses: Seconds between the times.
        draw: Returns a number from 0 to 1, so that thousands do not all come again at once.
    """

    def __init__(self, pauses: Sequence[float] = PAUSES, draw: Callable[[], float] = random.random) -> None:
        self._pauses = pauses
        self._draw = draw
        self._stopped = threading.Event()

    def __call__(self, call: Callable[[], T]) -> T:
        """Return what a call returns, once it goes well; raise what it raises last."""
        for pause in self._pauses:
            try:
                return call()
            except Exception as error:
                if self._stopped.is_set() or not is_passing(error):
                    raise
            self._stopped.wait(pause * (0.5 + self._draw()))
        return call()

    def stop(self) -> None:
        """Try nothing again from now on."""
        self._stopped.set()
