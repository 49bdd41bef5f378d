"""Between a picture's own size and the size at which the network works."""

import numpy as np
from PIL import Image

from imgtrans.protocols import Pixels

# Rows of the full picture that are worked on at once: bounds the memory that the float change takes.
_STRIP_PIXELS = 4_000_000


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
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0))


def pad(pixels: Pixels, multiple: int, smallest: int) -> Pixels:
    """Mirror pixels (H, W, 3) past the right and lower edge, to sides that a network can take."""
    height, width = pixels.shape[:2]
    below, right = (max(smallest, -(-side // multiple) * multiple) - side for side in (height, width))
    if below == right == 0:
        return pixels
    return np.pad(pixels, ((0, below), (0, right), (0, 0)), mode="reflect")


def add_change(original: Pixels, before: Pixels, after: Pixels) -> Pixels:
    """Carry what the network changed at a small size over to the full picture, which keeps its own detail.

    Args:
        original: (H, W, 3), the picture.
        before: (h, w, 3), the picture at the size the network worked at.
        after: (h, w, 3), the network's output.

    Returns:
        (H, W, 3): the original plus ``after - before`` resampled (bicubic), clipped to 0..255.
    """
    height, width = original.shape[:2]
    small_height, small_width = before.shape[:2]
    change = after.astype(np.float32) - before.astype(np.float32)
    result = np.empty_like(original)
    rows = max(1, _STRIP_PIXELS // width)
    for channel in range(original.shape[2]):
        plane = Image.fromarray(np.ascontiguousarray(change[:, :, channel]))
        for top in range(0, height, rows):
            bottom = min(height, top + rows)
            box = (0, top * small_height / height, small_width, bottom * small_height / height)
            strip = np.asarray(plane.resize((width, bottom - top), Image.Resampling.BICUBIC, box=box))
            summed = original[top:bottom, :, channel] + strip
            result[top:bottom, :, channel] = np.clip(np.rint(summed, out=summed), 0, 255, out=summed)
    return result
