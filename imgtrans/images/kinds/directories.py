"""The directories of a TIFF file, read for what they say of themselves; no pixels, and little of the file."""

import struct
from collections.abc import Iterator
from typing import BinaryIO

NEW_SUBFILE_TYPE, SUBFILE_TYPE, COMPRESSION, PHOTOMETRIC, SUB_DIRECTORIES = 254, 255, 259, 262, 330
_WANTED = (NEW_SUBFILE_TYPE, SUBFILE_TYPE, COMPRESSION, PHOTOMETRIC, SUB_DIRECTORIES)
_REDUCED_OR_MASK = 1 | 4
_OLD_REDUCED = 2
_WHOLE_NUMBERS = {3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
_LONGEST_VALUE = 32  # numbers; a directory has a handful of others below it
_MOST_ENTRIES = 4096
# The first bytes -> order of bytes, and whether places take eight of them
_ORDERS = {b"II*\0": ("<", False), b"MM\0*": (">", False), b"II+\0": ("<", True), b"MM\0+": (">", True)}

Directory = dict[int, tuple[int, ...]]


def is_tiff(header: bytes) -> bool:
    """Whether a file's first bytes are those of a TIFF or BigTIFF."""
    return header[:4] in _ORDERS


def directories(file: BinaryIO, most: int) -> Iterator[Directory]:
    """Yield the directories of a TIFF: each page's, followed by those right below it.

    Args:
        file: At any place.
        most: How many are read at the most.

    Yields:
        Tag -> numbers, of the tags that this module names; what is malformed ends it.
    """
    file.seek(0)
    header = file.read(16)
    if not is_tiff(header):
        return
    order, big = _ORDERS[header[:4]]
    try:
        (place,) = struct.unpack_from(order + ("Q" if big else "I"), header, 8 if big else 4)
        seen: set[int] = set()
        while place and place not in seen and len(seen) < most:
            seen.add(place)
            directory, place = _read(file, place, order, big)
            yield directory
            for below in directory.get(SUB_DIRECTORIES, ()):
                if below not in seen and len(seen) < most:
                    seen.add(below)
                    yield _read(file, below, order, big)[0]
    except (struct.error, OSError, ValueError, OverflowError):
        return


def is_part(directory: Directory) -> bool:
    """Whether it says that its pixels are no picture of their own: a thumbnail, a lower level of a pyramid, a mask."""
    return is_part_of_another(*(directory.get(tag, (0,))[0] for tag in (NEW_SUBFILE_TYPE, SUBFILE_TYPE)))


def is_part_of_another(new_subfile_type: object, subfile_type: object) -> bool:
    """Tell the same from the values of the two tags, whatever a file has there."""
    new = isinstance(new_subfile_type, int) and bool(new_subfile_type & _REDUCED_OR_MASK)
    return new or subfile_type == _OLD_REDUCED


def _read(file: BinaryIO, place: int, order: str, big: bool) -> tuple[Directory, int]:
    """Return a directory and the place of the one that follows."""
    counted, entry, inline = ("Q", "HHQ8s", 8) if big else ("H", "HHI4s", 4)
    file.seek(place)
    (count,) = struct.unpack(order + counted, file.read(struct.calcsize(order + counted)))
    if count > _MOST_ENTRIES:
        raise ValueError("more entries than a directory has")
    size = struct.calcsize(order + entry)
    content = file.read(count * size + inline)
    (following,) = struct.unpack_from(order + ("Q" if big else "I"), content, count * size)
    directory: Directory = {}
    for tag, kind, number, value in struct.iter_unpack(order + entry, content[: count * size]):
        if tag in _WANTED and kind in _WHOLE_NUMBERS and 0 < number <= _LONGEST_VALUE:
            form = f"{order}{number}{_WHOLE_NUMBERS[kind]}"
            if struct.calcsize(form) > inline:
                file.seek(struct.unpack(order + ("Q" if big else "I"), value)[0])
                value = file.read(struct.calcsize(form))  # noqa: PLW2901 - it stands elsewhere
            directory[tag] = struct.unpack_from(form, value)
    return directory, following
