"""PNG files as Pillow opens them: without ancillary chunks that are damaged, and with what it does not read."""

import io
import os
import struct
import zlib
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import BinaryIO

from imgtrans.images.cicp import CodePoints

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_ANCILLARY = 0x20  # this bit of a chunk's name says that the picture can be had without it
_OF_ANIMATION = (b"acTL", b"fcTL", b"fdAT")  # without them it would be another picture
_LARGEST_CHECKED = 1 << 26  # bytes


@dataclass(frozen=True)
class Chunk:
    """A chunk: its name, its place in the file (of its length, which comes first), and the bytes that it holds."""

    name: bytes
    start: int
    size: int

    @property
    def end(self) -> int:
        """The place behind it and its checksum."""
        return self.start + 12 + self.size


def chunks(file: BinaryIO) -> Iterator[Chunk]:
    """Yield the chunks of a PNG as far as there are any."""
    start = len(SIGNATURE)
    while len(header := _at(file, start, 8)) == 8:
        size, name = struct.unpack(">I4s", header)
        yield Chunk(name, start, size)
        if name == b"IEND":
            return
        start += 12 + size


def code_points(path: Path) -> CodePoints | None:
    """Return what a PNG says of its colours by code points, None if it does not.

    Raises:
        OSError: If the file cannot be read.
    """
    with path.open("rb") as file:
        for chunk in chunks(file):
            if chunk.name == b"IDAT":  # it would have to stand before
                return None
            if chunk.name == b"cICP" and chunk.size == 4 and _is_whole(file, chunk):
                primaries, transfer, matrix, full_range = _at(file, chunk.start + 8, 4)
                return CodePoints(primaries, transfer, bool(full_range)) if matrix == 0 else None
    return None


def readable(file: BinaryIO, path: Path) -> BinaryIO:
    """Return a PNG without ancillary chunks whose checksum is wrong; the file itself if there are none.

    Pillow refuses the picture for them, the format's reference goes on without them.

    Args:
        file: The file, which has to stay open as long as what is returned is used.
        path: The same, to be looked through.

    Raises:
        OSError: If the file cannot be read.
    """
    with path.open("rb", buffering=0) as raw:  # a buffer would be filled again for each chunk
        left_out = [
            chunk
            for chunk in chunks(raw)
            if chunk.name[0] & _ANCILLARY and chunk.name not in _OF_ANIMATION and not _is_whole(raw, chunk)
        ]
        if not left_out:
            return file
        starts = [0, *(chunk.end for chunk in left_out)]
        ends = [*(chunk.start for chunk in left_out), raw.seek(0, os.SEEK_END)]
    return io.BufferedReader(_Without(file, [*zip(starts, ends, strict=True)]))


def _is_whole(file: BinaryIO, chunk: Chunk) -> bool:
    """Whether a chunk's checksum is right; of a very large one, or one that is cut off, others may judge."""
    if chunk.size > _LARGEST_CHECKED:
        return True
    content = _at(file, chunk.start + 4, chunk.size + 8)
    return len(content) < chunk.size + 8 or zlib.crc32(content[:-4]) == int.from_bytes(content[-4:], "big")


def _at(file: BinaryIO, place: int, count: int) -> bytes:
    file.seek(place)
    return file.read(count)


class _Without(io.RawIOBase):
    """A file of which only some parts are there.

    Args:
        file: The file, which stays open as long as this is used.
        parts: Start and end of each part, in their order.
    """

    def __init__(self, file: BinaryIO, parts: list[tuple[int, int]]) -> None:
        self._file = file
        self._parts = parts
        self._starts = [0, *accumulate(end - start for start, end in parts)]
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = max(0, offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._starts[-1]}[whence])
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: "memoryview") -> int:  # type: ignore[override]
        if self._at >= self._starts[-1]:
            return 0
        part = bisect_right(self._starts, self._at) - 1
        start, end = self._parts[part]
        place = start + self._at - self._starts[part]
        content = _at(self._file, place, min(len(buffer), end - place))
        buffer[: len(content)] = content
        self._at += len(content)
        return len(content)
