"""From a file to upright 8-bit sRGB pixels, alpha, and what is kept to write the picture back as it was."""

import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, TiffImagePlugin

from imgtrans.errors import ImageError
from imgtrans.images.colour import to_srgb
from imgtrans.images.formats import open_image
from imgtrans.images.frames import count_frames, duration, go_to, timing
from imgtrans.images.keepsake import Keepsake, keepsake
from imgtrans.images.metadata import drop_broken_directories, orientation
from imgtrans.images.modes import DEEP_MODES, split_alpha, to_8bit, to_rgb

# Orientation -> what makes the picture upright
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_BITS_PER_SAMPLE, _PHOTOMETRIC = 258, 262
_WHITE_IS_ZERO = 0


@dataclass(frozen=True)
class Picture:
    """A decoded picture.

    Attributes:
        pixels: (H, W, 3) uint8, sRGB, upright, not to be written to.
        alpha: (H, W) uint8, 0 (transparent) to 255, or None if the file has none.
        keep: What is needed to write it back as it was.
    """

    pixels: NDArray[np.uint8]
    alpha: NDArray[np.uint8] | None
    keep: Keepsake


def decode(path: Path, max_pixels: int | None = None) -> Picture:
    """Read a picture; of a file of several only the first.

    Args:
        path: The file.
        max_pixels: Pictures with more pixels are refused before they are decoded.

    Raises:
        ImageError: If it is no picture, broken or cut off, or too large.
    """
    return decode_frames(path, max_pixels, first_only=True)[0]


def decode_frames(path: Path, max_pixels: int | None = None, *, first_only: bool = False) -> list[Picture]:
    """Read all frames of an animation or pages of a TIFF, or the one picture of any other file.

    Args:
        path: The file.
        max_pixels: Files whose pictures have more pixels together are refused before they are decoded.
        first_only: Whether only the first frame or page is read.

    Returns:
        The pictures, at least one. Each frame is as it is seen, with what lies under it. How an animation plays stands
        in the first one's ``keep``.

    Raises:
        ImageError: If it is no picture, broken or cut off, or too large.
    """
    with open_image(path, max_pixels) as image:
        raw_mode = _raw_mode(image)
        numbers, pixels = ([0], 0) if first_only else count_frames(image)
        if max_pixels is not None and pixels > max_pixels:
            raise ImageError(
                f"{os.fsdecode(path)} has {len(numbers)} frames with {pixels:,} pixels together, "
                f"more than the limit of {max_pixels:,}; --frames first would translate the first one."
            )
        pictures, durations = [], []
        for number in numbers:
            if len(numbers) > 1:
                go_to(image, number)
            pictures.append(_decoded(image, path, raw_mode if number == 0 else _raw_mode(image)))
            durations.append(duration(image))
        keep = replace(pictures[0].keep, timing=timing(image, durations))
        return [replace(pictures[0], keep=keep), *pictures[1:]]


def _decoded(image: Image.Image, path: Path, raw_mode: str) -> Picture:
    stored = 1
    if isinstance(image, TiffImagePlugin.TiffImageFile):  # Pillow turns it upright while loading it
        drop_broken_directories(image)
        stored = orientation(image)
    image.load()
    now = orientation(image)
    keep = keepsake(image, path, sideways=max(stored, now) >= 5, raw_mode=raw_mode)
    profile = image.info.get("icc_profile")
    upright = image.transpose(_TURNS[now]) if now in _TURNS else image
    colour, alpha = split_alpha(upright, raw_mode)
    colour = to_srgb(_to_8bit(colour, image), profile)
    pixels = np.asarray(colour if colour.mode == "RGB" else to_rgb(colour))
    return Picture(pixels, alpha, keep)


def _raw_mode(image: Image.Image) -> str:
    """Return Pillow's name of how the samples lie in a file that is not loaded yet."""
    tiles = getattr(image, "tile", None)
    arguments = tiles[0][3] if tiles else ""
    return arguments if isinstance(arguments, str) else ""


def _to_8bit(colour: Image.Image, image: Image.Image) -> Image.Image:
    """Scale a deep picture to 8 bits, minding what only TIFF has: 12 bits, and white at zero."""
    if colour.mode not in DEEP_MODES or not isinstance(image, TiffImagePlugin.TiffImageFile):
        return to_8bit(colour)
    scaled = to_8bit(colour, bits=12 if image.tag_v2.get(_BITS_PER_SAMPLE) == (12,) else 16)
    inverted = colour.mode != "F" and image.tag_v2.get(_PHOTOMETRIC) == _WHITE_IS_ZERO
    return ImageOps.invert(scaled) if inverted else scaled
