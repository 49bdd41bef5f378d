"""What a picture takes before it is decoded: pixels from its header, and memory from those."""

from dataclasses import dataclass
from pathlib import Path

from imgtrans.images.formats import open_image
from imgtrans.images.frames import count_frames
from imgtrans.images.kinds.anytiff import AnyTiff
from imgtrans.images.written import is_deep, written_format
from imgtrans.protocols import Wanted

# Bytes for each pixel at the peak of reading or writing, what both processes hold of the picture and its translation
# included. Measured at 24 and 50 megapixels (docs/performance.md).
BYTES_PER_PIXEL = 24
_OTHERWISE = {"JPEG": 18, "WEBP": 28, "GIF": 28, "JPEG2000": 56, "AVIF": 56, "HEIF": 56}


@dataclass(frozen=True)
class Extent:
    """How much a picture is, with all its frames.

    Attributes:
        pixels: By its header.
        memory: Bytes that it takes at the most from decoding to encoding, without the network.
    """

    pixels: int
    memory: int


def measure(path: Path, wanted: Wanted, max_pixels: int | None = None) -> Extent:
    """Return how much a picture is, without decoding it.

    Args:
        path: The file.
        wanted: How its translation is written.
        max_pixels: Refuse a picture whose header promises more pixels.

    Raises:
        ImageError: If it is no picture, or too large.
    """
    with open_image(path, max_pixels) as image:
        kind = str(image.format)
        twice = isinstance(image, AnyTiff) and image.foreign and not is_deep(kind, wanted)
        pixels = image.width * image.height if wanted.first_frame else count_frames(image)[1]
    return Extent(pixels, memory_of(kind, pixels, wanted) * (2 if twice else 1))  # it comes with 16 bits a channel


def memory_of(format: str, pixels: int, wanted: Wanted) -> int:
    """Return the bytes that so many pixels take at the most from decoding to encoding, without the network.

    Args:
        format: Pillow's name of the input's format.
        pixels: Of all frames.
        wanted: How the translation is written.
    """
    each = max(_OTHERWISE.get(one, BYTES_PER_PIXEL) for one in (format, written_format(format, wanted.format)))
    return pixels * each * (2 if is_deep(format, wanted) else 1)
