"""Where things are in a picture once it is upright."""

from dataclasses import dataclass
from decimal import Decimal
from typing import TypeVar

Number = TypeVar("Number", int, float, Decimal)

_SIDEWAYS = 5  # from this orientation on, sides are swapped
_FROM_THE_RIGHT = (2, 3, 7, 8)  # those that count x of the stored picture from its other end
_FROM_THE_BOTTOM = (3, 4, 6, 7)


@dataclass(frozen=True)
class Turn:
    """How a picture is stored, and so what makes it upright.

    Attributes:
        orientation: EXIF's, 1 (upright) to 8.
        width: Pixels across, as stored.
        height: Pixels down, as stored.
    """

    orientation: int
    width: int
    height: int

    @property
    def sideways(self) -> bool:
        """Whether the sides of the upright picture are swapped."""
        return self.orientation >= _SIDEWAYS

    @property
    def upright(self) -> tuple[int, int]:
        """Width and height of the upright picture."""
        return (self.height, self.width) if self.sideways else (self.width, self.height)

    def point(self, x: Number, y: Number, right: Number, bottom: Number) -> tuple[Number, Number]:
        """Return where a point of the stored picture is in the upright one.

        Args:
            x: From the left.
            y: From the top.
            right: What x is at the right end: the width less 1 for pixels that are counted, 1 for shares of the width.
            bottom: What y is at the bottom.
        """
        if self.orientation in _FROM_THE_RIGHT:
            x = right - x
        if self.orientation in _FROM_THE_BOTTOM:
            y = bottom - y
        return (y, x) if self.sideways else (x, y)

    def size(self, width: Number, height: Number) -> tuple[Number, Number]:
        """Return the sides that something of the stored picture has in the upright one."""
        return (height, width) if self.sideways else (width, height)
