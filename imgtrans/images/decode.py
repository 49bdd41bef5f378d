"""From a file to upright sRGB pixels, alpha, and what is kept to write the picture back as it was."""

import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin, TiffImagePlugin

from imgtrans.errors import ImageError
from imgtrans.images.colour import to_srgb
from imgtrans.images.deep import TOP, narrowed, parted, samples, to_srgb_deep, turned, widened
from imgtrans.images.formats import open_image
from imgtrans.images.frames import count_frames, duration, timing
from imgtrans.images.keepsake import Keepsake, keepsake
from imgtrans.images.kinds.anytiff import AnyTiff
from imgtrans.images.kinds.apng import Canvas
from imgtrans.images.kinds.colours import describe
from imgtrans.images.kinds.jpeg import without_end
from imgtrans.images.kinds.tga import has_attributes
from imgtrans.images.kinds.tiff import is_white_zero, mend, refuse_large_tiles, whole_numbers
from imgtrans.images.metadata.carried import drop_broken_directories, orientation
from imgtrans.images.modes import DEEP_MODES, in_range, is_gray, split_alpha, to_rgb
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
        describe(image, path)
        raw_mode = _raw_mode(image)
        numbers, pixels = ([image.tell()], 0) if first_only else count_frames(image)
        if max_pixels is not None and pixels > max_pixels:
            raise ImageError(
                f"{os.fsdecode(path)} has {len(numbers)} frames with {pixels:,} pixels together, "
                f"more than the limit of {max_pixels:,}; --frames first would translate the first one."
            )
        pictures, durations = [], []
        canvas = None
        if isinstance(image, PngImagePlugin.PngImageFile) and len(numbers) > 1 and image.has_transparency_data:
            canvas = Canvas(image)
        deep = deep and (len(numbers) == 1 or isinstance(image, TiffImagePlugin.TiffImageFile))
        for number in numbers:
            if len(numbers) > 1 and image.tell() != number:
                image.seek(number)
                raw_mode = _raw_mode(image)
            refuse_large_tiles(image, path, max_pixels)
            pictures.append(_decoded(image, path, raw_mode, number, deep, canvas))
            durations.append(duration(image))
        keep = replace(pictures[0].keep, timing=timing(image, durations))
        return [replace(pictures[0], keep=keep), *pictures[1:]]


def decode_opened(image: Image.Image, path: Path) -> Pixels:
    """Return the pixels (H, W, 3) of a picture that :func:`open_image` has open, upright and in sRGB, of 8 bits.

    Args:
        image: The picture; a draft of it may have been asked for.
        path: Its file.
    """
    describe(image, path)
    refuse_large_tiles(image, path, None)
    return _decoded(image, path, _raw_mode(image), image.tell(), False, None).pixels


def decode_loaded(image: Image.Image, source: str) -> Picture:
    """Return a picture that somebody else has opened with Pillow, or made, as it would come from a file, of 8 bits.

    Args:
        image: Of any mode; of several frames the current one. It is not changed, but loaded if it was not.
        source: What errors call it.
    """
    raw_mode = _raw_mode(image)
    image.load()
    profile = image.info.get("icc_profile")
    colour, alpha = split_alpha(_upright(image, orientation(image)), raw_mode)
    keep = Keepsake(source, str(image.format or ""), had_profile=bool(profile), gray=is_gray(image, raw_mode))
    return Picture(_in_srgb(colour, image, profile), alpha, keep)


def _decoded(image: Image.Image, path: Path, raw_mode: str, number: int, deep: bool, canvas: Canvas | None) -> Picture:
    stored = 1
    if isinstance(image, TiffImagePlugin.TiffImageFile):  # Pillow turns it upright while loading it
        drop_broken_directories(image)
        mend(image)
        stored = orientation(image)
    if canvas:
        seen = canvas.load()
    else:
        seen = image = _loaded(image, path)
    now = orientation(image)
    keep = keepsake(image, path, stored=stored, raw_mode=raw_mode)
    profile = image.info.get("icc_profile")
    if (values := samples(image, path, raw_mode, number, deep)) is not None:
        pixels, alpha = parted(turned(values, max(stored, now)), image)
        pixels = to_srgb_deep(pixels, profile)
        if deep:
            return Picture(pixels, alpha, keep)
        return Picture(narrowed(pixels), None if alpha is None else narrowed(alpha), keep)
    colour, alpha = split_alpha(_upright(seen, now), raw_mode)
    if image.format == "TGA" and not has_attributes(path):
        alpha = None
    if deep:
        return Picture(_widened(colour, image, profile), None if alpha is None else widened(alpha), keep)
    return Picture(_in_srgb(colour, image, profile), alpha, keep)


def _upright(image: Image.Image, stored: int) -> Image.Image:
    return image.transpose(_TURNS[stored]) if stored in _TURNS else image


def _in_srgb(colour: Image.Image, image: Image.Image, profile: bytes | None) -> Pixels:
    """Return the pixels (H, W, 3) of an upright picture without alpha, in 8 bits; ``image`` is it as it was opened."""
    colour = to_srgb(_to_8bit(colour, image), profile)
    return np.asarray(colour if colour.mode == "RGB" else to_rgb(colour))


def _loaded(image: Image.Image, path: Path) -> Image.Image:
    """Return a picture with its pixels loaded, if Pillow can do that."""
    if isinstance(image, AnyTiff) and image.foreign:
        return image
    try:
        image.load()
    except OSError:
        if image.format != "JPEG" or (whole := without_end(path)) is None:
            raise
        return whole
    return image


def _raw_mode(image: Image.Image) -> str:
    """Return Pillow's name of how the samples lie in a file that is not loaded yet."""
    tiles = getattr(image, "tile", None)
    arguments = tiles[0][3] if tiles else ""
    return arguments if isinstance(arguments, str) else ""


def _to_8bit(colour: Image.Image, image: Image.Image) -> Image.Image:
    """Scale a picture whose samples are no plain bytes to 8 bits."""
    values = _numbers(colour, image, 255)
    return colour if values is None else Image.fromarray(values.astype(np.uint8))


def _widened(colour: Image.Image, image: Image.Image, profile: bytes | None) -> Pixels:
    """Return a picture that Pillow has read in full as sRGB of 16 bits, (H, W, 3)."""
    values = _numbers(colour, image, TOP)
    if values is not None:
        return to_srgb_deep(values.astype(np.uint16), profile)
    if colour.mode in ("L", "RGB"):
        return to_srgb_deep(widened(np.asarray(colour)), profile)
    return widened(np.asarray(to_rgb(to_srgb(colour, profile))))


def _numbers(colour: Image.Image, image: Image.Image, top: int) -> NDArray[np.float32] | None:
    """Return gray (H, W) whose samples are no plain bytes, from 0 to ``top``; None if they are bytes."""
    if (numbers := whole_numbers(colour, image)) is not None:
        values = in_range(*numbers, top)
        return top - values if is_white_zero(image) else values
    return in_range(np.asarray(colour), 16, top) if colour.mode in DEEP_MODES else None
