"""Maps in the making: each gives its rows from top to bottom, and asks the one before it for what that takes."""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable

import torch
from torch import Tensor

from imgtrans.streaming.maps import Map
from imgtrans.streaming.steps import Step

Shape = tuple[int, int, int]


class Stage(ABC):
    """A map of which every row is given once.

    Attributes:
        shape: Channels, height, width.
    """

    shape: Shape

    @abstractmethod
    def take(self, stop: int) -> Tensor:
        """Return the rows from where the last call stopped up to ``stop``, (1, channels, rows, width); at least one.

        Nobody changes what is returned, and it holds until the next call.
        """


class Made(Stage):
    """Rows that a function makes.

    Args:
        shape: Channels, height, width.
        function: Gives rows from ``start`` to ``stop``.
    """

    def __init__(self, shape: Shape, function: Callable[[int, int], Tensor]) -> None:
        self.shape = shape
        self._function = function
        self._done = 0

    def take(self, stop: int) -> Tensor:
        """Return the next rows."""
        start, self._done = self._done, stop
        return self._function(start, stop)


class Stored(Stage):
    """Rows of a stored map.

    Args:
        stored: The map.
        keep: Whether it is read again; else what was read is freed.
    """

    def __init__(self, stored: Map, keep: bool) -> None:
        self.shape = stored.shape
        self._map = stored
        self._keep = keep
        self._done = 0

    def take(self, stop: int) -> Tensor:
        """Return the next rows."""
        if not self._keep:
            self._map.free(self._done)  # only now: until this call, what was given last may be a view of it
        start, self._done = self._done, stop
        return self._map.read(start, stop)

    def close(self) -> None:
        """Free what was given last."""
        if not self._keep:
            self._map.free(self._done)


class Through(Stage):
    """A function of each pixel alone."""

    def __init__(self, source: Stage, function: Callable[[Tensor], Tensor]) -> None:
        self.shape = source.shape
        self._source = source
        self._function = function

    def take(self, stop: int) -> Tensor:
        """Return the next rows."""
        return self._function(self._source.take(stop))


class Normalised(Stage):
    """A normalisation whose statistics are known."""

    def __init__(self, source: Stage, scale: Tensor, shift: Tensor, relu: bool) -> None:
        self.shape = source.shape
        self._source = source
        self._scale, self._shift, self._relu = scale, shift, relu

    def take(self, stop: int) -> Tensor:
        """Return the next rows."""
        rows = torch.addcmul(self._shift, self._source.take(stop), self._scale)
        return rows.relu_() if self._relu else rows


class Kept(Stage):
    """Rows that are also stored."""

    def __init__(self, source: Stage, into: Map) -> None:
        self.shape = source.shape
        self._source = source
        self._into = into

    def take(self, stop: int) -> Tensor:
        """Return the next rows."""
        rows = self._source.take(stop)
        self._into.append(rows)
        return rows


class Fork:
    """One map for two readers, of which the one may be ahead."""

    def __init__(self, source: Stage) -> None:
        self._source = source
        self._made = 0
        self._waiting: tuple[deque[Tensor], deque[Tensor]] = (deque(), deque())
        self.ends = (Made(source.shape, self._left), Made(source.shape, self._right))

    def _left(self, start: int, stop: int) -> Tensor:
        return self._give(0, start, stop)

    def _right(self, start: int, stop: int) -> Tensor:
        return self._give(1, start, stop)

    def _give(self, end: int, start: int, stop: int) -> Tensor:
        if stop > self._made:
            rows = self._source.take(stop)
            self._made = stop
            for waiting in self._waiting:
                waiting.append(rows)
        waiting, given, missing = self._waiting[end], [], stop - start
        while missing:
            rows = waiting.popleft()
            if rows.shape[2] > missing:
                waiting.appendleft(rows[:, :, missing:])
                rows = rows[:, :, :missing]
            given.append(rows)
            missing -= rows.shape[2]
        return given[0] if len(given) == 1 else torch.cat(given, dim=2)


class Sum(Stage):
    """A block's output added to its input."""

    def __init__(self, block: Stage, before: Stage, relu: bool) -> None:
        self.shape = block.shape
        self._block, self._before, self._relu = block, before, relu

    def take(self, stop: int) -> Tensor:
        """Return the next rows."""
        after = self._block.take(stop)
        rows = self._before.take(stop) + after
        return rows.relu_() if self._relu else rows


class Stepped(Stage):
    """A step: holds the few rows of its input that its next rows need again.

    Args:
        source: Its input.
        step: What it does.
        most: Rows of its input that are asked for at once, at most.
        precision: Of what goes into it.
    """

    def __init__(self, source: Stage, step: Step, most: int, precision: torch.dtype) -> None:
        channels, self._height, self._width = source.shape
        self.shape = (step.channels or channels, *step.size(self._height, self._width))
        self._source, self._step, self._most, self._precision = source, step, most, precision
        self._done = 0
        self._tail: list[Tensor] = []
        self._taken = 0  # rows of the input; the tail is the last of them

    def take(self, stop: int) -> Tensor:
        """Return the next rows."""
        start, self._done = self._done, stop
        first, lo, hi, last = self._rows(start, stop)
        begin = self._taken - sum(rows.shape[2] for rows in self._tail)
        pieces, self._tail = self._tail, []
        while self._taken < last:
            upto = min(self._taken + self._most, last)
            pieces.append(self._source.take(upto))
            self._taken = upto
        window = self._padded(pieces, begin, first, lo, hi)
        if stop < self.shape[1]:
            again = self._rows(stop, stop + 1)[0]
            within = slice(self._step.padding.left, self._step.padding.left + self._width)
            row = again - first + max(0, -lo)
            if again < self._taken:
                self._tail = [window[:, :, row : row + self._taken - again, within].clone()]
        return self._step.make(window[:, :, max(0, lo - first) :][:, :, : hi - lo], start, stop)

    def _rows(self, start: int, stop: int) -> tuple[int, int, int, int]:
        """Return rows of the input: the first to have, from and to which are needed (or padding), the last to have."""
        p, height = self._step.padding, self._height
        lo, hi = self._step.needs(start, stop)
        lo, hi = lo - p.top, min(hi - p.top, height + p.bottom)
        first, last = max(0, lo), min(height, hi)
        if p.kind == "reflect":  # an edge's mirror image needs as many rows within
            first, last = min(first, max(0, height - 1 - p.bottom)), max(last, 1 - lo)
        return first, lo, hi, last

    def _padded(self, pieces: list[Tensor], begin: int, first: int, lo: int, hi: int) -> Tensor:
        """Return the rows from ``first`` on in one piece, padded; the pieces are those from ``begin`` on."""
        p = self._step.padding
        above, below = max(0, -lo), max(0, hi - self._height)
        if p.left == p.right == above == below == 0 and len(pieces) == 1 and begin == first:
            return pieces[0].to(self._precision)
        count = begin - first + sum(rows.shape[2] for rows in pieces)
        channels = pieces[0].shape[1]
        padded = pieces[0].new_empty(
            (1, channels, above + count + below, p.left + self._width + p.right), dtype=self._precision
        )
        row = above + begin - first
        for rows in pieces:
            skipped = max(0, above - row)
            place = slice(row + skipped, row + rows.shape[2])
            padded[:, :, place, p.left : p.left + self._width] = rows[:, :, skipped:]
            row += rows.shape[2]
        _pad(padded, 3, p.left, p.right, p.kind)
        _pad(padded, 2, above, below, p.kind)
        return padded


def _pad(padded: Tensor, axis: int, before: int, behind: int, kind: str) -> None:
    """Fill so many places at the two ends of an axis from what is between."""
    inner = padded.narrow(axis, before, padded.shape[axis] - before - behind)
    ends = ((0, before, 1, 0), (padded.shape[axis] - behind, behind, inner.shape[axis] - 1 - behind, -1))
    for place, count, mirrored, edge in ends:
        if not count:
            continue
        end = padded.narrow(axis, place, count)
        if kind == "reflect":
            end.copy_(inner.narrow(axis, mirrored, count).flip(axis))
        elif kind == "replicate":
            end.copy_(inner.narrow(axis, edge % inner.shape[axis], 1).expand_as(end))
        else:
            end.zero_()
