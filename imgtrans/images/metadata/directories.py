"""Directories of TIFF files and EXIF blocks: read with every value's own bytes, and laid out anew."""

import struct
from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import BinaryIO

from PIL import ExifTags

MAIN, EXIF, GPS, INTEROP = 0, ExifTags.IFD.Exif.value, ExifTags.IFD.GPSInfo.value, ExifTags.IFD.Interop.value
BELOW: Mapping[int, tuple[int, ...]] = {MAIN: (EXIF, GPS), EXIF: (INTEROP,)}
ENTRY_BYTES = 12
# Bytes of a value of each type; 129 is EXIF 3.0's UTF-8
TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 129: 1}
_BIG_TYPE_BYTES = TYPE_BYTES | {16: 8, 17: 8, 18: 8}
_CODES = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 13: "I", 16: "Q", 17: "q", 18: "Q"}
_SMALLER = {16: 4, 17: 9, 18: 13}  # types that only BigTIFF has, and the next that every TIFF has
_IN_HALVES = (5, 10)  # rational numbers are two of four bytes
_LONG, _IFD, _BIG_IFDS = 4, 13, (16, 18)
_HEADER_BYTES = 8
_MOST_BYTES = 1 << 26  # of all values together: a hostile file could name the same megabytes 65,535 times


@dataclass(frozen=True)
class Field:
    """A value as it lies in a file.

    Attributes:
        kind: The number of its type.
        count: How many there are.
        data: Their bytes, in the file's order.
    """

    kind: int
    count: int
    data: bytes

    def numbers(self, order: str) -> tuple[int, ...]:
        """Return whole numbers; none if it is of another type."""
        code = _CODES.get(self.kind)
        return struct.unpack(f"{order}{self.count}{code}", self.data) if code else ()


# Directory -> tag -> value
Fields = dict[int, dict[int, Field]]


@dataclass(frozen=True)
class Entry:
    """An entry of a directory.

    Attributes:
        tag: What it tells.
        kind: The number of its type.
        count: How many values it has.
        inline: Its last bytes, four or eight (BigTIFF): the values, or where they are if they are longer.
    """

    tag: int
    kind: int
    count: int
    inline: bytes

    @property
    def size(self) -> int:
        """Bytes of the values; an unknown type is taken to have one each."""
        return _BIG_TYPE_BYTES.get(self.kind, 1) * self.count

    def place(self, order: str) -> int:
        """Return where the values are, if they are not inline."""
        return int(struct.unpack(order + ("Q" if len(self.inline) == 8 else "I"), self.inline)[0])

    def leads_to(self, order: str) -> int | None:
        """Return where another directory begins, if the entry is exactly one place of one."""
        if self.count != 1 or self.kind not in (_LONG, _IFD, *_BIG_IFDS):
            return None
        return self.place(order) if self.kind in _BIG_IFDS else int(struct.unpack(order + "I", self.inline[:4])[0])


@dataclass(frozen=True)
class Directory:
    """A directory as it lies in a file.

    Attributes:
        name: Which of them it is: 0 or the tag that led to it.
        start: Where it begins.
        entries: In the order of the file.
        broken: Tags of entries that lead to a directory that cannot be read.
    """

    name: int
    start: int
    entries: tuple[Entry, ...]
    broken: frozenset[int]

    @property
    def stop(self) -> int:
        """Where its entries end, for a file that is no BigTIFF."""
        return self.start + 2 + len(self.entries) * ENTRY_BYTES


def walk(file: BinaryIO, order: str, start: int, big: bool = False, name: int = MAIN) -> list[Directory]:
    """Read a directory and those below it, that itself first.

    Args:
        file: A TIFF file, or an EXIF block.
        order: Of its bytes: ``<`` or ``>``.
        start: Where the directory begins.
        big: Whether it is a BigTIFF.
        name: Which directory it is.

    Raises:
        struct.error: If it reaches beyond the file.
        ValueError: If it lies on the header.
    """
    entries = entries_at(file, order, start, big)
    found, broken = [], set()
    for tag in BELOW.get(name, ()):
        place = next((place for entry in entries if entry.tag == tag and (place := entry.leads_to(order))), None)
        try:
            found += walk(file, order, place, big, tag) if place is not None else []
        except (struct.error, ValueError):
            broken.add(tag)
    return [Directory(name, start, tuple(entries), frozenset(broken)), *found]


def entries_at(file: BinaryIO, order: str, start: int, big: bool = False) -> list[Entry]:
    """Read the entries of one directory.

    Raises:
        struct.error: If it reaches beyond the file.
        ValueError: If it lies on the header.
    """
    if start < _HEADER_BYTES:
        raise ValueError("a directory lies on the header")
    file.seek(start)
    (count,) = struct.unpack(order + ("Q" if big else "H"), file.read(8 if big else 2))
    if count > 0xFFFF:
        raise ValueError("a directory of more entries than there are tags")
    form = struct.Struct(order + ("HHQ8s" if big else "HHI4s"))
    content = file.read(form.size * count)
    if len(content) < form.size * count:
        raise struct.error("the directory is cut off")
    return [Entry(*values) for values in form.iter_unpack(content)]


def fields(file: BinaryIO, order: str, found: list[Directory], main: Container[int] | None = None) -> Fields:
    """Read the values of directories.

    Args:
        file: The file that they were found in.
        order: Of its bytes.
        found: What :func:`walk` returned.
        main: Tags that are read of the main directory; None is all.

    Returns:
        Values with all their bytes; what reaches beyond the file is left out, and so are links to directories.

    Raises:
        ValueError: If they are far larger together than what describes a picture is.
    """
    result: Fields = {}
    room = _MOST_BYTES
    for directory in found:
        values = result.setdefault(directory.name, {})
        for entry in directory.entries:
            if entry.tag in BELOW.get(directory.name, ()) and entry.leads_to(order) is not None:
                continue
            if directory.name == MAIN and main is not None and entry.tag not in main:
                continue
            size = entry.size
            if size <= len(entry.inline):
                data = entry.inline[:size]
            else:
                room -= size
                if room < 0:
                    raise ValueError("more metadata than any picture has")
                file.seek(entry.place(order))
                data = file.read(size)
            if len(data) == size:
                values[entry.tag] = Field(entry.kind, entry.count, data)
    return result


def of_numbers(kind: int, numbers: tuple[int, ...], order: str) -> Field:
    """Return whole numbers as a value, as LONG where their type has no room for them."""
    try:
        return Field(kind, len(numbers), struct.pack(f"{order}{len(numbers)}{_CODES[kind]}", *numbers))
    except struct.error:
        return Field(_LONG, len(numbers), struct.pack(f"{order}{len(numbers)}I", *numbers))


def entry_bytes(order: str, tag: int, field: Field, place: int) -> bytes:
    """Return the entry for a value, which is at ``place`` if it is longer than four bytes."""
    inline = field.data.ljust(4, b"\0") if len(field.data) <= 4 else struct.pack(order + "I", place)
    return struct.pack(order + "HHI", tag, field.kind, field.count) + inline


def packed(order: str, entries: list[bytes]) -> bytes:
    """Return a directory that no other follows."""
    return struct.pack(order + "H", len(entries)) + b"".join(entries) + bytes(4)


def little_endian(values: Fields, order: str) -> Fields:
    """Return values for a little-endian TIFF that is no BigTIFF; what cannot be had there is left out."""
    return {
        name: {tag: fit for tag, field in directory.items() if (fit := _little_endian(field, order))}
        for name, directory in values.items()
    }


def _little_endian(field: Field, order: str) -> Field | None:
    if field.kind in _SMALLER:
        code = _CODES[_SMALLER[field.kind]]
        try:
            data = struct.pack(f"<{field.count}{code}", *field.numbers(order))
        except struct.error:
            return None
        return Field(_SMALLER[field.kind], field.count, data)
    if field.kind not in TYPE_BYTES:  # nobody knows how long it is, so it may not be complete
        return None
    step = 4 if field.kind in _IN_HALVES else TYPE_BYTES[field.kind]
    if order == "<" or step == 1:
        return field
    data = b"".join(field.data[at : at + step][::-1] for at in range(0, len(field.data), step))
    return Field(field.kind, field.count, data)


def laid_out(values: Fields, base: int) -> tuple[bytes, dict[int, bytes]]:
    """Return what goes to ``base`` of a little-endian TIFF, an even place, and the entries of its main directory.

    Args:
        values: As :func:`little_endian` gives them.
        base: The place.
    """
    content, tops = b"", dict[int, int]()
    for name in (INTEROP, EXIF, GPS, MAIN):  # a directory comes after those that it leads to
        entries = {}
        for tag in BELOW.get(name, ()):
            if tag in tops:
                entries[tag] = entry_bytes("<", tag, Field(_LONG, 1, struct.pack("<I", tops[tag])), 0)
        for tag, field in values.get(name, {}).items():
            if tag in BELOW.get(name, ()):
                continue  # it says that it is no link
            entries[tag] = entry_bytes("<", tag, field, base + len(content))
            if len(field.data) > 4:
                content += field.data + bytes(len(field.data) % 2)
        if name == MAIN:
            return content, entries
        if entries:
            tops[name] = base + len(content)
            content += packed("<", [entries[tag] for tag in sorted(entries)])
    raise AssertionError("the main directory is the last")
