"""Between a picture's own size and the size at which the network works."""

import numpy as np
from PIL import Image

from imgtrans.protocols import Pixels


def working_size(width: int, height: int, longest: int | None) -> tuple[int, int]:
    """Return (width, height) scaled down so that the longest side is at most ``longest``; None keeps it."""
    if longest is None or max(width, height) <= longest:
        return width, height
    scale = longest / max(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def shrink(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """Scale pixels (H, W, 3) down to ``size`` (width, height), antialiased."""
    if (pixels.shape[1], pixels.shape[0]) == size:
        return pixels
    if pixels.dtype == np.uint16:  # for which Pillow has no mode
        small = np.empty((size[1], size[0], 3), np.uint16)
        for channel in range(3):
            plane = Image.fromarray(pixels[..., channel].astype(np.float32))
            plane = plane.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
            small[..., channel] = np.clip(np.rint(np.asarray(plane)), 0, 65535)
        return small
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0))


def padded_side(side: int, multiple: int, smallest: int) -> int:
    """Return the side that a network can take for one of so many pixels."""
    return max(smallest, -(-side // multiple) * multiple)


def pad(pixels: Pixels, multiple: int, smallest: int) -> Pixels:
    """Mirror pixels (H, W, 3) past the right and lower edge, to sides that a network can take."""
    height, width = pixels.shape[:2]
    below, right = (padded_side(side, multiple, smallest) - side for side in (height, width))
    if below == right == 0:
        return pixels
    return np.pad(pixels, ((0, below), (0, right), (0, 0)), mode="reflect")
