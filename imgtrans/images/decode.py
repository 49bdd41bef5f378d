"""From a file to upright 8-bit sRGB pixels, alpha, and what is kept to write the picture back as it was."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, TiffImagePlugin

from imgtrans.errors import ImageError
from imgtrans.images.colour import to_srgb
from imgtrans.images.formats import open_image
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
_ANIMATED = ("GIF", "PNG", "WEBP", "AVIF")  # a PSD's frames are its layers, an MPO's first is the photo
_NEW_SUBFILE_TYPE, _BITS_PER_SAMPLE, _PHOTOMETRIC = 254, 258, 262
_REDUCED_OR_MASK = 1 | 4
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
    """Read a picture.

    Args:
        path: The file.
        max_pixels: Pictures with more pixels are refused before they are decoded.

    Raises:
        ImageError: If it is no picture, broken or cut off, too large, or has several frames or pages.
    """
    with open_image(path, max_pixels) as image:
        _refuse_sequence(image, path)
        raw_mode = _raw_mode(image)
        stored = 1
        if isinstance(image, TiffImagePlugin.TiffImageFile):  # Pillow turns it upright while loading it
            drop_broken_directories(image)
            stored = orientation(image)
        image.load()
        now = orientation(image)
        keep = keepsake(image, path, sideways=max(stored, now) >= 5)
        profile = image.info.get("icc_profile")
        upright = image.transpose(_TURNS[now]) if now in _TURNS else image
        colour, alpha = split_alpha(upright, raw_mode)
        colour = to_srgb(_to_8bit(colour, image), profile)
        pixels = np.asarray(colour if colour.mode == "RGB" else to_rgb(colour))
    return Picture(pixels, alpha, keep)


def _refuse_sequence(image: Image.Image, path: Path) -> None:
    """Raise ImageError if a file holds more than one picture."""
    shown = os.fsdecode(path)
    if image.format in _ANIMATED and (frames := getattr(image, "n_frames", 1)) > 1:
        raise ImageError(f"{shown} is an animation of {frames} frames; animations are not translated yet.")
    if isinstance(image, TiffImagePlugin.TiffImageFile) and (pages := _pages(image)) > 1:
        raise ImageError(f"{shown} has {pages} pages; files of several pages are not translated yet.")


def _pages(image: TiffImagePlugin.TiffImageFile) -> int:
    """Return how many pages a TIFF has, not counting thumbnails, lower levels of a pyramid and masks."""
    if image.n_frames == 1:
        return 1
    pages = 1
    for frame in range(1, image.n_frames):
        image.seek(frame)
        pages += not image.tag_v2.get(_NEW_SUBFILE_TYPE, 0) & _REDUCED_OR_MASK
    image.seek(0)
    return pages


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
