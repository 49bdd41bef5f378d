"""TIFF files put together byte by byte, with directories that no library here writes."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, OFFSETS, SAMPLES, ROWS, COUNTS = (
    256, 257, 258, 259, 262, 273, 277, 278, 279
)  # fmt: skip
NEW_SUBFILE_TYPE, SUBFILE_TYPE, MAKE, SUB_DIRECTORIES, DNG_VERSION = 254, 255, 271, 330, 50706
RGB, FILTERED, LINEAR = 2, 32803, 34892


@dataclass
class Page:
    """A directory: its tags besides those of its pixels, and those below it."""

    size: tuple[int, int]
    value: int
    photometric: int = RGB
    tags: dict[int, int] = field(default_factory=dict)
    below: Sequence["Page"] = ()
    compression: int = 1


def tiff(
    pages: Sequence[Page], order: str = "<", signature: bytes = b"", big: bool = False, canon: bool = False
) -> bytes:
    """Return a file of pages of 8 bits, each of one colour or one sensor value."""
    word = "Q" if big else "I"
    magic = (b"II" if order == "<" else b"MM") + struct.pack(
        order + ("HHH" if big else "H"), *((43, 8, 0) if big else (42,))
    )
    content = bytearray(magic + bytes(8 if big else 4) + signature)
    link = len(magic)

    def write(page: Page) -> tuple[int, int]:
        below = [write(one)[0] for one in page.below]
        channels = 3 if page.photometric in (RGB, LINEAR) else 1
        pixels = bytes([page.value]) * (page.size[0] * page.size[1] * channels)
        content.extend(bytes(len(content) % 2))
        at = len(content)
        content.extend(pixels + bytes(len(pixels) % 2))
        tags: dict[int, tuple[int, ...]] = {tag: (value,) for tag, value in page.tags.items()}
        tags |= {WIDTH: (page.size[0],), HEIGHT: (page.size[1],), BITS: (8,) * channels}
        tags |= {COMPRESSION: (page.compression,), PHOTOMETRIC: (page.photometric,), OFFSETS: (at,)}
        tags |= {SAMPLES: (channels,), ROWS: (page.size[1],), COUNTS: (len(pixels),)}
        if below:
            tags[SUB_DIRECTORIES] = tuple(below)
        entries = b""
        for tag, values in sorted(tags.items()):
            packed = struct.pack(f"{order}{len(values)}I", *values)
            if len(packed) > (8 if big else 4):
                place = len(content)
                content.extend(packed)
                packed = struct.pack(order + word, place)
            entries += struct.pack(order + "HH" + word, tag, 4, len(values)) + packed.ljust(8 if big else 4, b"\0")
        start = len(content)
        content.extend(struct.pack(order + ("Q" if big else "H"), len(tags)) + entries)
        content.extend(bytes(8 if big else 4))
        return start, len(content) - (8 if big else 4)

    for page in pages:
        start, end = write(page)
        struct.pack_into(order + word, content, link, start)
        link = end
    if canon:  # the first directory of a CR2 stands right after its header
        start = int.from_bytes(content[4:8], "little")
        length = 2 + 12 * int.from_bytes(content[start : start + 2], "little") + 4
        assert start > 16 + length
        content[8:16], content[16 : 16 + length] = b"CR\x02\0\0\0\0\0", content[start : start + length]
        content[4:8] = (16).to_bytes(4, "little")
    return bytes(content)
