"""The boxes that ISO media files consist of (AVIF, HEIF, JPEG 2000), as far as headers are concerned."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

_LARGEST_READ = 1 << 24  # bytes; no header has more


@dataclass(frozen=True)
class Box:
    """A box: its type, and where its content starts and ends in the file."""

    name: bytes
    start: int
    end: int


def boxes(file: BinaryIO, start: int = 0, end: int | None = None) -> Iterator[Box]:
    """Yield the boxes between two places of a file; what is malformed ends it."""
    if end is None:
        end = file.seek(0, 2)
    while start + 8 <= end:
        file.seek(start)
        size, name = struct.unpack(">I4s", file.read(8).ljust(8, b"\0"))
        content = start + 8
        if size == 1:
            (size,) = struct.unpack(">Q", file.read(8).ljust(8, b"\0"))
            content += 8
        stop = end if size == 0 else start + size
        if stop < content or stop > end:
            return
        yield Box(name, content, stop)
        start = stop


def inside(file: BinaryIO, box: Box, name: bytes, skip: int = 0) -> Box | None:
    """Return the first box of a type in another, whose content starts with ``skip`` bytes that are no box."""
    return next((one for one in boxes(file, box.start + skip, box.end) if one.name == name), None)


def content(file: BinaryIO, box: Box) -> bytes:
    """Return what is in a box; of one that is too long for a header nothing."""
    if box.end - box.start > _LARGEST_READ:
        return b""
    file.seek(box.start)
    return file.read(box.end - box.start)
