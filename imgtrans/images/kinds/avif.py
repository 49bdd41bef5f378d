"""AVIF: what it says of its colours by code points, which Pillow does not tell."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from imgtrans.images.cicp import CodePoints
from imgtrans.images.kinds.boxes import Box, boxes, content, inside

_FULL_BOX = 4  # bytes of version and flags before what is in such a box
_SAMPLE_ENTRY = 78  # bytes of a picture track's description before the boxes in it


def code_points(path: Path) -> CodePoints | None:
    """Return what an AVIF says of its colours by code points, None if it says nothing, or has an ICC profile.

    A still picture says it with its primary item, a sequence with its track.

    Raises:
        OSError: If the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            described = [*_properties(file)] or [*_of_track(file)]
            colours = [content(file, box) for box in described if box.name == b"colr"]
        if any(colour[:4] in (b"prof", b"rICC") for colour in colours):
            return None
        for colour in colours:
            if colour[:4] == b"nclx":
                primaries, transfer = struct.unpack_from(">HH", colour, 4)
                return CodePoints(primaries, transfer)  # libavif has seen to the range
    except (struct.error, IndexError):  # malformed: whoever decodes it says so
        pass
    return None


def _properties(file: BinaryIO) -> Iterator[Box]:
    """Yield the properties of the primary item."""
    meta = next((box for box in boxes(file) if box.name == b"meta"), None)
    primary = inside(file, meta, b"pitm", _FULL_BOX) if meta else None
    properties = inside(file, meta, b"iprp", _FULL_BOX) if meta else None
    store = inside(file, properties, b"ipco") if properties else None
    if primary is None or properties is None or store is None:
        return
    version, *_, item = struct.unpack_from(">BBHH", content(file, primary))
    if version:
        (item,) = struct.unpack_from(">I", content(file, primary), 4)
    every = [*boxes(file, store.start, store.end)]
    for one in boxes(file, properties.start, properties.end):
        if one.name == b"ipma":
            for number in _associations(content(file, one), item):
                if 0 < number <= len(every):
                    yield every[number - 1]


def _associations(table: bytes, item: int) -> Iterator[int]:
    """Yield the numbers of an item's properties."""
    version, large = table[0], table[3] & 1
    (count,) = struct.unpack_from(">I", table, 4)
    at = 8
    for _ in range(count):
        (one,) = struct.unpack_from(">I" if version else ">H", table, at)
        at += 4 if version else 2
        for _ in range(table[at]):
            number = struct.unpack_from(">H", table, at + 1)[0] & 0x7FFF if large else table[at + 1] & 0x7F
            at += 2 if large else 1
            if one == item:
                yield number
        at += 1


def _of_track(file: BinaryIO) -> Iterator[Box]:
    """Yield the boxes that describe the first track with pictures coded as AV1."""
    movie = next((box for box in boxes(file) if box.name == b"moov"), None)
    for track in boxes(file, movie.start, movie.end) if movie else ():
        found: Box | None = track
        for name in (b"mdia", b"minf", b"stbl", b"stsd"):
            found = inside(file, found, name) if found else None
        entry = inside(file, found, b"av01", 8) if found else None
        if entry:
            yield from boxes(file, entry.start + _SAMPLE_ENTRY, entry.end)
            return
