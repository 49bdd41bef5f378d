"""The chunks that a PNG consists of, and a PNG as if some were not in it."""

import os
import struct
import zlib
from collections.abc import Iterator
from io import RawIOBase
from typing import Any, BinaryIO

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_LARGEST_CHECKED = 1 << 26  # bytes

# Name, where its content begins, and how many bytes that has
Chunk = tuple[bytes, int, int]


def chunks(file: BinaryIO) -> Iterator[Chunk]:
    """Yield the chunks of a PNG, as far as they go."""
    at = len(SIGNATURE)
    while True:
        file.seek(at)
        if len(header := file.read(8)) < 8:
            return
        size, name = struct.unpack(">I4s", header)
        yield name, at + 8, size
        at += 12 + size


def content_of(file: BinaryIO, chunk: Chunk) -> bytes:
    """Return what is in a chunk."""
    file.seek(chunk[1])
    return file.read(chunk[2])


def is_whole(file: BinaryIO, chunk: Chunk) -> bool:
    """Whether a chunk's checksum is right; of a very large one, or one that is cut off, others may judge."""
    name, start, size = chunk
    if size > _LARGEST_CHECKED:
        return True
    content = content_of(file, (name, start, size + 4))
    return len(content) < size + 4 or zlib.crc32(content[:-4], zlib.crc32(name)) == int.from_bytes(content[-4:], "big")


class Without(RawIOBase):
    """A file as if some chunks were not in it; it has to stay open."""

    def __init__(self, file: BinaryIO, size: int, gone: list[Chunk]) -> None:
        self._file, self._at = file, 0
        starts = [0, *(start + length + 4 for _, start, length in gone)]
        self._parts = [*zip(starts, [*(start - 8 for _, start, _ in gone), size], strict=True)]

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place among the bytes that are left."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: sum(stop - start for start, stop in self._parts)}
        self._at = base[whence] + offset
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Read up to the next chunk that is not there."""
        before = 0
        for start, stop in self._parts:
            if self._at < before + stop - start:
                self._file.seek(start + self._at - before)
                part = self._file.read(min(len(buffer), before + stop - start - self._at))
                buffer[: len(part)] = part
                self._at += len(part)
                return len(part)
            before += stop - start
        return 0
