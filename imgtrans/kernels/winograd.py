"""A 3x3 convolution by the kernel ``winograd``: its weights transformed, and its tiles shared out."""

from typing import TYPE_CHECKING

import numpy as np

from imgtrans.kernels.convolution import NOTHING, Before, Doubles, Integers, addresses, filled, longer, slot_of
from imgtrans.kernels.team import Floats, Task, Team, aligned

if TYPE_CHECKING:
    from imgtrans.kernels.library import Library

TAPS = 36  # products of a tile
TILES = 32  # that a thread transforms at once
TILE = 4  # pixels of a tile's side

# From the kernel's three values to the six that tiles are multiplied with.
_TRANSFORM = np.array([[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]], float) / 24


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
        flat = np.zeros((9, self._channels, self._padded))
        flat[:, :, : self._features] = weight.transpose(2, 3, 1, 0).reshape(9, self._channels, -1)
        taps = np.kron(_TRANSFORM, _TRANSFORM) @ flat.reshape(9, -1)
        self._weights = aligned(taps.size)
        ordered = self._weights.reshape(TAPS, panels, self._channels, 2 * lanes)
        ordered[:] = taps.reshape(TAPS, self._channels, panels, 2 * lanes).transpose(0, 2, 1, 3)
        self._bias = filled(bias, self._padded)
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

        given = [*addresses(rows, columns, before.scale, before.shift, before.floor), self._channels]
        weights, into, bias, least = addresses(self._weights, outputs, self._bias, NOTHING)

        def task(top: int, bottom: int, left: int, right: int) -> Task:
            def do(room: int) -> None:
                self._library.call(
                    "winograd",
                    *given, weights,
                    room, 4 * self._v_step, room + 4 * TAPS * self._v_step, 4 * self._m_step,
                    into, self._features, self._padded, bias, least,
                    top, bottom, left, right, height, width, *slot_of(sums, top, left // TILES),
                )  # fmt: skip

            return do

        team.do(
            task(top, min(top + high, down), left, min(left + wide, across))
            for top in range(0, down, high)
            for left in range(0, across, TILES)
        )


def _tiles(length: int) -> int:
    return -(-length // TILE)
