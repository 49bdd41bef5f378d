"""How the samples of a TIFF lie in the file, put right where Pillow gets it wrong."""

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin

from imgtrans.errors import ImageError

_BITS_PER_SAMPLE, _PHOTOMETRIC, _PLANAR_CONFIGURATION = 258, 262, 284
_WHITE_IS_ZERO = 0
_TILE_WIDTH, _TILE_LENGTH, _SAMPLE_FORMAT = 322, 323, 339
_SIGNED = 2
_SEPARATE = 2
# What Pillow takes compressed samples of big-endian files for, and what libtiff hands over: the machine's own order
_OWN_ORDER = {"F;32BF": "F;32NF", "F;64BF": "F;64NF", "I;16BS": "I;16NS", "I;32BS": "I;32NS"}


def refuse_large_tiles(image: Image.Image, path: Path, max_pixels: int | None) -> None:
    """Refuse a page whose tiles are larger than a picture may be: a tile is decoded whole, however small the page.

    Raises:
        ImageError: If they are.
    """
    if max_pixels is None or not isinstance(image, TiffImagePlugin.TiffImageFile):
        return
    width, height = (image.tag_v2.get(tag, 0) for tag in (_TILE_WIDTH, _TILE_LENGTH))
    if width * height > max_pixels:
        raise ImageError(
            f"{os.fsdecode(path)} has tiles of {width}x{height} pixels, more than the limit of {max_pixels:,}."
        )


def mend(image: TiffImagePlugin.TiffImageFile) -> None:
    """Correct how the samples of the page that is loaded next are decoded.

    Pillow swaps bytes that libtiff has swapped before, and takes planes of 16 bits that are not compressed for planes
    of 8. Neither is an error to it: what it gives is noise.
    """
    planes = image.tag_v2.get(_PLANAR_CONFIGURATION) == _SEPARATE and {*image.tag_v2.get(_BITS_PER_SAMPLE, ())} == {16}
    depth = ";16B" if image.tag_v2.prefix == b"MM" else ";16L"
    tiles = []
    for tile in image.tile:
        arguments = tile.args
        if isinstance(arguments, tuple) and isinstance(name := arguments[0], str):
            if tile.codec_name == "libtiff":
                arguments = (_OWN_ORDER.get(name, name), *arguments[1:])
            elif planes and ";" not in name:
                arguments = (name + depth, *arguments[1:])
        tiles.append(tile._replace(args=arguments))
    image.tile = tiles


def whole_numbers(colour: Image.Image, image: Image.Image) -> tuple[NDArray[Any], int] | None:
    """Return the whole numbers (H, W) of a TIFF's page of one channel, and how many bits they have without a sign.

    Pillow takes numbers of 8 bits with a sign for such without, and of 32 bits without one for such with.

    Args:
        colour: The page as it was loaded, perhaps turned.
        image: The file, at that page.

    Returns:
        None if it is no TIFF, or they are plain bytes, floats, or of several channels.
    """
    if not isinstance(image, TiffImagePlugin.TiffImageFile):
        return None
    bits, signed = image.tag_v2.get(_BITS_PER_SAMPLE, (1,)), image.tag_v2.get(_SAMPLE_FORMAT, (1,))[0] == _SIGNED
    if colour.mode == "L" and bits == (8,) and signed:
        return np.asarray(colour).view(np.int8), 7
    if colour.mode == "I" and bits == (32,):
        return np.asarray(colour).view(np.int32 if signed else np.uint32), 31 if signed else 32
    if colour.mode.startswith("I"):
        return np.asarray(colour), bits[0] - signed
    return None


def is_white_zero(image: Image.Image) -> bool:
    """Whether zero is white in a TIFF's page; Pillow minds it where samples are bytes."""
    return isinstance(image, TiffImagePlugin.TiffImageFile) and image.tag_v2.get(_PHOTOMETRIC) == _WHITE_IS_ZERO
