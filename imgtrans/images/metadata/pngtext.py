"""The texts of a PNG: read with all that have the same keyword, and those left out that are far too long."""

import os
import struct
import zlib
from collections.abc import Iterator
from io import BufferedReader, RawIOBase
from pathlib import Path
from typing import Any, BinaryIO

# Keyword, text, language and translated keyword; no language where there is no room for one
Text = tuple[str, str, str | None, str | None]

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MOST_TEXT = 1 << 26  # bytes of all texts together, the limit that Pillow has
_MOST_INFLATED = 1032  # times as long as it was: no text of zlib's grows by more
_TEXT, _ZIPPED, _INTERNATIONAL = b"tEXt", b"zTXt", b"iTXt"
_TEXTS = (_TEXT, _ZIPPED, _INTERNATIONAL)
_KEYWORD_BYTES = range(1, 80)

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


def texts(path: Path) -> tuple[Text, ...]:
    """Return the texts of a PNG in their order; what is malformed or too long is left out."""
    result = []
    with path.open("rb") as file:
        found = [chunk for chunk in chunks(file) if chunk[0] in _TEXTS]
        long = _too_long(file, found)
        for chunk in found:
            if chunk not in long and (text := _decoded(chunk[0], _content(file, chunk))):
                result.append(text)
    return tuple(result)


def left_out(path: Path) -> tuple[str, ...]:
    """Return the keywords of those texts of a PNG that are too long to be read."""
    with path.open("rb") as file:
        long = _too_long(file, [chunk for chunk in chunks(file) if chunk[0] in _TEXTS])
        return tuple(
            _content(file, (b"", start, min(size, 80))).split(b"\0")[0].decode("latin-1") for _, start, size in long
        )


def legible(file: BinaryIO) -> BinaryIO:
    """Return a PNG without texts that are too long to be read, for which Pillow would refuse it; else the file."""
    is_png = file.read(len(SIGNATURE)) == SIGNATURE
    long = _too_long(file, [chunk for chunk in chunks(file) if chunk[0] in _TEXTS]) if is_png else []
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    return BufferedReader(_Without(file, size, long)) if long else file


class _Without(RawIOBase):
    """A file as if some chunks were not in it."""

    def __init__(self, file: BinaryIO, size: int, gone: list[Chunk]) -> None:
        self._file, self._at = file, 0
        starts = [0, *(start + length + 4 for _, start, length in gone)]
        self._parts = [*zip(starts, [*(start - 8 for _, start, _ in gone), size], strict=True)]

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: sum(stop - start for start, stop in self._parts)}
        self._at = base[whence] + offset
        return self._at

    def readinto(self, buffer: Any) -> int:
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


def _too_long(file: BinaryIO, found: list[Chunk]) -> list[Chunk]:
    """Return those texts that would exceed what all of them may take together."""
    if sum(size * (1 if name == _TEXT else _MOST_INFLATED) for name, _, size in found) <= MOST_TEXT:
        return []
    long, room = [], MOST_TEXT
    for chunk in found:
        size = chunk[2] if chunk[0] == _TEXT else _inflated_size(chunk[0], _content(file, chunk), room)
        if size > room:
            long.append(chunk)
        else:
            room -= size
    return long


def _content(file: BinaryIO, chunk: Chunk) -> bytes:
    file.seek(chunk[1])
    return file.read(chunk[2])


def _inflated_size(name: bytes, content: bytes, most: int) -> int:
    """Return how long a text is, or more than ``most``; one that is not zipped, or is broken, takes its own bytes."""
    rest = content.partition(b"\0")[2]
    zipped = rest[1:] if name == _ZIPPED else rest[2:].split(b"\0", 2)[-1]
    try:
        return max(len(content), len(zlib.decompressobj().decompress(zipped, most + 1)))
    except zlib.error:
        return len(content)


def _decoded(name: bytes, content: bytes) -> Text | None:
    keyword, _, rest = content.partition(b"\0")
    if len(keyword) not in _KEYWORD_BYTES:
        return None
    key = keyword.decode("latin-1")
    try:
        if name == _TEXT:
            return key, rest.decode("latin-1"), None, None
        if name == _ZIPPED:
            return key, zlib.decompress(rest[1:]).decode("latin-1"), None, None
        language, translated, text = rest[2:].split(b"\0", 2)
        if rest[:1] == b"\1":
            text = zlib.decompress(text)
        return key, text.decode(), language.decode("latin-1"), translated.decode()
    except (zlib.error, ValueError):
        return None
