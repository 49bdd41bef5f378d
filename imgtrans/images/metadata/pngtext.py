"""The texts of a PNG: read with all that have the same keyword, and those left out that are far too long."""

import zlib
from pathlib import Path
from typing import BinaryIO

from imgtrans.images.kinds.chunks import Chunk, chunks, content_of, is_whole

# Keyword, text, language and translated keyword; no language where there is no room for one
Text = tuple[str, str, str | None, str | None]

MOST_TEXT = 1 << 26  # bytes of all texts together, the limit that Pillow has
_MOST_INFLATED = 1032  # times as long as it was: no text of zlib's grows by more
_TEXT, _ZIPPED, _INTERNATIONAL = b"tEXt", b"zTXt", b"iTXt"
_TEXTS = (_TEXT, _ZIPPED, _INTERNATIONAL)
_KEYWORD_BYTES = range(1, 80)


def texts(path: Path) -> tuple[Text, ...]:
    """Return the texts of a PNG in their order; what is damaged, malformed or too long is left out."""
    result = []
    with path.open("rb") as file:
        found = [chunk for chunk in chunks(file) if chunk[0] in _TEXTS and is_whole(file, chunk)]
        long = too_long(file, found)
        for chunk in found:
            if chunk not in long and (text := _decoded(chunk[0], content_of(file, chunk))):
                result.append(text)
    return tuple(result)


def left_out(path: Path) -> tuple[str, ...]:
    """Return the keywords of those texts of a PNG that are too long to be read."""
    with path.open("rb") as file:
        long = too_long(file, [*chunks(file)])
        return tuple(
            content_of(file, (b"", start, min(size, 80))).split(b"\0")[0].decode("latin-1") for _, start, size in long
        )


def too_long(file: BinaryIO, found: list[Chunk]) -> list[Chunk]:
    """Return those chunks with texts that would exceed what all may take together, for which Pillow refuses a PNG.

    Args:
        file: The PNG.
        found: Any of its chunks.
    """
    found = [chunk for chunk in found if chunk[0] in _TEXTS]
    if sum(size * (1 if name == _TEXT else _MOST_INFLATED) for name, _, size in found) <= MOST_TEXT:
        return []
    long, room = [], MOST_TEXT
    for chunk in found:
        size = chunk[2] if chunk[0] == _TEXT else _inflated_size(chunk[0], content_of(file, chunk), room)
        if size > room:
            long.append(chunk)
        else:
            room -= size
    return long


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
