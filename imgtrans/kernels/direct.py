"""A convolution of any kernel and stride by the kernels ``direct`` and ``narrow``, a transposed one among them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from imgtrans.kernels.convolution import NOTHING, Before, Doubles, Integers, addresses, filled, longer, sums_of
from imgtrans.kernels.team import Floats, Task, Team, aligned

if TYPE_CHECKING:
    from imgtrans.kernels.library import Library

LEAST_ROWS, MOST_ROWS, COLUMNS = 4, 32, 64  # of the output that a thread makes at once,
ROOM = 48 << 10  # where their inputs do not take more numbers than that


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
    """A convolution of any kernel and stride. A transposed one is several of stride 1, one for each phase.

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
        self.together = max(1, lanes // self._features) if single else 1
        self._made = self.together * self._features
        self._name, vectors = ("narrow", 1) if self._made <= lanes else ("direct", 2)
        self._weights = [_panels(_repeated(phase.weight, self.together), vectors * lanes) for phase in phases]
        bias = None if bias is None else np.tile(bias, self.together)
        self._bias = filled(bias, -(-self._made // (vectors * lanes)) * vectors * lanes)
        self.group = step[0]
        self.bytes = sum(weights.nbytes for weights in self._weights)
        h = max(phase.weight.shape[2] for phase in phases)
        w = max(phase.weight.shape[3] for phase in phases) + self.together - 1
        across = self.together * stride[1]
        wide = ((COLUMNS - 1) * across + w) * self._channels
        self._rows = max(LEAST_ROWS, min(MOST_ROWS, (ROOM // wide - h) // stride[0] + 1))
        spare = 2 * library.machine.rows * across * self._channels
        self.room = ((self._rows - 1) * stride[0] + h) * wide + spare

    def slots(self, width: int) -> int:
        """Return how many sums are taken of each group of rows."""
        return len(self._phases) * -(-width // (COLUMNS * self._step[1]))

    def run(
        self,
        team: Team,
        rows: Integers,
        columns: Integers,
        before: Before,
        outputs: Integers,
        width: int,
        sums: Doubles | None,
    ) -> None:
        """Make rows of the output; see :class:`Convolution`."""
        if sums is not None and self.together > 1:
            raise ValueError("pixels that are made together have no sums of their own")
        slots = self.slots(width) // len(self._phases)
        first_sums, sums_step, slot_step = sums_of(sums)
        columns = longer(columns, len(columns) + self.together, -1)
        tasks: list[Task] = []
        held = []  # so that their addresses hold
        for number, (phase, weights) in enumerate(zip(self._phases, self._weights, strict=True)):
            places = outputs[phase.down :: self._step[0]] + phase.across * self._made * 4
            held.append(places)
            given = [
                *addresses(rows[phase.row :], columns[phase.column :], before.scale, before.shift, before.floor),
                self._channels, *addresses(weights), phase.weight.shape[2], phase.weight.shape[3] + self.together - 1,
                self._stride[1] * self.together, self._stride[0],
            ]  # fmt: skip
            made = [
                *addresses(places), 4 * self._made * self._step[1], self._made, *addresses(self._bias, NOTHING)
            ]  # fmt: skip
            across = -(-max(0, width - phase.across) // (self._step[1] * self.together))
            tasks += [
                self._task(given, made, top, min(top + self._rows, len(places)), left, min(left + COLUMNS, across),
                           first_sums + top * sums_step + (number * slots + slot) * slot_step, sums_step)
                for top in range(0, len(places), self._rows)
                for slot, left in enumerate(range(0, across, COLUMNS))
            ]  # fmt: skip
        team.do(tasks)

    def _task(self, given: list[int], made: list[int], *rest: int) -> Task:
        def do(room: int) -> None:
            self._library.call(self._name, *given, room, *made, *rest)

        return do


def _repeated(weight: Floats, times: int) -> Floats:
    """Return the kernel that makes some pixels beside each other, (pixels * features, channels, h, w + pixels - 1)."""
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
