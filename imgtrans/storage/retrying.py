"""Tries again what may pass, longer and longer after each time."""

import random
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from imgtrans.storage.explained import is_passing

PAUSES = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 16.0)  # seconds after each time, about 50 in all
AT_FIRST = 4  # times, as long as nothing has gone well

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
        self._answered = False

    def __call__(self, call: Callable[[], T]) -> T:
        """Return what a call returns, once it goes well; raise what it raises last."""
        # Who has never answered may not be there at all, and that is to be said soon.
        for pause in self._pauses if self._answered else self._pauses[:AT_FIRST]:
            try:
                return self._answer(call)
            except Exception as error:
                if not is_passing(error):
                    raise
            time.sleep(pause * (0.5 + self._draw()))
        return self._answer(call)

    def _answer(self, call: Callable[[], T]) -> T:
        answer = call()
        self._answered = True
        return answer
