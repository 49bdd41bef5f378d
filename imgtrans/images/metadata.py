"""What a picture carries besides its pixels: EXIF, XMP and resolution, made true for the upright picture."""

import math
import re
import struct
from dataclasses import dataclass, field

from PIL import ExifTags, Image

ORIENTATION = ExifTags.Base.Orientation.value
_PREFIX = b"Exif\0\0"
_EXIF, _GPS, _INTEROP = ExifTags.IFD.Exif.value, ExifTags.IFD.GPSInfo.value, ExifTags.IFD.Interop.value
_SUB_IFDS: dict[int, tuple[int, ...]] = {0: (_EXIF, _GPS), _EXIF: (_INTEROP,)}
_TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_SHORT, _LONG = 3, 4
_NOTHING = bytes(6)  # a directory without entries
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
    changes = {0: {0x0100: width, 0x0101: height}, _EXIF: {0xA002: width, 0xA003: height}}
    if image.info.get("icc_profile"):
        changes[_EXIF][0xA001] = 1
    try:
        return _cleaned(_exif_block(image), changes)
    except Exception:  # malformed: it is dropped, the picture is not
        return b""


def carried_xmp(image: Image.Image) -> bytes:
    """Return a picture's XMP with its orientation reset to upright; b"" if there is none."""
    xmp = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
    if isinstance(xmp, str):
        xmp = xmp.encode("utf-8", "replace")
    if not isinstance(xmp, bytes):
        return b""
    xmp = re.sub(rb"""(tiff:Orientation\s*=\s*)(["'])\s*\d+\s*\2""", rb"\g<1>\g<2>1\g<2>", xmp)
    return re.sub(rb"(<tiff:Orientation>)\s*\d+\s*(</tiff:Orientation>)", rb"\g<1>1\g<2>", xmp)


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
    if not all(math.isfinite(value) and 0 < value < 65535 for value in (across, down)):
        return None
    return (down, across) if sideways else (across, down)


def drop_broken_directories(image: Image.Image) -> None:
    """Forget those EXIF directories of a TIFF that cannot be read: Pillow would fail on them while loading."""
    try:
        exif = image.getexif()
    except Exception:  # not read yet, so it does not stand in the way
        return
    for tag in (_EXIF, _GPS, _INTEROP):
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
    original, exif = image.getexif(), Image.Exif()
    exif.endian = original.endian  # maker notes are written in the order of the file
    for tag in _DESCRIPTIVE:
        if tag in original:
            exif[tag] = original[tag]
    for tag in (_EXIF, _GPS):
        if directory := dict(original.get_ifd(tag)):
            if _INTEROP in directory:
                directory[_INTEROP] = original.get_ifd(_INTEROP)
            exif[tag] = directory
    return exif.tobytes()


@dataclass
class _Kept:
    """What stays of an EXIF block: its directories, rewritten, and the places of their values."""

    directories: dict[int, bytes] = field(default_factory=dict)
    values: list[tuple[int, int]] = field(default_factory=list)


def _cleaned(block: bytes, changes: dict[int, dict[int, int]]) -> bytes:
    """Copy what is wanted of an EXIF block to the same places; the rest (the thumbnail) becomes zeros or is cut."""
    block = re.sub(rb"^(Exif\0\0){1,2}", b"", block)
    if not block:
        return b""
    order = {b"II*\0": "<", b"MM\0*": ">"}[block[:4]]
    (main,) = struct.unpack_from(order + "I", block, 4)
    kept = _directory(block, order, main, 0, changes)
    if kept.directories[main] == _NOTHING:
        return b""
    clean = bytearray(len(block))
    clean[:8] = block[:8]
    for start, stop in kept.values:
        clean[start:stop] = block[start:stop]
    for start, directory in kept.directories.items():  # after the values, which may lie about where they are
        clean[start : start + len(directory)] = directory
    ends = [start + len(directory) for start, directory in kept.directories.items()]
    return _PREFIX + bytes(clean[: max(ends + [stop for _, stop in kept.values])])


def _directory(block: bytes, order: str, start: int, name: int, changes: dict[int, dict[int, int]]) -> _Kept:
    """Return what stays of one directory and those below it.

    Raises:
        struct.error: If it reaches beyond the block.
        ValueError: If it lies on the header.
    """
    if start < 8:
        raise ValueError("a directory lies on the header")
    kept, entries = _Kept(), []
    (count,) = struct.unpack_from(order + "H", block, start)
    for at in range(start + 2, start + 2 + 12 * count, 12):
        tag, kind, number, value = struct.unpack_from(order + "HHII", block, at)
        if tag == ORIENTATION:
            continue
        entry = block[at : at + 12]
        size = _TYPE_BYTES.get(kind, 0) * number
        if tag in changes.get(name, {}):
            entry = _number(order, tag, kind, changes[name][tag])
        elif tag in _SUB_IFDS.get(name, ()):
            try:
                below = _directory(block, order, value, tag, changes)
            except (struct.error, ValueError):
                continue
            kept.directories |= below.directories
            kept.values += below.values
        elif size > 4 and value < len(block):
            kept.values.append((value, min(value + size, len(block))))
        entries.append(entry)
    # The link at the end led to the directory of the thumbnail.
    kept.directories[start] = struct.pack(order + "H", len(entries)) + b"".join(entries) + bytes(4)
    return kept


def _number(order: str, tag: int, kind: int, value: int) -> bytes:
    """Return a directory entry that holds one number."""
    if kind == _SHORT and value < 65536:
        return struct.pack(order + "HHIHxx", tag, _SHORT, 1, value)
    return struct.pack(order + "HHII", tag, _LONG, 1, value)
