"""A 3x3 convolution by the kernels ``winograd``: its weights transformed, and its tiles shared out."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from imgtrans.kernels.convolution import NOTHING, Before, Doubles, Integers, addresses, filled, longer, sums_of
from imgtrans.kernels.team import Floats, Task, Team, aligned

if TYPE_CHECKING:
    from imgtrans.kernels.library import Library

TILES = 32  # that a thread transforms at once
LEAST_WORK = 1 << 25  # products that a thread does before it looks for more to do, where there is enough for all
SHARES = 4  # of each thread, at least


@dataclass(frozen=True)
class Scheme:
    """How tiles are made along one side; a tile's other side is made the same way.

    Attributes:
        kernel: The name of the kernel.
        step: Rows of the padded input from one tile to the next.
        reads: Which rows from there on it needs.
        side: Rows of the output that it makes.
        transform: From the three values of a kernel to those that tiles are multiplied with, (weights, 3).
        products: For each product of a tile, with which of these.
    """

    kernel: str
    step: int
    reads: tuple[int, ...]
    side: int
    transform: Doubles
    products: tuple[int, ...]

    @property
    def span(self) -> int:
        """How many rows of the padded input a tile reaches over."""
        return self.reads[-1] + 1


# F(4, 3): four outputs of six inputs and three values, at the points 0, 1, -1, 2, -2.
_FOUR_OF_THREE = np.array([[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]], float) / 24
# F(4, 2): four outputs of five inputs and two values, at the points 0, 1, -1, 2.
_FOUR_OF_TWO = np.array([[3, 0], [-3, -3], [-1, 1], [1, 2], [0, 6]], float) / 6
_ALONE = np.array([[0, 1, 0]], float)  # the value in the middle, as it is


def _split(first: int, second: int) -> Doubles:
    """Return how two of three values are transformed as F(4, 2) wants them, and the one in the middle not at all."""
    two = np.zeros((len(_FOUR_OF_TWO), 3))
    two[:, [first, second]] = _FOUR_OF_TWO
    return np.concatenate([two, _ALONE])


WHOLE = Scheme("winograd", 4, (0, 1, 2, 3, 4, 5), 4, _FOUR_OF_THREE, (0, 1, 2, 3, 4, 5))
# Each row of the input is there twice, with zeros around: of those that are one, one is read, and one product is zero.
ENLARGED = Scheme("winograd_enlarged", 4, (0, 1, 3, 5), 4, np.delete(_FOUR_OF_THREE, 2, axis=0), (0, 1, 2, 3, 4))
# Of a convolution of stride 2, the odd rows see the value in the middle, and the even ones the two others.
HALVED = Scheme("winograd_halved", 8, (0, 1, 2, 3, 4, 5, 6, 7, 8), 4, _split(0, 2), (0, 1, 2, 3, 4, 5, 5, 5, 5))
# A transposed one of stride 2 makes even rows with the value in the middle, and odd ones with the two others.
DOUBLED = Scheme("winograd_doubled", 4, (0, 1, 2, 3, 4), 8, _split(2, 0), (0, 1, 2, 3, 4, 5, 5, 5, 5))
SCHEMES = (WHOLE, ENLARGED, HALVED, DOUBLED)


class Winograd:
    """A 3x3 convolution whose channels fill vectors.

    Args:
        library: The kernels.
        weight: (features, channels, 3, 3); of a transposed one, as it is there but for the order of the first two.
        bias: (features) or None.
        scheme: Of stride 1 (``WHOLE``), of stride 1 and of an input whose pixels are each there twice, down and across
            (``ENLARGED``), of stride 2 (``HALVED``), or transposed, of stride 2, with a row and a column cut off all
            around (``DOUBLED``).
    """

    together = 1

    def __init__(self, library: "Library", weight: Floats, bias: Floats | None, scheme: Scheme = WHOLE) -> None:
        self._library, self._scheme, self.group = library, scheme, scheme.side
        lanes = library.machine.lanes
        self._features, self._channels = weight.shape[:2]
        panels = -(-self._features // (2 * lanes))
        self._padded = panels * 2 * lanes
        flat = np.zeros((9, self._channels, self._padded))
        flat[:, :, : self._features] = weight.transpose(2, 3, 1, 0).reshape(9, self._channels, -1)
        transform = np.kron(scheme.transform, scheme.transform)
        transformed = (transform @ flat.reshape(9, -1)).reshape(-1, self._channels, panels, 2 * lanes)
        self._weights = aligned(transformed.size)
        ordered = self._weights.reshape(len(transformed), panels, self._channels, 2 * lanes)
        ordered[:] = transformed.transpose(0, 2, 1, 3)
        # Products with the same weights follow each other, so that these stay in the cache.
        which = [len(scheme.transform) * i + j for i in scheme.products for j in scheme.products]
        order = sorted(range(len(which)), key=which.__getitem__)
        self._order = np.array([(n, ordered[which[n]].ctypes.data) for n in order], np.int64)
        self._bias = filled(bias, self._padded)
        together = -(-TILES // library.machine.rows) * library.machine.rows
        # One vector more, so that the products do not fall onto the same lines of a cache.
        self._v_step, self._m_step = together * self._channels + lanes, together * self._padded + lanes
        self._v_step += -self._v_step % lanes
        self._m_step += -self._m_step % lanes
        self._m_begin = len(which) * self._v_step
        self.room = self._m_begin + len(which) * self._m_step + lanes
        self._work = len(which) * TILES * self._channels * self._padded
        self.bytes = self._weights.nbytes

    def slots(self, width: int) -> int:
        """Return how many sums are taken of each row of tiles."""
        return -(-self._tiles(width) // TILES)

    def _tiles(self, length: int) -> int:
        return -(-length // self._scheme.side)

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
        scheme = self._scheme
        down, across = self._tiles(len(outputs)), self._tiles(width)
        wide = min(across, TILES)
        high = TILES // wide
        height = len(outputs)
        outputs = longer(outputs, scheme.side * down, 0)
        more = scheme.span - scheme.step
        rows, columns = longer(rows, scheme.step * down + more, 0), longer(columns, scheme.step * across + more, -1)

        terms = [*addresses(before.scale, before.shift, before.floor), self._channels, *addresses(self._order)]
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
        places = [outputs + (outputs > 0) * (4 * scheme.side * left * self._features) for left in lefts]

        def task(top: int, left: int) -> Task:
            def do(room: int) -> None:
                self._library.call(
                    scheme.kernel,
                    first_row, first_column + 8 * scheme.step * left, *terms,
                    room, 4 * self._v_step, room + 4 * self._m_begin, 4 * self._m_step,
                    places[left // part].ctypes.data, *made,
                    top, min(top + step, down), min(part, across - left), high, wide,
                    height, width - scheme.side * left,
                    first_sums + top * sums_step + left // TILES * slot_step, sums_step, slot_step,
                )  # fmt: skip

            return do

        team.do(task(top, left) for top in range(0, down, step) for left in lefts)
