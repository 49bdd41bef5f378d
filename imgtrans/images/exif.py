"""EXIF blocks as bytes: what is to go is taken out and nothing else moves; a TIFF file gets one."""

import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

from PIL import ExifTags

PREFIX = b"Exif\0\0"
MAIN, EXIF, GPS, INTEROP = 0, ExifTags.IFD.Exif.value, ExifTags.IFD.GPSInfo.value, ExifTags.IFD.Interop.value
ORIENTATION = ExifTags.Base.Orientation.value
_BELOW = {MAIN: (EXIF, GPS), EXIF: (INTEROP,)}
_TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_SHORT, _LONG = 3, 4
_ENTRY_BYTES = 12
_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}

# Directory -> tag -> number
Changes = Mapping[int, Mapping[int, int]]


@dataclass
class _Kept:
    """What stays of a block: directories (place -> content) and where their larger values are."""

    directories: dict[int, bytes] = field(default_factory=dict)
    values: list[tuple[int, int]] = field(default_factory=list)


def cleaned(block: bytes, changes: Changes) -> bytes:
    """Return an EXIF block without orientation, thumbnail and whatever nothing in it refers to.

    What stays keeps its place, byte for byte, because maker notes count on it.

    Args:
        block: TIFF block with or without ``Exif\\0\\0`` before it.
        changes: New numbers for tags that the block has.

    Returns:
        The block after ``Exif\\0\\0``; b"" if nothing stays.

    Raises:
        KeyError, ValueError, struct.error: If it is malformed.
    """
    block = re.sub(rb"^(Exif\0\0){1,2}", b"", block)
    if not block:
        return b""
    order = _ORDERS[block[:4]]
    (main,) = struct.unpack_from(order + "I", block, 4)
    kept = _directory(block, order, main, MAIN, changes)
    if kept.directories[main] == _packed(order, []):
        return b""
    return PREFIX + _assembled(block, kept)


def into_tiff(content: bytes, block: bytes) -> bytes:
    """Add an EXIF block to a TIFF file; tags that the file has already stay as they are.

    Pillow loses the directories below the main one in compressed files, and misplaces that for
    interoperability in any.

    Args:
        content: A TIFF file as Pillow writes it: of one page, little-endian, below 4 GB.
        block: What :func:`cleaned` returned, little-endian.

    Raises:
        KeyError, ValueError, struct.error: If either is something else.
    """
    block = block.removeprefix(PREFIX)
    if content[:4] != b"II*\0" or block[:4] != content[:4]:
        raise ValueError("not two little-endian TIFF structures")
    place = len(content) + len(content) % 2
    (first,), (main,) = struct.unpack_from("<I", content, 4), struct.unpack_from("<I", block, 4)
    kept = _directory(block, "<", main, MAIN, {}, shift=place)
    entries = _little_endian_entries(kept.directories.pop(main)) | _little_endian_entries(content[first:])
    tail = _assembled(block, kept)
    tail += bytes(len(tail) % 2)
    head = content[:4] + struct.pack("<I", place + len(tail)) + content[8:].ljust(place - 8, b"\0")
    return head + tail + _packed("<", [entries[tag] for tag in sorted(entries)])


def _directory(block: bytes, order: str, start: int, name: int, changes: Changes, shift: int = 0) -> _Kept:
    """Return what stays of one directory and those below it, for a block that will begin at ``shift``.

    Raises:
        struct.error: If it reaches beyond the block.
        ValueError: If it lies on the header.
    """
    if start < 8:
        raise ValueError("a directory lies on the header")
    kept, entries = _Kept(), []
    (count,) = struct.unpack_from(order + "H", block, start)
    for at in range(start + 2, start + 2 + count * _ENTRY_BYTES, _ENTRY_BYTES):
        tag, kind, number, value = struct.unpack_from(order + "HHII", block, at)
        entry = block[at : at + _ENTRY_BYTES]
        size = _TYPE_BYTES.get(kind, 0) * number
        if tag == ORIENTATION:
            continue
        if tag in changes.get(name, ()):
            entry = _number(order, tag, kind, changes[name][tag])
        elif tag in _BELOW.get(name, ()):
            try:
                below = _directory(block, order, value, tag, changes, shift)
            except (struct.error, ValueError):
                continue
            kept.directories |= below.directories
            kept.values += below.values
            entry = struct.pack(order + "HHII", tag, _LONG, 1, value + shift)
        elif size > 4 and value < len(block):
            kept.values.append((value, min(value + size, len(block))))
            entry = struct.pack(order + "HHII", tag, kind, number, value + shift)
        entries.append(entry)
    # The link at the end of the main directory led to the thumbnail's.
    kept.directories[start] = _packed(order, entries)
    return kept


def _assembled(block: bytes, kept: _Kept) -> bytes:
    """Return a block in which only what is kept stands; the rest is zeros, or cut off at the end."""
    ends = [start + len(directory) for start, directory in kept.directories.items()]
    clean = bytearray(max([8, *ends, *(stop for _, stop in kept.values)]))
    clean[:8] = block[:8]
    for start, stop in kept.values:
        clean[start:stop] = block[start:stop]
    for start, directory in kept.directories.items():  # last: a malformed value may claim to lie on one
        clean[start : start + len(directory)] = directory
    return bytes(clean)


def _packed(order: str, entries: list[bytes]) -> bytes:
    """Return a directory that no other follows."""
    return struct.pack(order + "H", len(entries)) + b"".join(entries) + bytes(4)


def _little_endian_entries(directory: bytes) -> dict[int, bytes]:
    (count,) = struct.unpack_from("<H", directory)
    starts = range(2, 2 + count * _ENTRY_BYTES, _ENTRY_BYTES)
    return {struct.unpack_from("<H", directory, at)[0]: directory[at : at + _ENTRY_BYTES] for at in starts}


def _number(order: str, tag: int, kind: int, value: int) -> bytes:
    """Return a directory entry that holds one number."""
    if kind == _SHORT and value < 65536:
        return struct.pack(order + "HHIHxx", tag, _SHORT, 1, value)
    return struct.pack(order + "HHII", tag, _LONG, 1, value)
