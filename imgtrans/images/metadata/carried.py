"""EXIF, XMP and orientation of an opened picture, made true for its upright self."""

from pathlib import Path

from PIL import AvifImagePlugin, Image, PsdImagePlugin

from imgtrans.images.metadata import xmp
from imgtrans.images.metadata.directories import (
    EXIF,
    GPS,
    INTEROP,
    MAIN,
    Field,
    Fields,
    little_endian,
    of_numbers,
)
from imgtrans.images.metadata.exif import ORIENTATION, Changes, block_of, byte_order, cleaned, values
from imgtrans.images.metadata.rawprofile import raw_profile
from imgtrans.images.metadata.tiffpage import is_tiff, page_order, page_values
from imgtrans.images.metadata.turn import Turn

# A TIFF's own directory also says how its pixels lie in the file; only what describes the picture is carried.
DESCRIPTIVE = (
    269, 270, 271, 272, 285, 305, 306, 315, 316, 33432,  # names, descriptions, dates, people
    18246, 18249, 40091, 40092, 40093, 40094, 40095,  # Windows' ratings and titles
    33550, 33922, 34264, 34735, 34736, 34737, 42112, 42113,  # where on Earth it lies (GeoTIFF, GDAL)
)  # fmt: skip
TIFF_XMP = 700
_PSD_EXIF, _PSD_XMP = 0x0422, 0x0424
_SIZES = {MAIN: (0x0100, 0x0101), EXIF: (0xA002, 0xA003)}
_RESOLUTIONS = {MAIN: (0x011A, 0x011B), EXIF: (0xA20E, 0xA20F)}  # of the print, and of the sensor
_PLACES = (0x9214, 0xA214)  # of the subject: a point, with a diameter or two sides
_COLOUR_SPACE, _SRGB = 0xA001, 1
_INTEROP_INDEX, _ADOBE_RGB, _BASIC = 1, b"R03\0", b"R98\0"
_SHORT, _LONG = 3, 4


def orientation(image: Image.Image) -> int:
    """Return how a picture is stored, 1 (upright) to 8, from its EXIF or else its XMP.

    A TIFF has to be asked before it is loaded (Pillow turns it upright then), any other picture after.
    """
    try:
        value = image.getexif().get(ORIENTATION, 1)
    except Exception:  # Pillow raises almost anything on malformed EXIF
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def carried_exif(image: Image.Image, path: Path, turn: Turn) -> bytes:
    """Return a loaded picture's EXIF for its upright self: without orientation and thumbnail, with its true size.

    What tells places in the picture or its directions is turned with it. All other values stay where they are in the
    block, byte for byte. A colour space other than sRGB becomes sRGB if the picture has a profile, as its pixels do.

    Args:
        image: The picture.
        path: Its file.
        turn: How it is stored.

    Returns:
        ``Exif\\0\\0`` and a TIFF block; b"" if there is none or it is malformed.
    """
    try:
        block = _exif_block(image, path)
        return cleaned(block, _changes(block, turn, bool(image.info.get("icc_profile")))) if block else b""
    except Exception:  # malformed: it is dropped, the picture is not
        return b""


def carried_xmp(image: Image.Image, path: Path, turn: Turn) -> bytes:
    """Return a picture's XMP for its upright self; b"" if there is none or it is malformed."""
    return xmp.carried(_xmp_packet(image, path), turn, bool(image.info.get("icc_profile")))


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


def _exif_block(image: Image.Image, path: Path) -> bytes:
    if is_tiff(image):
        return block_of(little_endian(page_values(image, path, DESCRIPTIVE), page_order(image)))
    if isinstance(image, PsdImagePlugin.PsdImageFile):
        return _resource(image, _PSD_EXIF)
    if isinstance(image, AvifImagePlugin.AvifImageFile):  # Pillow writes it anew where the file turns the picture, too
        return bytes(image._decoder.get_info()[4] or b"")
    block = image.info.get("exif")
    return block if isinstance(block, bytes) else raw_profile(image, "exif")


def _xmp_packet(image: Image.Image, path: Path) -> bytes:
    try:
        if is_tiff(image):
            packet = page_values(image, path, (TIFF_XMP,))[MAIN].get(TIFF_XMP)
            return packet.data if packet else b""
        if isinstance(image, PsdImagePlugin.PsdImageFile):
            return _resource(image, _PSD_XMP)
        found = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or raw_profile(image, "xmp")
        return found.encode() if isinstance(found, str) else bytes(found)
    except Exception:  # malformed
        return b""


def _resource(image: PsdImagePlugin.PsdImageFile, number: int) -> bytes:
    return next((data for code, _, data in image.resources if code == number), b"")


def _changes(block: bytes, turn: Turn, had_profile: bool) -> Changes:
    """Return what is another in the EXIF of the upright picture, in the block's byte order."""
    order, before = byte_order(block), values(block)
    changes: dict[int, dict[int, Field | None]] = {name: {} for name in (MAIN, EXIF, INTEROP)}
    stored = (turn.width, turn.height)
    for name, tags in _SIZES.items():
        sizes = [_number(before, name, tag, order) for tag in tags]
        if name == EXIF and all(sizes):
            stored = (sizes[0] or 1, sizes[1] or 1)  # what places were counted in, if somebody made it smaller since
        for tag, size, now in zip(tags, sizes, turn.upright, strict=True):
            if size is not None and size != now:
                changes[name][tag] = of_numbers(before[name][tag].kind, (now,), order)
    if turn.sideways:
        for name, (across, down) in _RESOLUTIONS.items():
            own = before.get(name, {})
            if across in own and down in own:
                changes[name] |= {across: own[down], down: own[across]}
    for tag in _PLACES:
        field = before.get(EXIF, {}).get(tag)
        if turn.orientation > 1 and field and field.kind in (_SHORT, _LONG) and 2 <= field.count <= 4:
            changes[EXIF][tag] = of_numbers(field.kind, _turned(field.numbers(order), turn, stored), order)
    if had_profile:
        if _number(before, EXIF, _COLOUR_SPACE, order) not in (None, _SRGB):
            changes[EXIF][_COLOUR_SPACE] = of_numbers(_SHORT, (_SRGB,), order)
        index = before.get(INTEROP, {}).get(_INTEROP_INDEX)
        if index and index.data == _ADOBE_RGB:
            changes[INTEROP][_INTEROP_INDEX] = Field(index.kind, index.count, _BASIC)
    return changes


def _number(before: Fields, name: int, tag: int, order: str) -> int | None:
    """Return a value that is exactly one SHORT or LONG, None for any other."""
    field = before.get(name, {}).get(tag)
    return field.numbers(order)[0] if field and field.kind in (_SHORT, _LONG) and field.count == 1 else None


def _turned(place: tuple[int, ...], turn: Turn, stored: tuple[int, int]) -> tuple[int, ...]:
    """Return a point, with its diameter or its two sides if it has any, of the upright picture."""
    x, y = turn.point(place[0], place[1], stored[0] - 1, stored[1] - 1)
    sides = turn.size(place[2], place[3]) if len(place) == 4 else place[2:]
    return (max(x, 0), max(y, 0), *sides)
