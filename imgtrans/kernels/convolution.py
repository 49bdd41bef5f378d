"""What every convolution by a kernel is asked, and what is done to a map as one reads it."""

from dataclasses import dataclass
from functools import cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from imgtrans.kernels.team import Floats, Team

Integers = NDArray[np.int64]
Doubles = NDArray[np.float64]

NOTHING = np.full(1, -np.inf, np.float32)  # is below every value


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
    @cache
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
        self,
        team: Team,
        rows: Integers,
        columns: Integers,
        before: Before,
        outputs: Integers,
        width: int,
        sums: Doubles | None,
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


def longer(table: Integers, length: int, value: int) -> Integers:
    """Return a table with a value behind it, so often that it has a length."""
    return np.concatenate([table, np.full(max(0, length - len(table)), value, np.int64)])


def filled(bias: Floats | None, length: int) -> Floats:
    """Return a bias with zeros behind it."""
    filled = np.zeros(length, np.float32)
    if bias is not None:
        filled[: len(bias)] = bias
    return filled


def addresses(*arrays: NDArray[np.generic]) -> list[int]:
    """Return where arrays begin."""
    return [array.ctypes.data for array in arrays]


def sums_of(sums: Doubles | None) -> tuple[int, int, int]:
    """Return where sums begin, the bytes from a group to the next, and from a slot; zeros if none are taken."""
    return (0, 0, 0) if sums is None else (sums.ctypes.data, sums.strides[0], sums.strides[1])
