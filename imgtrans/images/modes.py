"""Pixel modes: everything Pillow reads becomes 8-bit RGB without losing what can be seen."""

import numpy as np
from PIL import Image

DEEP_MODES = ("I", "F", "I;16", "I;16L", "I;16B", "I;16N")


def to_rgb(image: Image.Image) -> Image.Image:
    """Turn a PIL image of another mode into RGB by pasting it on a new canvas of the same size.

    Source: the deck's ``to_rgb``. Alpha is discarded (the hidden colour stays), palettes and CMYK
    are converted. The deep modes (I, I;16, F) must go through :func:`to_8bit` before: pasting clips
    them to white.
    """
    rgb = Image.new("RGB", image.size)
    rgb.paste(image)
    return rgb


def to_8bit(image: Image.Image) -> Image.Image:
    """Scale a picture of a deep mode (I, I;16, F) to 8 bits (L); return any other unchanged.

    Integers are 16-bit samples (0 to 65535). Floats have no agreed range, so it is read off the
    values: within [0, 1], [0, 255] or [0, 65535] that range is scaled, anything else from its least
    to its largest finite value.
    """
    if image.mode not in DEEP_MODES:
        return image
    values = np.asarray(image).astype(np.float32)
    low, high = 0.0, 65535.0
    finite = values[np.isfinite(values)]
    least, largest = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    if image.mode == "F" and least >= 0:
        high = next((top for top in (1.0, 255.0, 65535.0) if largest <= top), largest)
    elif least < 0 or largest > high:
        low, high = least, largest
    values = np.nan_to_num(values, nan=low, posinf=high, neginf=low)
    scaled = (values - low) * (255.0 / (high - low if high > low else 1.0))
    return Image.fromarray(np.clip(np.rint(scaled), 0, 255).astype(np.uint8), "L")
