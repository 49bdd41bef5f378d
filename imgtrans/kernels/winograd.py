"""A 3x3 convolution by the kernel ``winograd``: its weights transformed, and its tiles shared out."""

from typing import TYPE_CHECKING

import numpy as np

from imgtrans.kernels.convolution import NOTHING, Before, Doubles, Integers, addresses, filled, longer, sums_of
from imgtrans.kernels.team import Floats, Task, Team, aligned

if TYPE_CHECKING:
    from imgtrans.kernels.library import Library

EVERY = tuple((i, j) for i in range(6) for j in range(6))  # products of a tile, by row and column
OF_ENLARGED = tuple((i, j) for i, j in EVERY if i != 2 and j != 2)
TILES = 32  # that a thread transforms at once
LEAST_WORK = 1 << 25  # products that a thread does before it looks for more to do, where there is enough for all
SHARES = 4  # of each thread, at least
TILE = 4  # pixels of a tile's side

# From the kernel's three values to the six that tiles are multiplied with.
_TRANSFORM = np.array([[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]], float) / 24


class Winograd:
    """A 3x3 convolution of stride 1 whose channels fill vectors.

    Args:
        library: The kernels.
        weight: (features, channels, 3, 3).
        bias: (features) or None.
        enlarged: Whether each pixel of its input is there twice, down and across, with zeros around.
    """

    group, together = TILE, 1

    def __init__(self, library: "Library", weight: Floats, bias: Floats | None, *, enlarged: bool = False) -> None:
        self._library = library
        self._name, taps = ("winograd_enlarged", OF_ENLARGED) if enlarged else ("winograd", EVERY)
        lanes = library.machine.lanes
        self._features, self._channels = weight.shape[:2]
        panels = -(-self._features // (2 * lanes))
        self._padded = panels * 2 * lanes
        flat = np.zeros((9, self._channels, self._padded))
        flat[:, :, : self._features] = weight.transpose(2, 3, 1, 0).reshape(9, self._channels, -1)
        transform = np.kron(_TRANSFORM, _TRANSFORM)[[EVERY.index(tap) for tap in taps]]
        transformed = (transform @ flat.reshape(9, -1)).reshape(len(taps), self._channels, panels, 2 * lanes)
        self._weights = aligned(transformed.size)
        self._weights.reshape(len(taps), panels, self._channels, 2 * lanes)[:] = transformed.transpose(0, 2, 1, 3)
        self._bias = filled(bias, self._padded)
        together = -(-TILES // library.machine.rows) * library.machine.rows
        # One vector more, so that the products do not fall onto the same lines of a cache.
        self._v_step, self._m_step = together * self._channels + lanes, together * self._padded + lanes
        self._v_step += -self._v_step % lanes
        self._m_step += -self._m_step % lanes
        self._m_begin = len(taps) * self._v_step
        self.room = self._m_begin + len(taps) * self._m_step + lanes
        self._work = len(taps) * TILES * self._channels * self._padded
        self.bytes = self._weights.nbytes

    def slots(self, width: int) -> int:
        """Return how many sums are taken of each row of tiles."""
        return -(-_tiles(width) // TILES)

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
        down, across = _tiles(len(outputs)), _tiles(width)
        wide = min(across, TILES)
        high = TILES // wide
        height = len(outputs)
        outputs = longer(outputs, TILE * down, 0)
        rows, columns = longer(rows, TILE * down + 2, 0), longer(columns, TILE * across + 2, -1)

        terms = [*addresses(before.scale, before.shift, before.floor), self._channels, *addresses(self._weights)]
        made = [self._features, self._padded, *addresses(self._bias, NOTHING)]
        first_row, first_column = addresses(rows, columns)
        first_sums, sums_step, slot_step = sums_of(sums)

        blocks = -(-across // TILES)
        row = self._work * blocks // high
        shares = SHARES * team.size
        least = min(-(-LEAST_WORK // row), down // shares)
        step = max(1, least // high) * high
        # Of few rows of tiles parts are shared out: whole blocks, so that sums stay what they are.
        parts = max(1, min(blocks, shares // -(-down // step), row * step // LEAST_WORK))
        part = -(-blocks // parts) * TILES
        lefts = range(0, across, part)
        places = [outputs + (outputs > 0) * (4 * TILE * left * self._features) for left in lefts]

        def task(top: int, left: int) -> Task:
            def do(room: int) -> None:
                self._library.call(
                    self._name,
                    first_row, first_column + 8 * TILE * left, *terms,
                    room, 4 * self._v_step, room + 4 * self._m_begin, 4 * self._m_step,
                    places[left // part].ctypes.data, *made,
                    top, min(top + step, down), min(part, across - left), high, wide, height, width - TILE * left,
                    first_sums + top * sums_step + left // TILES * slot_step, sums_step, slot_step,
                )  # fmt: skip

            return do

        team.do(task(top, left) for top in range(0, down, step) for left in lefts)


def _tiles(length: int) -> int:
    return -(-length // TILE)
