"""Several TIFF files of one page become one file of several."""

import struct
from collections.abc import Sequence

from imgtrans.images.metadata.directories import BELOW, MAIN, TYPE_BYTES

_STRIP_OFFSETS, _TILE_OFFSETS = 273, 324
_LONG = 4
_ENTRY_BYTES = 12
_LARGEST = 2**32 - 1


def join_pages(files: Sequence[bytes | memoryview]) -> bytes:
    """Return one TIFF of all pages.

    Args:
        files: TIFF files as :mod:`imgtrans.images.encode` makes them: of one page, little-endian.

    Raises:
        ValueError: If they are something else, or more than 4 GB together.
    """
    joined = bytearray()
    link = 4  # where the place of the next page's directory is to be written
    for file in files:
        base = len(joined) + len(joined) % 2
        if base + len(file) > _LARGEST:
            raise ValueError("more than 4 GB do not fit into a TIFF")
        joined += bytes(base - len(joined))
        joined += file
        if bytes(joined[base : base + 4]) != b"II*\0":
            raise ValueError("no little-endian TIFF")
        (directory,) = struct.unpack_from("<I", joined, base + 4)
        if base:
            struct.pack_into("<I", joined, link, base + directory)
        link = _move(joined, base + directory, base) if base else _end(joined, directory)
    return bytes(joined)


def _end(content: bytearray, directory: int) -> int:
    (count,) = struct.unpack_from("<H", content, directory)
    return int(directory + 2 + count * _ENTRY_BYTES)


def _move(content: bytearray, directory: int, by: int, name: int = MAIN) -> int:
    """Add ``by`` to every place that a directory and those below it name; return where its link is."""
    end = _end(content, directory)
    for at in range(directory + 2, end, _ENTRY_BYTES):
        tag, kind, number, value = struct.unpack_from("<HHII", content, at)
        size = TYPE_BYTES.get(kind, 0) * number
        if tag in BELOW.get(name, ()):
            _move(content, value + by, by, tag)
        elif name == MAIN and tag in (_STRIP_OFFSETS, _TILE_OFFSETS):
            if kind != _LONG:
                raise ValueError("places of pixels that are no LONG")
            if number > 1:
                places = struct.unpack_from(f"<{number}I", content, value + by)
                struct.pack_into(f"<{number}I", content, value + by, *(place + by for place in places))
        elif size <= 4:
            continue
        struct.pack_into("<I", content, at + 8, value + by)
    return end
