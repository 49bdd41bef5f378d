"""Small pictures for a page: an original and its translation side by side in one file."""

import io
import os
import threading
from pathlib import Path

from PIL import Image, ImageOps

from imgtrans.errors import ImageError
from imgtrans.files import temporary_beside
from imgtrans.images.colour import to_srgb
from imgtrans.images.decode import decode
from imgtrans.images.formats import format_by_content, open_image
from imgtrans.images.modes import to_rgb

WIDTH, HEIGHT = 320, 240  # of each half
_QUALITY = 78
_LARGE = 20_000_000  # pixels; of such pictures one is in memory at a time
_SHOWN_BY_BROWSERS = frozenset({"JPEG", "PNG", "WEBP", "GIF", "AVIF", "BMP", "ICO"})

_one_large = threading.Lock()


def write_thumbnail(before: Path | None, after: Path | None, path: Path) -> bool:
    """Write a thumbnail of two pictures, the original on the left and the translation on the right.

    Args:
        before: The original, or None if there is none to show.
        after: The translation, or None.
        path: Where to, a WebP.

    Returns:
        Whether there was anything to show.
    """
    halves = [one and _small(one) for one in (before, after)]
    if not any(halves):
        return False
    sheet = Image.new("RGB", (2 * WIDTH, HEIGHT), (128, 128, 128))
    for number in range(2):
        half = halves[number] or halves[1 - number]
        if half:
            sheet.paste(half, (number * WIDTH, 0))
    _put(sheet, path, "WEBP", quality=_QUALITY, method=2)
    return True


def write_preview(picture: Path, path: Path) -> bool:
    """Write a JPEG of all of a picture's pixels, for a browser that cannot show the picture itself.

    Returns:
        Whether the picture could be read.
    """
    try:
        with _one_large:
            _put(Image.fromarray(decode(picture).pixels), path, "JPEG", quality=92, subsampling=0)
    except ImageError:
        return False
    return True


def is_made(path: Path) -> bool:
    """Whether a thumbnail or preview is there already; one without content is what a power cut left."""
    return path.exists() and path.stat().st_size > 0


def needs_preview(picture: Path) -> bool:
    """Whether a browser cannot show a file."""
    try:
        kind = format_by_content(picture)
    except OSError:
        return False
    return kind is not None and kind not in _SHOWN_BY_BROWSERS


def _small(path: Path) -> Image.Image | None:
    """Return the middle of a picture as one half of a thumbnail, or None if it cannot be read."""
    try:
        with open_image(path) as image:
            large = image.width * image.height > _LARGE
            if image.format == "JPEG":
                return _of_jpeg(image)
        if not large:
            return _fitted(Image.fromarray(decode(path).pixels))
        with _one_large:
            return _fitted(Image.fromarray(decode(path).pixels))
    except ImageError:
        return None


def _of_jpeg(image: Image.Image) -> Image.Image:
    """Decode a JPEG at a fraction of its size, which is all that is needed of it."""
    image.draft(image.mode, (2 * WIDTH, 2 * HEIGHT))
    image = ImageOps.exif_transpose(image)
    profile = image.info.get("icc_profile")
    small = _fitted(image if image.mode in ("L", "RGB", "CMYK") else to_rgb(image))
    return to_rgb(to_srgb(small, profile))


def _fitted(image: Image.Image) -> Image.Image:
    return ImageOps.fit(image, (WIDTH, HEIGHT), Image.Resampling.BICUBIC)


def _put(image: Image.Image, path: Path, kind: str, **options: int) -> None:
    """Put a picture in its place at once, but do not wait for the disk: it can be made again."""
    content = io.BytesIO()
    image.save(content, kind, **options)
    temporary = temporary_beside(path)
    try:
        temporary.write_bytes(content.getbuffer())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def workers() -> int:
    """Return how many thumbnails are made at once: Pillow works without the interpreter's lock."""
    return min(8, os.cpu_count() or 1)
