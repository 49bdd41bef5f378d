"""How large a picture is printed, or at least what shape its pixels have."""

import math
import struct
import zlib

from PIL import ExifTags, Image

from imgtrans.images.metadata.tiffpage import is_tiff

_JFIF = b"\xff\xd8\xff\xe0\0\x10JFIF\0"
_UNIT_OF_JFIF = slice(13, 18)
_NO_UNIT = 0
_PNG_HEADER_END = 33  # of the signature and IHDR
_MOST = 65535
_INCH, _CENTIMETRE = 2, 3
_AS_LONG_AS_AN_INCH = {_INCH: 1.0, _CENTIMETRE: 2.54}


Pair = tuple[float, float]


def carried_dpi(image: Image.Image, sideways: bool) -> Pair | None:
    """Return the resolution (horizontal, vertical) in pixels per inch of the upright picture, None if unknown.

    Args:
        image: The picture.
        sideways: Whether making it upright swaps its sides.
    """
    if carried_aspect(image, sideways):  # Pillow makes 72 of what has no unit
        return None
    try:
        across, down = (float(value) for value in image.info["dpi"])
        if image.format in ("JPEG", "MPO"):
            down = _down_of_exif(image, across, down)
    except Exception:  # it has none, or none that makes sense
        return None
    return _upright(across, down, sideways)


def carried_aspect(image: Image.Image, sideways: bool) -> Pair | None:
    """Return how many pixels of the upright picture go to some length, horizontal and vertical, that no unit tells.

    Args:
        image: The picture.
        sideways: Whether making it upright swaps its sides.

    Returns:
        None if its pixels are square, as far as it says; but for a TIFF, for microscopes have units of their own.
    """
    if is_tiff(image) and "dpi" in image.info:  # without a unit these are inches, and Pillow tells both
        return None
    density = image.info.get("jfif_density") if image.info.get("jfif_unit") == _NO_UNIT else None
    try:  # of a JPEG, a PNG, a TIFF
        across, down = (float(value) for value in density or image.info.get("aspect") or image.info["resolution"])
    except Exception:  # as above
        return None
    return _upright(across, down, sideways) if across != down or is_tiff(image) else None


def _upright(across: float, down: float, sideways: bool) -> Pair | None:
    if (across, down) == (1.0, 1.0):  # what Pillow says of a TIFF that says nothing
        return None
    if not all(math.isfinite(value) and 0 < value < _MOST for value in (across, down)):
        return None
    return (down, across) if sideways else (across, down)


def with_aspect(content: bytes | memoryview, format: str, aspect: Pair) -> bytes:
    """Return a JPEG or PNG as Pillow writes it, with the shape of its pixels unless they are square.

    Pillow cannot write that.

    Raises:
        ValueError: If it is none.
    """
    across, down = _whole(aspect)
    content = bytes(content)
    if across == down:
        return content
    if format == "JPEG":
        if not content.startswith(_JFIF):
            raise ValueError("a JPEG without JFIF")
        told = struct.pack(">BHH", _NO_UNIT, across, down)
        return content[: _UNIT_OF_JFIF.start] + told + content[_UNIT_OF_JFIF.stop :]
    chunk = b"pHYs" + struct.pack(">IIB", across, down, _NO_UNIT)
    chunk = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return content[:_PNG_HEADER_END] + chunk + content[_PNG_HEADER_END:]


def _down_of_exif(image: Image.Image, across: float, down: float) -> float:
    """Return the vertical resolution of a JPEG that has it in its EXIF alone, of which Pillow tells one for both."""
    if image.info.get("jfif_unit", _NO_UNIT) != _NO_UNIT or across != down:
        return down
    exif = image.getexif()
    unit = _AS_LONG_AS_AN_INCH.get(exif.get(ExifTags.Base.ResolutionUnit, _INCH), 0)
    return float(exif.get(ExifTags.Base.YResolution, 0)) * unit or down


def _whole(aspect: Pair) -> tuple[int, int]:
    """Return two numbers of 16 bits that relate as the two of a resolution do."""
    across, down = aspect
    if not (across.is_integer() and down.is_integer()):
        across, down = across / max(across, down) * _MOST, down / max(across, down) * _MOST
    return max(1, round(across)), max(1, round(down))
