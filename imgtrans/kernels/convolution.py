"""Convolutions by kernels: weights brought into the order that these read, and the work shared out."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from imgtrans.kernels.team import Floats, Task, Team, aligned

if TYPE_CHECKING:
    from imgtrans.kernels.library import Library

Integers = NDArray[np.int64]
Doubles = NDArray[np.float64]

TAPS = 36  # products of a tile
TILES = 32  # that a thread transforms at once
TILE = 4  # pixels of a tile's side
ROWS, COLUMNS = 4, 64  # of the output that a thread makes at once by the direct way
FLOOR = float(np.finfo(np.float32).min)

# From the kernel's three values to the six that tiles are multiplied with.
_TRANSFORM = np.array([[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]], float) / 24


@dataclass(frozen=True)
class Before:
    """What is done to a map as it is read: each value times ``scale`` plus ``shift``, and not below ``floor``.

    Attributes:
        scale: (channels).
        shift: (channels).
        floor: (1).
    """

    scale: Floats
    shift: Floats
    floor: Floats

    @classmethod
    def nothing(cls, channels: int) -> "Before":
        """Return what changes nothing."""
        return cls(np.ones(channels, np.float32), np.zeros(channels, np.float32), np.full(1, -np.inf, np.float32))


class Convolution(Protocol):
    """A convolution with all that is done with it.

    Attributes:
        group: Rows of the output that are made together, counted from the first one of the map.
        together: Pixels that are made together; rows of the output have room for a multiple of them.
        room: Numbers that a thread needs room for.
        bytes: Of its weights.
    """

    group: int
    together: int
    room: int
    bytes: int

    def slots(self, width: int) -> int:
        """Return how many sums are taken of each group of rows of an output so wide."""
        ...

    def run(
        self, team: Team, rows: Integers, columns: Integers, before: Before, outputs: Integers, width: int, sums: Doubles | None
    ) -> None:
        """Make rows of the output, beginning with a group.

        Args:
            team: Who does the work.
            rows: Addresses of the rows of the padded input, from the first that is needed on; 0 is a row of zeros.
            columns: Of the padded input: bytes from a row's begin, -1 is a column of zeros.
            before: What is done to the input, before it is padded.
            outputs: Addresses of the rows to be made, (width, features) each.
            width: Of the output.
            sums: (groups, slots, 2, features), to which the values and their squares are added.
        """
        ...


class Winograd:
    """A 3x3 convolution of stride 1 whose channels fill vectors.

    Args:
        library: The kernels.
        weight: (features, channels, 3, 3).
        bias: (features) or None.
    """

    group, together = TILE, 1

    def __init__(self, library: "Library", weight: Floats, bias: Floats | None) -> None:
        self._library = library
        lanes = library.machine.lanes
        self._features, self._channels = weight.shape[:2]
        panels = -(-self._features // (2 * lanes))
        self._padded = panels * 2 * lanes
        transform = np.kron(_TRANSFORM, _TRANSFORM)
        flat = weight.transpose(2, 3, 1, 0).reshape(9, -1).astype(np.float64)
        taps = np.zeros((TAPS, self._channels, self._padded), np.float32)
        taps[:, :, : self._features] = (transform @ flat).reshape(TAPS, self._channels, self._features)
        self._weights = aligned(taps.size)
        ordered = self._weights.reshape(TAPS, panels, self._channels, 2 * lanes)
        ordered[:] = taps.reshape(TAPS, self._channels, panels, 2 * lanes).transpose(0, 2, 1, 3)
        self._bias = _filled(bias, self._padded)
        together = -(-TILES // library.machine.rows) * library.machine.rows
        # One vector more, so that the 36 do not fall onto the same lines of a cache.
        self._v_step, self._m_step = together * self._channels + lanes, together * self._padded + lanes
        self._v_step += -self._v_step % lanes
        self._m_step += -self._m_step % lanes
        self.room = TAPS * (self._v_step + self._m_step) + lanes
        self.bytes = self._weights.nbytes

    def slots(self, width: int) -> int:
        """Return how many sums are taken of each row of tiles."""
        return -(-_tiles(width) // TILES)

    def run(
        self, team: Team, rows: Integers, columns: Integers, before: Before, outputs: Integers, width: int, sums: Doubles | None
    ) -> None:
        """Make rows of the output; see :class:`Convolution`."""
        down, across = _tiles(len(outputs)), _tiles(width)
        wide = min(across, TILES)
        high = TILES // wide
        height = len(outputs)
        outputs = _longer(outputs, TILE * down, 0)
        rows, columns = _longer(rows, TILE * down + 2, 0), _longer(columns, TILE * across + 2, -1)

        def tasks() -> Iterator[Task]:
            for top in range(0, down, high):
                for left in range(0, across, TILES):
                    yield task(top, min(top + high, down), left, min(left + wide, across))

        def task(top: int, bottom: int, left: int, right: int) -> Task:
            def do(room: Floats) -> None:
                self._library.call(
                    "winograd",
                    rows, columns, before.scale, before.shift, before.floor, self._channels, self._weights,
                    room, 4 * self._v_step, room[TAPS * self._v_step :], 4 * self._m_step,
                    outputs, self._features, self._padded, self._bias, _NONE,
                    top, bottom, left, right, height, width,
                    0 if sums is None else sums[top, left // TILES], 0 if sums is None else sums.strides[0],
                )  # fmt: skip

            return do

        team.do(tasks())


_NONE = np.full(1, -np.inf, np.float32)


@dataclass(frozen=True)
class Phase:
    """A part of a convolution: of every few pixels of the output, one.

    Attributes:
        weight: (features, channels, h, w).
        row: The first row of the padded input that the first row of the output needs.
        column: The first column.
        down: Number of the first row of the output that it makes.
        across: Number of the first column.
    """

    weight: Floats
    row: int = 0
    column: int = 0
    down: int = 0
    across: int = 0


class Direct:
    """A convolution of any kernel and stride; a transposed one is several of stride 1, one for each phase of its output.

    Args:
        library: The kernels.
        phases: One, or ``step[0] * step[1]``.
        bias: (features) or None.
        stride: Vertical and horizontal.
        step: Rows and columns of the output from one of a phase to the next.
        last: Whether nothing is normalised behind it, and rows of the output may have room for more pixels.

    Attributes:
        together: Pixels that are made together, a multiple of which rows of the output have room for.
    """

    def __init__(
        self,
        library: "Library",
        phases: list[Phase],
        bias: Floats | None,
        stride: tuple[int, int] = (1, 1),
        step: tuple[int, int] = (1, 1),
        last: bool = False,
    ) -> None:
        self._library, self._phases, self._stride, self._step = library, phases, stride, step
        lanes = library.machine.lanes
        self._features, self._channels = phases[0].weight.shape[:2]
        # Outputs of few channels are made several pixels at a time, or most of a vector would stay empty.
        single = last and step == (1, 1) and stride == (1, 1)
        self.together = max(1, lanes // self._features // 2 * 2) if single else 1
        self._made = self.together * self._features
        self._name, vectors = ("narrow", 1) if self._made <= lanes else ("direct", 2)
        self._weights = [_panels(_repeated(phase.weight, self.together), vectors * lanes) for phase in phases]
        bias = None if bias is None else np.tile(bias, self.together)
        self._bias = _filled(bias, -(-self._made // (vectors * lanes)) * vectors * lanes)
        self.group = step[0]
        self.bytes = sum(weights.nbytes for weights in self._weights)
        h = max(phase.weight.shape[2] for phase in phases)
        w = max(phase.weight.shape[3] for phase in phases) + self.together - 1
        across = self.together * stride[1]
        spare = 2 * library.machine.rows * across
        self.room = (((ROWS - 1) * stride[0] + h) * ((COLUMNS - 1) * across + w) + spare) * self._channels

    def slots(self, width: int) -> int:
        """Return how many sums are taken of each group of rows."""
        return len(self._phases) * -(-width // (COLUMNS * self._step[1]))

    def run(
        self, team: Team, rows: Integers, columns: Integers, before: Before, outputs: Integers, width: int, sums: Doubles | None
    ) -> None:
        """Make rows of the output; see :class:`Convolution`."""
        slots = self.slots(width) // len(self._phases)
        tasks: list[Task] = []
        columns = _longer(columns, len(columns) + self.together, -1)
        for number, (phase, weights) in enumerate(zip(self._phases, self._weights, strict=True)):
            h, w = phase.weight.shape[2:]
            places = outputs[phase.down :: self._step[0]] + phase.across * self._made * 4
            across = -(-max(0, width - phase.across) // (self._step[1] * self.together))
            for top in range(0, len(places), ROWS):
                for slot, left in enumerate(range(0, across, COLUMNS)):
                    tasks.append(
                        self._task(
                            rows[phase.row :], columns[phase.column :], before, weights, h, w + self.together - 1, places,
                            top, min(top + ROWS, len(places)), left, min(left + COLUMNS, across),
                            None if sums is None else sums[:, number * slots + slot],
                        )
                    )  # fmt: skip
        team.do(tasks)

    def _task(
        self, rows: Integers, columns: Integers, before: Before, weights: Floats, h: int, w: int, places: Integers,
        top: int, bottom: int, left: int, right: int, sums: Doubles | None,
    ) -> Task:  # fmt: skip
        def do(room: Floats) -> None:
            self._library.call(
                self._name,
                rows, columns, before.scale, before.shift, before.floor, self._channels, weights,
                h, w, self._stride[1] * self.together, self._stride[0], room,
                places, 4 * self._made * self._step[1], self._made, self._bias, _NONE,
                top, bottom, left, right, 0 if sums is None else sums[top], 0 if sums is None else sums.strides[0],
            )  # fmt: skip

        return do


def _longer(table: Integers, length: int, value: int) -> Integers:
    return np.concatenate([table, np.full(max(0, length - len(table)), value, np.int64)])


def _tiles(length: int) -> int:
    return -(-length // TILE)


def _filled(bias: Floats | None, length: int) -> Floats:
    """Return a bias with zeros behind it."""
    filled = np.zeros(length, np.float32)
    if bias is not None:
        filled[: len(bias)] = bias
    return filled


def _repeated(weight: Floats, times: int) -> Floats:
    """Return the kernel that makes so many pixels beside each other, (pixels * features, channels, h, w + pixels - 1)."""
    features, channels, h, w = weight.shape
    wide = np.zeros((times, features, channels, h, w + times - 1), np.float32)
    for one in range(times):
        wide[one, ..., one : one + w] = weight
    return wide.reshape(times * features, channels, h, w + times - 1)


def _panels(weight: Floats, width: int) -> Floats:
    """Return weights as the kernels read them, (panels, h, w, channels, width)."""
    features = weight.shape[0]
    panels = -(-features // width)
    flat = weight.transpose(2, 3, 1, 0).reshape(-1, features)
    padded = np.zeros((len(flat), panels * width), np.float32)
    padded[:, :features] = flat
    ordered = aligned(padded.size)
    ordered.reshape(panels, len(flat), width)[:] = padded.reshape(len(flat), panels, width).transpose(1, 0, 2)
    return ordered


def add(
    library: "Library", team: Team, before: Integers, after: Integers, into: Integers, terms: Before, width: int
) -> None:
    """Write rows that are the sum of some, and of others times ``scale`` plus ``shift``, and not below ``floor``.

    Args:
        library: The kernels.
        team: Who does the work.
        before: Addresses of the rows that are added as they are, (width, channels) each.
        after: Addresses of the others.
        into: Addresses of the sum's, which may be those of either.
        terms: Scale and shift of the others, and the floor of the sum.
        width: Of the rows.
    """

    def task(top: int) -> Task:
        def do(room: Floats) -> None:
            library.call(
                "addition", before, after, into, terms.scale, terms.shift, terms.floor, len(terms.scale), width,
                top, min(top + high, len(into)),
            )  # fmt: skip

        return do

    high = max(1, ADDED // (width * len(terms.scale)))
    team.do(task(top) for top in range(0, len(into), high))


ADDED = 1 << 17  # values that a thread adds at once
