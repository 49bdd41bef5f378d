"""What a picture carries besides its pixels: EXIF, XMP and resolution, made true for the upright picture."""

import math
import re

from PIL import Image

from imgtrans.images.exif import EXIF, GPS, INTEROP, MAIN, ORIENTATION, cleaned

# A TIFF's own directory also says how its pixels lie in the file; only what describes the picture is carried.
_DESCRIPTIVE = (
    269, 270, 271, 272, 285, 305, 306, 315, 316, 33432,  # names, descriptions, dates, people
    18246, 18249, 40091, 40092, 40093, 40094, 40095,  # Windows' ratings and titles
    33550, 33922, 34264, 34735, 34736, 34737, 42112, 42113,  # where on Earth it lies (GeoTIFF, GDAL)
)  # fmt: skip


def orientation(image: Image.Image) -> int:
    """Return how a picture is stored, 1 (upright) to 8, from its EXIF or else its XMP.

    A TIFF has to be asked before it is loaded (Pillow turns it upright then), any other picture after.
    """
    try:
        value = image.getexif().get(ORIENTATION, 1)
    except Exception:  # Pillow raises almost anything on malformed EXIF
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def carried_exif(image: Image.Image) -> bytes:
    """Return a loaded picture's EXIF for its upright self: without orientation and thumbnail, with its true size.

    All other values stay where they are in the block, byte for byte: maker notes count on that. A
    colour space other than sRGB becomes sRGB if the picture has a profile, as its pixels do.

    Returns:
        ``Exif\\0\\0`` and a TIFF block; b"" if there is none or it is malformed.
    """
    width, height = image.size
    if orientation(image) >= 5:
        width, height = height, width
    # Under EXIF's numbers: sizes in the main and in the Exif directory, and sRGB.
    changes = {MAIN: {0x0100: width, 0x0101: height}, EXIF: {0xA002: width, 0xA003: height}}
    if image.info.get("icc_profile"):
        changes[EXIF][0xA001] = 1
    try:
        return cleaned(_exif_block(image), changes)
    except Exception:  # malformed: it is dropped, the picture is not
        return b""


def tiff_exif(block: bytes) -> bytes:
    """Return of another format's EXIF what goes into a TIFF: what describes the picture, in the order of its bytes.

    Raises:
        Exception: Of almost any kind, if it is malformed.
    """
    if not block:
        return b""
    exif = Image.Exif()
    exif.load(block)
    return _descriptive(exif)


def carried_xmp(image: Image.Image) -> bytes:
    """Return a picture's XMP for its upright self; b"" if there is none or it is malformed.

    Its orientation is reset and thumbnails are taken out; a colour space becomes sRGB if the picture has a profile.
    """
    xmp = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
    try:
        xmp = xmp.encode() if isinstance(xmp, str) else bytes(xmp)
        xmp.decode()
    except (UnicodeError, TypeError, ValueError):  # a packet in a file is UTF-8; what is not is malformed
        return b""
    xmp = _with_value(_without_thumbnails(xmp), b"tiff:Orientation", b"1")
    if image.info.get("icc_profile"):
        xmp = _with_value(xmp, b"exif:ColorSpace", b"1")
        xmp = _with_value(xmp, b"photoshop:ICCProfile", b"sRGB IEC61966-2.1")
    return xmp


def _without_thumbnails(xmp: bytes) -> bytes:
    for first, last in ((b"<xmp:Thumbnails>", b"</xmp:Thumbnails>"), (b"<xap:Thumbnails>", b"</xap:Thumbnails>")):
        while (start := xmp.find(first)) >= 0 and (end := xmp.find(last, start)) >= 0:
            xmp = xmp[:start] + xmp[end + len(last) :]
    return xmp


def _with_value(xmp: bytes, name: bytes, value: bytes) -> bytes:
    """Return a packet in which a property, where it is there, has another value."""
    xmp = re.sub(rb"""(\b%b\s*=\s*)(["'])[^"'<]*\2""" % name, rb"\g<1>\g<2>%b\g<2>" % value, xmp)
    return re.sub(rb"(<%b>)[^<]*(</%b>)" % (name, name), rb"\g<1>%b\g<2>" % value, xmp)


def carried_dpi(image: Image.Image, sideways: bool) -> tuple[float, float] | None:
    """Return the resolution (horizontal, vertical) in pixels per inch of the upright picture, None if unknown.

    Args:
        image: The picture.
        sideways: Whether making it upright swaps its sides.
    """
    try:
        across, down = (float(value) for value in image.info["dpi"])
    except Exception:  # it has none, or none that makes sense
        return None
    if (across, down) == (1.0, 1.0):  # what Pillow says of a TIFF that says nothing
        return None
    if not all(math.isfinite(value) and 0 < value < 65535 for value in (across, down)):
        return None
    return (down, across) if sideways else (across, down)


def drop_broken_directories(image: Image.Image) -> None:
    """Forget those EXIF directories of a TIFF that cannot be read: Pillow would fail on them while loading."""
    try:
        exif = image.getexif()
    except Exception:  # not read yet, so it does not stand in the way
        return
    for tag in (EXIF, GPS, INTEROP):
        try:
            if tag in exif:
                exif.get_ifd(tag)
        except Exception:
            del exif[tag]


def _exif_block(image: Image.Image) -> bytes:
    block = image.info.get("exif")
    if isinstance(block, bytes):
        return block
    if "Raw profile type exif" in image.info:  # ImageMagick's way to put EXIF into a PNG: length, then hexadecimal
        return bytes.fromhex("".join(image.info["Raw profile type exif"].split("\n")[3:]))
    if image.format != "TIFF":
        return b""
    return _descriptive(image.getexif())


def _descriptive(original: Image.Exif) -> bytes:
    """Return those tags that describe a picture, and not how its pixels lie in the file, as a block."""
    exif = Image.Exif()
    exif.endian = "<"  # as Pillow writes TIFF, the one format that must have it so
    for tag in _DESCRIPTIVE:
        if tag in original:
            exif[tag] = original[tag]
    for tag in (EXIF, GPS):
        if directory := dict(original.get_ifd(tag)):
            if INTEROP in directory:
                directory[INTEROP] = original.get_ifd(INTEROP)
            exif[tag] = directory
    return exif.tobytes()
