"""Curves of any length in a bounded number of points, of which none hides a peak."""

import csv
import math
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

POINTS = 400  # that a curve has at least, once it is longer; twice as many at the most


class Point(NamedTuple):
    """What a stretch of a curve was.

    Attributes:
        step: Its last step.
        size: How many values it has.
        mean: Of them.
        low: The least of them.
        high: The largest.
    """

    step: int
    size: int
    mean: float
    low: float
    high: float

    def joined(self, other: "Point") -> "Point":
        """Return this stretch and the one that follows it as one."""
        size = self.size + other.size
        mean = (self.mean * self.size + other.mean * other.size) / size
        return Point(other.step, size, mean, min(self.low, other.low), max(self.high, other.high))


class Curve:
    """A curve that grows: each point is the mean of as many values, with the least and the largest of them."""

    def __init__(self) -> None:
        self._each = 1
        self._full: list[Point] = []
        self._step = self._count = 0
        self._sum, self._low, self._high = 0.0, math.inf, -math.inf

    def add(self, step: int, value: float) -> None:
        """Add the value of a step."""
        self._step = step
        self._count += 1
        self._sum += value
        self._low, self._high = min(self._low, value), max(self._high, value)
        if self._count < self._each:
            return
        self._full.append(self._growing())
        self._count, self._sum, self._low, self._high = 0, 0.0, math.inf, -math.inf
        if len(self._full) == 2 * POINTS:
            self._full = [one.joined(other) for one, other in zip(self._full[::2], self._full[1::2], strict=True)]
            self._each *= 2

    def points(self) -> list[Point]:
        """Return its points, in order."""
        return [*self._full, self._growing()] if self._count else list(self._full)

    def _growing(self) -> Point:
        return Point(self._step, self._count, self._sum / self._count, self._low, self._high)


class Curves:
    """Several curves over the same steps, by name."""

    def __init__(self) -> None:
        self.by_name: dict[str, Curve] = {}

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Add the values of a step; a number that is none is left out."""
        for name, value in values.items():
            if math.isfinite(value):
                self.by_name.setdefault(name, Curve()).add(step, value)


def read_curves(path: Path, last: int) -> Curves:
    """Return the curves of a CSV file that has a column ``step``; other columns that hold no numbers are left out.

    Args:
        path: The file, which need not be there.
        last: The last step that counts.
    """
    curves = Curves()
    if not path.is_file():
        return curves
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if not (row.get("step") or "").isdigit() or int(row["step"]) > last:
                continue
            curves.add(int(row["step"]), {key: _number(text) for key, text in row.items() if key and key != "step"})
    return curves


def _number(text: str | None) -> float:
    try:
        return float(text or "")
    except (TypeError, ValueError):
        return math.nan
