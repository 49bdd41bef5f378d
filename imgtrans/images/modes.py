"""Pixel modes: everything Pillow reads becomes 8-bit RGB without losing what can be seen."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

DEEP_MODES = ("I", "F", "I;16", "I;16L", "I;16B", "I;16N")
_BRIGHTEST = 16.0  # times white: more than a float between 0 (black) and 1 (white) has of light
_GRAY_MODES = ("1", "L", "LA", "La", *DEEP_MODES)
# How samples lie in the file -> from its value in the file to its value in the loaded picture
_SAMPLE_SCALES = {"L;2": 255 / 3, "L;4": 255 / 15, "RGB;16B": 1 / 256}


def to_rgb(image: Image.Image) -> Image.Image:
    """Turn a PIL image of another mode into RGB by pasting it on a new canvas of the same size.

    Source: the deck's ``to_rgb``. Alpha is discarded (the hidden colour stays), palettes and CMYK
    are converted. The deep modes (I, I;16, F) must go through :func:`to_8bit` before: pasting clips
    them to white.
    """
    rgb = Image.new("RGB", image.size)
    rgb.paste(image)
    return rgb


def is_gray(image: Image.Image, raw_mode: str = "") -> bool:
    """Whether a loaded picture is of a kind that has no colours; one of a kind that has them is not looked at.

    Args:
        image: Of any mode.
        raw_mode: Pillow's name of how the samples lie in the file; gray with alpha of 16 bits is loaded as colour.
    """
    if image.mode in ("P", "PA"):
        palette = np.array(image.getpalette("RGB") or [0, 0, 0]).reshape(-1, 3)
        return bool((palette == palette[:, :1]).all())
    return image.mode in _GRAY_MODES or raw_mode.startswith("LA;")


def to_8bit(image: Image.Image, bits: int = 16) -> Image.Image:
    """Scale a picture of a deep mode (I, I;16, F) to 8 bits (L); return any other unchanged; see :func:`scaled`."""
    if image.mode not in DEEP_MODES:
        return image
    return Image.fromarray(scaled(image, bits, 255).astype(np.uint8))


def scaled(image: Image.Image, bits: int, top: int) -> NDArray[np.float32]:
    """Return a picture of a deep mode (I, I;16, F) as whole numbers (H, W) from 0 to ``top``; see :func:`in_range`."""
    return in_range(np.asarray(image), bits, top)


def in_range(values: NDArray[Any], bits: int, top: int) -> NDArray[np.float32]:
    """Scale the values of a picture to whole numbers from 0 to ``top``.

    Whole numbers of up to 16 bits have the range that follows from ``bits``. Floats, and whole numbers of more bits,
    have no agreed range, so it is read off the values. Floats within [0, 1], [0, 255] or [0, 65535] have that one, but
    those that end between 1 and 16 (light brighter than white) end there. Whole numbers within [0, 65535] have that.
    Anything else goes from its least to its largest finite value.

    Args:
        values: Of any shape and kind.
        bits: How many a whole number has, without its sign.
        top: What the largest becomes.
    """
    is_float = values.dtype.kind == "f"
    # Of whole numbers of 32 bits float32 would lose what tells them apart.
    values = values.astype(np.float32 if values.dtype.itemsize < (5 if is_float else 4) else np.float64, copy=False)
    low, high = 0.0, 2.0 ** min(bits, 16) - 1
    finite = values[np.isfinite(values)]
    least, largest = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    if is_float and least >= 0:
        ranges = (1.0, min(largest, _BRIGHTEST), 255.0, 65535.0)
        high = next((high for high in ranges if largest <= high), largest)
    elif least < 0 or largest > high:
        low, high = least, largest
    values = np.nan_to_num(values, nan=low, posinf=high, neginf=low)
    result = np.rint((values - low) * (top / (high - low if high > low else 1.0)))
    return np.clip(result, 0, top).astype(np.float32, copy=False)


def split_alpha(image: Image.Image, raw_mode: str = "") -> tuple[Image.Image, NDArray[np.uint8] | None]:
    """Part a loaded picture from its transparency; the colour under transparent pixels stays.

    Args:
        image: Of any mode, with an alpha channel, a transparent colour, transparent palette entries or none.
        raw_mode: Pillow's name of how the samples lie in the file: a transparent colour is told in those terms.

    Returns:
        The picture without alpha and its alpha (H, W), 0 (transparent) to 255; None if it has none.
    """
    if image.mode in ("La", "RGBa"):  # colour multiplied by alpha
        image = image.convert(image.mode.upper())
    transparency = image.info.get("transparency")
    if image.mode == "LA":
        return image.getchannel("L"), np.asarray(image.getchannel("A"))
    if image.mode == "PA" or (image.mode == "P" and image.has_transparency_data):
        image = image.convert("RGBA")
    if image.mode == "RGBA":
        return image.convert("RGB"), np.asarray(image.getchannel("A"))
    transparent = _has_colour(image, transparency, _SAMPLE_SCALES.get(raw_mode, 1))
    if transparent is None:
        return image, None
    return image, np.where(transparent, 0, 255).astype(np.uint8)


def _has_colour(image: Image.Image, colour: object, scale: float) -> NDArray[np.bool_] | None:
    """Return where a picture has the colour that its file calls transparent, None if it calls none so."""
    if isinstance(colour, int) and image.mode in ("1", "L", "I", "I;16"):
        same: NDArray[np.bool_] = np.asarray(image) == int(colour * scale)
        return np.asarray(image.convert("L")) == colour if image.mode == "1" else same
    if isinstance(colour, tuple) and image.mode == "RGB":
        same = (np.asarray(image) == [int(value * scale) for value in colour]).all(axis=-1)
        return same
    return None
