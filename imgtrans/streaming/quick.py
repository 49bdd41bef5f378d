"""Stages that kernels make: rows are read where they are, and what stands before and behind a step is done with it."""

from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from torch import Tensor

from imgtrans.kernels.addition import add
from imgtrans.kernels.convolution import Before, Doubles, Integers
from imgtrans.kernels.team import Floats, Team
from imgtrans.streaming.layers import Layer
from imgtrans.streaming.maps import Map
from imgtrans.streaming.stages import Shape, Stage

if TYPE_CHECKING:
    from imgtrans.kernels.library import Library


Affine = tuple[Floats, Floats]  # scale and shift of each channel
ZERO = np.zeros(1, np.float32)  # the floor of ReLU


class Totals:
    """Mean and variance of each channel, from sums that are added in the order of the rows, whatever the strips."""

    def __init__(self, shape: Shape) -> None:
        self._count = shape[1] * shape[2]
        self._sums: Doubles = np.zeros((2, shape[0]))

    def add(self, sums: Doubles) -> None:
        """Add those of some rows, (groups, slots, 2, channels)."""
        groups = sums.reshape(-1, *self._sums.shape)
        groups[0] += self._sums
        self._sums = np.add.reduce(groups)  # one after the other

    def affine(self, epsilon: float, weight: Tensor | None, bias: Tensor | None) -> Affine:
        """Return what a channel is multiplied with and what is added; see :meth:`statistics.Statistics.affine`."""
        mean, square = self._sums / self._count
        scale = 1.0 / np.sqrt(np.maximum(square - mean * mean, 0.0) + epsilon)
        if weight is not None:
            scale *= weight.numpy()
        shift = -mean * scale
        if bias is not None:
            shift += bias.numpy()
        return scale.astype(np.float32), shift.astype(np.float32)


class Rows(Protocol):
    """A map whose rows can be read where they are.

    Attributes:
        shape: Channels, height, width.
    """

    shape: Shape

    def reach(self, first: int, last: int) -> Integers:
        """Return the addresses of rows, (width, channels) each; they hold until the next call.

        Rows above ``first`` are not asked for any more.
        """
        ...


class OfMap:
    """The rows of a stored map.

    Args:
        stored: The map.
        keep: Whether it is read again; else what is not asked for any more is freed.
    """

    def __init__(self, stored: Map, keep: bool) -> None:
        self.shape = stored.shape
        self.stored = stored
        self._keep = keep

    def reach(self, first: int, last: int) -> Integers:
        """Return the addresses of rows."""
        self.free(first)
        return self.stored.addresses(first, last)

    def free(self, first: int) -> None:
        """Free what is above a row, unless it is read again."""
        if not self._keep:
            self.stored.free(first)

    def close(self) -> None:
        """Free what is left."""
        self.free(self.shape[1])


class OfStage:
    """The rows of a stage, of which the last few are held.

    Args:
        stage: The stage.
        most: Rows that are asked for at once, at most.
    """

    def __init__(self, stage: Stage, most: int) -> None:
        self.shape = stage.shape
        self._stage, self._most = stage, most
        self._begin = self._end = 0  # of the rows that are held
        self._held: list[Tensor] = []  # (rows, width, channels) each

    def reach(self, first: int, last: int) -> Integers:
        """Return the addresses of rows."""
        if self._end < last:
            kept = [piece for piece in self._held if len(piece)]
            whole = torch.cat(kept) if kept else None  # a copy: what a stage gave holds until it is asked again
            self._held = [] if whole is None else [whole[max(0, first - self._begin) :]]
            self._begin = max(self._begin, min(first, self._end))
            pieces = []
            while self._end < last:
                upto = min(self._end + self._most, last)
                rows = self._stage.take(upto)[0].permute(1, 2, 0).float().contiguous()
                pieces.append(rows if upto == last else rows.clone())
                self._end = upto
            self._held += pieces
        addresses = [_addresses(piece) for piece in self._held]
        return np.concatenate(addresses)[first - self._begin : last - self._begin]


def _addresses(rows: Tensor) -> Integers:
    return rows.data_ptr() + np.arange(len(rows), dtype=np.int64) * (4 * rows.stride(0))


class Quick(Stage):
    """A step by a kernel.

    Args:
        source: Its input.
        layer: The step.
        shape: Of its output.
        before: What is done to its input as it is read.
        team: Who does the work.
        summed: Whether sums of what it makes are taken.

    Attributes:
        totals: These sums.
    """

    def __init__(self, source: Rows, layer: Layer, shape: Shape, before: Before, team: Team, *, summed: bool) -> None:
        self.shape = shape
        self._source, self._layer, self._before, self._team = source, layer, before, team
        self.totals = Totals(shape) if summed else None
        self._rows = layer.rows(source.shape[1])
        columns = layer.columns(source.shape[2])
        self._columns = np.where(columns < 0, -1, columns * (4 * source.shape[0]))
        # The first row of the input that an entry or one behind it needs.
        known = np.where(self._rows < 0, source.shape[1], self._rows)
        self._needed = np.minimum.accumulate(known[::-1])[::-1]
        self._made = self._done = 0
        self._left: Tensor | None = None  # rows that are made already, and not taken

    def take(self, stop: int) -> Tensor:
        """Return the next rows."""
        start, self._done = self._done, stop
        pieces = [] if self._left is None else [self._left]
        if stop > self._made:
            pieces.append(self._more(stop))
        rows = pieces[0] if len(pieces) == 1 else torch.cat(pieces)
        self._left = rows[stop - start :] if len(rows) > stop - start else None
        return rows[: stop - start].permute(2, 0, 1).unsqueeze(0)

    def _more(self, stop: int) -> Tensor:
        channels, _, width = self.shape
        together = self._layer.kernel.together
        upto = self._whole(stop)
        room = torch.empty(upto - self._made, -(-width // together) * together, channels)
        self._make(upto, _addresses(room))
        return room[:, :width]

    def fill(self, stop: int, into: Map) -> None:
        """Write the next rows, and maybe a few more, into a map."""
        upto = self._whole(stop)
        if upto > self._made:
            self._make(upto, into.make_room(upto))
            into.settle()

    def _whole(self, stop: int) -> int:
        """Return the row up to which whole groups are made."""
        group = self._layer.kernel.group
        return min(-(-stop // group) * group, self.shape[1])

    def _make(self, upto: int, outputs: Integers) -> None:
        kernel = self._layer.kernel
        first, last = self._layer.window(self._made, upto)
        needed = self._rows[first:last]
        begin = int(self._needed[first])
        end = max(int(needed.max()) + 1, begin + 1)
        given = self._source.reach(begin, end)
        rows = np.where(needed < 0, 0, given[np.clip(needed - begin, 0, len(given) - 1)])
        sums = None
        if self.totals is not None:
            groups = -(-len(outputs) // kernel.group)
            sums = np.zeros((groups, kernel.slots(self.shape[2]), 2, self.shape[0]))
        kernel.run(self._team, rows, self._columns, self._before, outputs, self.shape[2], sums)
        if self.totals is not None and sums is not None:
            self.totals.add(sums)
        self._made = upto


class Added(Stage):
    """A block's normalised output added to its input, both of them stored.

    Args:
        before: The block's input.
        after: Its output.
        terms: How that is normalised, and the floor of the sum.
        library: The kernels.
        team: Who does the work.
    """

    def __init__(self, before: Rows, after: Rows, terms: Before, library: "Library", team: Team) -> None:
        self.shape = before.shape
        self._before, self._after, self._terms = before, after, terms
        self._library, self._team = library, team
        self._done = 0

    def take(self, stop: int) -> Tensor:
        """Return the next rows."""
        start, self._done = self._done, stop
        channels, _, width = self.shape
        rows = torch.empty(stop - start, width, channels)
        before, after = self._before.reach(start, stop), self._after.reach(start, stop)
        add(self._library, self._team, before, after, _addresses(rows), self._terms, width)
        return rows.permute(2, 0, 1).unsqueeze(0)


class InPlace(Stage):
    """A stored map that is changed where it is, as its rows are asked for: no second map, and no copy on the way.

    Args:
        into: The map: a block's input, to which the block's normalised output is added, or one that is normalised.
        after: The output; None if the map itself is normalised.
        terms: How, and the floor of what comes of it.
        library: The kernels.
        team: Who does the work.

    Attributes:
        kept: Whether the map is read again; else what is not asked for any more is freed.
    """

    def __init__(self, into: Map, after: Rows | None, terms: Before, library: "Library", team: Team) -> None:
        self.shape = into.shape
        self.into, self.kept = into, after is None
        self._after, self._terms = after, terms
        self._library, self._team = library, team
        self._zeros = np.zeros(into.shape[0] * into.shape[2], np.float32)
        self._changed = self._done = 0

    def reach(self, first: int, last: int) -> Integers:
        """Return the addresses of rows; see :class:`Rows`."""
        self.free(first)
        self._change(last)
        return self.into.addresses(first, last)

    def take(self, stop: int) -> Tensor:
        """Return the next rows."""
        start, self._done = self._done, stop
        self.free(start)
        self._change(stop)
        return self.into.read(start, stop)

    def _change(self, stop: int) -> None:
        start, self._changed = self._changed, max(stop, self._changed)
        if start >= stop:
            return
        rows = self.into.changing(start, stop)
        if self._after is None:
            before, after = np.full(stop - start, self._zeros.ctypes.data, np.int64), rows
        else:
            before, after = rows, self._after.reach(start, stop)
        add(self._library, self._team, before, after, rows, self._terms, self.shape[2])
        self.into.settle()

    def free(self, first: int) -> None:
        """Free what is above a row, unless it is read again."""
        if not self.kept:
            self.into.free(first)

    def close(self) -> None:
        """Free what is left."""
        self.free(self.shape[1])


def before_of(affine: Affine | None, channels: int, relu: bool) -> Before:
    """Return what is done to a map as it is read: its normalisation, if there is one, and ReLU."""
    nothing = Before.nothing(channels)
    scale, shift = affine or (nothing.scale, nothing.shift)
    return Before(scale, shift, ZERO if relu else nothing.floor)
