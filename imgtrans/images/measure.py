"""What a picture takes before it is decoded: pixels from its header, and memory from those."""

from pathlib import Path

from imgtrans.images.formats import open_image
from imgtrans.images.frames import count_frames
from imgtrans.images.written import written_format
from imgtrans.protocols import Wanted

# Bytes for each pixel at the peak of reading or writing, what both processes hold of the picture and its translation
# included. Measured at 24 and 50 megapixels (docs/performance.md).
BYTES_PER_PIXEL = 24
_OTHERWISE = {"JPEG": 18, "WEBP": 28, "GIF": 28, "JPEG2000": 56, "AVIF": 56, "HEIF": 56}


def memory_for(path: Path, wanted: Wanted, max_pixels: int | None = None) -> int:
    """Return the bytes that a picture, with all its frames, takes from decoding to encoding, without the network.

    Args:
        path: The file.
        wanted: How its translation is written.
        max_pixels: Refuse a picture whose header promises more pixels.

    Raises:
        ImageError: If it is no picture, or too large.
    """
    with open_image(path, max_pixels) as image:
        kind = str(image.format)
        pixels = image.width * image.height if wanted.first_frame else count_frames(image)[1]
    kinds = (kind, written_format(kind, wanted.format))
    return pixels * max(_OTHERWISE.get(kind, BYTES_PER_PIXEL) for kind in kinds)
