"""From a file to upright sRGB pixels, alpha, and what is kept to write the picture back as it was."""

import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, TiffImagePlugin

from imgtrans.errors import ImageError
from imgtrans.images.colour import to_srgb
from imgtrans.images.deep import TOP, parted, samples, to_srgb_deep, turned, widened
from imgtrans.images.formats import open_image
from imgtrans.images.frames import count_frames, duration, go_to, timing
from imgtrans.images.keepsake import Keepsake, keepsake
from imgtrans.images.metadata.carried import drop_broken_directories, orientation
from imgtrans.images.modes import DEEP_MODES, scaled, split_alpha, to_8bit, to_rgb
from imgtrans.images.tiff import mend, refuse_large_tiles
from imgtrans.protocols import Pixels

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
        pixels: (H, W, 3) uint8 or uint16, sRGB, upright, not to be written to.
        alpha: (H, W) of the same type, 0 (transparent) to the most that it holds, or None if the file has none.
        keep: What is needed to write it back as it was.
    """

    pixels: Pixels
    alpha: Pixels | None
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


def decode_frames(
    path: Path, max_pixels: int | None = None, *, first_only: bool = False, deep: bool = False
) -> list[Picture]:
    """Read all frames of an animation or pages of a TIFF, or the one picture of any other file.

    Args:
        path: The file.
        max_pixels: Files whose pictures have more pixels together are refused before they are decoded.
        first_only: Whether only the first frame or page is read.
        deep: Whether pixels are wanted in 16 bits, whatever the file has; animations have 8 all the same.

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
        deep = deep and (len(numbers) == 1 or isinstance(image, TiffImagePlugin.TiffImageFile))
        for number in numbers:
            if len(numbers) > 1:
                go_to(image, number)
            refuse_large_tiles(image, path, max_pixels)
            pictures.append(_decoded(image, path, raw_mode if number == 0 else _raw_mode(image), number, deep))
            durations.append(duration(image))
        keep = replace(pictures[0].keep, timing=timing(image, durations))
        return [replace(pictures[0], keep=keep), *pictures[1:]]


def _decoded(image: Image.Image, path: Path, raw_mode: str, number: int, deep: bool) -> Picture:
    stored = 1
    if isinstance(image, TiffImagePlugin.TiffImageFile):  # Pillow turns it upright while loading it
        drop_broken_directories(image)
        mend(image)
        stored = orientation(image)
    image.load()
    now = orientation(image)
    keep = keepsake(image, path, stored=stored, raw_mode=raw_mode)
    profile = image.info.get("icc_profile")
    if deep and (values := samples(image, path, raw_mode, number)) is not None:
        deep_colour, deep_alpha = parted(turned(values, max(stored, now)), image)
        return Picture(to_srgb_deep(deep_colour, profile), deep_alpha, keep)
    upright = image.transpose(_TURNS[now]) if now in _TURNS else image
    colour, alpha = split_alpha(upright, raw_mode)
    if deep:
        return Picture(_widened(colour, image, profile), None if alpha is None else widened(alpha), keep)
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
    if colour.mode not in DEEP_MODES:
        return colour
    flat = to_8bit(colour, bits=_bits(image))
    return ImageOps.invert(flat) if _is_inverted(colour, image) else flat


def _widened(colour: Image.Image, image: Image.Image, profile: bytes | None) -> Pixels:
    """Return a picture that Pillow has read in full as sRGB of 16 bits, (H, W, 3)."""
    if colour.mode in DEEP_MODES:
        values = scaled(colour, _bits(image), TOP).astype(np.uint16)
        return to_srgb_deep(TOP - values if _is_inverted(colour, image) else values, profile)
    if colour.mode in ("L", "RGB"):
        return to_srgb_deep(widened(np.asarray(colour)), profile)
    return widened(np.asarray(to_rgb(to_srgb(colour, profile))))


def _bits(image: Image.Image) -> int:
    """Return how many bits a sample of a deep gray picture has: only TIFF has 12."""
    twelve = isinstance(image, TiffImagePlugin.TiffImageFile) and image.tag_v2.get(_BITS_PER_SAMPLE) == (12,)
    return 12 if twelve else 16


def _is_inverted(colour: Image.Image, image: Image.Image) -> bool:
    """Whether zero is white in a deep gray picture."""
    if colour.mode == "F" or not isinstance(image, TiffImagePlugin.TiffImageFile):
        return False
    return bool(image.tag_v2.get(_PHOTOMETRIC) == _WHITE_IS_ZERO)
