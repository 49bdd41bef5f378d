"""One square of one picture, cut out as it was drawn; without PyTorch, so that who only reads starts at once."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imgtrans.errors import FilesError, ImageError
from imgtrans.images.decode import decode_opened
from imgtrans.images.formats import open_image
from imgtrans.training.data.augment import Change

Pixels: TypeAlias = NDArray[np.uint8]

# How many times as large as it will be needed a picture is left at least: below that, means of squares show.
_DECODED, _REDUCED = 3.0, 4.0


@dataclass(frozen=True)
class Cut:
    """Which square of which picture.

    Attributes:
        index: Of the picture among its domain's files.
        short_side: What the picture's short side is scaled to before the square is cut, in pixels.
        across: Where the square lies, from 0 (left) to 1.
        down: Where it lies, from 0 (top) to 1.
        flip: Whether it is mirrored.
        change: What else is changed about it.
    """

    index: int
    short_side: float
    across: float
    down: float
    flip: bool
    change: Change | None = None


def read_crop(
    files: Sequence[Path], cut: Cut, side: int, load: Callable[[Path], Image.Image]
) -> tuple[Pixels, dict[Path, str]]:
    """Cut a square out of a picture, or where that cannot be read, out of the next one.

    Args:
        files: The pictures of a domain.
        cut: Which square.
        side: Of the square, in pixels.
        load: Decodes a picture as 8-bit RGB, or raises an ImageError.

    Returns:
        The square (side, side, 3), and why each picture was left out that cannot be read.

    Raises:
        FilesError: If none of the pictures can be read.
    """
    left_out: dict[Path, str] = {}
    for attempt in range(len(files)):
        path = files[(cut.index + attempt) % len(files)]
        try:
            image = load(path)
            break
        except ImageError as error:  # one bad picture must not end a training of days
            left_out[path] = error.message
    else:
        raise FilesError(f"no picture in {files[0].parent} can be read")
    taken = side * min(image.size) / cut.short_side
    left, top = cut.across * (image.width - taken), cut.down * (image.height - taken)
    box = (left, top, left + taken, top + taken)
    wide = cut.change.widened(side) if cut.change else side
    image = image.resize((wide, wide), Image.Resampling.BICUBIC, box=box)
    if cut.change:
        image = cut.change.made_of(image, side)
    if cut.flip:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return np.array(image), left_out


def load_rgb(path: Path, needed: float = math.inf) -> Image.Image:
    """Decode a picture as a run reads it: upright, in sRGB, as RGB of 8 bits.

    Args:
        path: The file.
        needed: The largest short side that it will be scaled to, in pixels. What is much larger comes smaller, but not
            below three times that: a JPEG is decoded at a half, a quarter or an eighth, in a fraction of the time,
            and of what is still too large the means of squares of pixels are taken.

    Raises:
        ImageError: If it cannot be decoded.
    """
    with open_image(path) as image:
        if min(image.size) >= 2 * _DECODED * needed:
            image.draft(None, (math.ceil(_DECODED * needed),) * 2)
        rgb = Image.fromarray(decode_opened(image, path))
    times = int(min(rgb.size) / (_REDUCED * needed))
    return rgb.reduce(times) if times > 1 else rgb
