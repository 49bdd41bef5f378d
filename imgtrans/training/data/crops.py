"""One square of one picture, cut out as it was drawn; without PyTorch, so that who only reads starts at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imgtrans.errors import FilesError, ImageError
from imgtrans.images.formats import open_image
from imgtrans.images.modes import to_8bit, to_rgb

Pixels: TypeAlias = NDArray[np.uint8]


@dataclass(frozen=True)
class Cut:
    """Which square of which picture.

    Attributes:
        index: Of the picture among its domain's files.
        short_side: What the picture's short side is scaled to before the square is cut, in pixels.
        across: Where the square lies, from 0 (left) to 1.
        down: Where it lies, from 0 (top) to 1.
        flip: Whether it is mirrored.
    """

    index: int
    short_side: float
    across: float
    down: float
    flip: bool


def read_crop(files: Sequence[Path], cut: Cut, side: int) -> tuple[Pixels, dict[Path, str]]:
    """Cut a square out of a picture, or where that cannot be read, out of the next one.

    Args:
        files: The pictures of a domain.
        cut: Which square.
        side: Of the square, in pixels.

    Returns:
        The square (side, side, 3), and why each picture was left out that cannot be read.

    Raises:
        FilesError: If none of the pictures can be read.
    """
    left_out: dict[Path, str] = {}
    for attempt in range(len(files)):
        path = files[(cut.index + attempt) % len(files)]
        try:
            image = load_rgb(path)
            break
        except ImageError as error:  # one bad picture must not end a training of days
            left_out[path] = error.message
    else:
        raise FilesError(f"no picture in {files[0].parent} can be read")
    taken = side * min(image.size) / cut.short_side
    left, top = cut.across * (image.width - taken), cut.down * (image.height - taken)
    box = (left, top, left + taken, top + taken)
    image = image.resize((side, side), Image.Resampling.BICUBIC, box=box)
    if cut.flip:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return np.array(image), left_out


def load_rgb(path: Path) -> Image.Image:
    """Decode a picture as 8-bit RGB.

    Raises:
        ImageError: If it cannot be decoded.
    """
    with open_image(path) as image:
        return to_rgb(to_8bit(image)) if image.mode != "RGB" else image.copy()
