"""What a person sees of a training while it runs: losses with their recent way, and how long it will take."""

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import psutil

from imgtrans.training.listening import Interval

_BARS, _PLAIN = "▁▂▃▄▅▆▇█", ".:-=+*#@"
_REMEMBERED = 40  # intervals whose means are shown


@dataclass(frozen=True)
class Row:
    """A figure and its recent way.

    Attributes:
        name: What it is.
        value: The figure.
        way: Its values before, as a sparkline.
    """

    name: str
    value: str
    way: str


class Board:
    """Gathers what is shown.

    Args:
        plain: Whether sparklines are of ASCII, for terminals that have no other signs.
        clock: Returns seconds.
    """

    def __init__(self, plain: bool = False, clock: Callable[[], float] = time.monotonic) -> None:
        self._signs = _PLAIN if plain else _BARS
        self._clock = clock
        self._started = clock()
        self._ways: dict[str, deque[float]] = {}
        self._last: Interval | None = None
        self._score = ""

    def hear(self, interval: Interval) -> None:
        """Take in the losses of an interval."""
        self._last = interval
        for name, mean in interval.means().items():
            self._ways.setdefault(name, deque(maxlen=_REMEMBERED)).append(mean)

    def hear_score(self, text: str) -> None:
        """Take in the last score, in words."""
        self._score = text

    def rows(self) -> list[Row]:
        """Return a row for each loss."""
        return [Row(name, f"{way[-1]:.4g}", sparkline(way, self._signs)) for name, way in self._ways.items()]

    def facts(self, duration: Callable[[float], str]) -> Mapping[str, str]:
        """Return what else there is to tell, by name; ``duration`` puts seconds into words."""
        if self._last is None:
            return {}
        last = self._last
        left = (last.all_steps - last.step) * last.seconds_per_step
        facts = {
            "speed": f"{last.seconds_per_step:.2f} s/step",
            "left": duration(left),
            "elapsed": duration(self._clock() - self._started),
            "learning rate": f"{last.rows[-1].learning_rate:.3g}",
            "memory": f"{psutil.Process().memory_info().rss / 1e9:.1f} GB",
        }
        return facts | ({"last score": self._score} if self._score else {})


def sparkline(values: Sequence[float] | deque[float], signs: str = _BARS) -> str:
    """Return values as a line of bars, the least the lowest and the largest the highest."""
    low, high = min(values), max(values)
    if not high > low:
        return signs[0] * len(values)
    return "".join(signs[min(len(signs) - 1, int((value - low) / (high - low) * len(signs)))] for value in values)
