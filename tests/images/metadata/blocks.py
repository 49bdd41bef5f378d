"""EXIF blocks laid out as all kinds of writers do it, and a plain reader for what comes out."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from hypothesis import strategies as st

MAIN, EXIF, GPS, INTEROP = 0, 0x8769, 0x8825, 0xA005
BELOW = {MAIN: (EXIF, GPS), EXIF: (INTEROP,)}
SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1, 9: 4, 10: 8, 12: 8, 129: 1}
ORIENTATION = 0x0112
# Tags whose values mean something to a translation, and so are not random here
_OWN = {0x0100, 0x0101, ORIENTATION, 0x0201, 0x0202, 0x0111, 0x0117, EXIF, GPS, INTEROP}
_OWN |= {0xA001, 0xA002, 0xA003, 0x9214, 0xA214, 258, 262, 277, 270, 282, 283, 0xA20E, 0xA20F}

# (type, count, bytes)
Value = tuple[int, int, bytes]
Values = dict[int, dict[int, Value]]


@dataclass
class Layout:
    """A block that was built.

    Attributes:
        block: Without ``Exif\\0\\0``.
        values: What its directories hold, but for links and orientation.
        thumbnail: The picture in it.
        overrun: What follows the maker note, beyond the end that it states.
    """

    block: bytes
    values: Values
    thumbnail: bytes
    overrun: bytes


@st.composite
def value(draw: st.DrawFn) -> Value:
    kind = draw(st.sampled_from(sorted(SIZES)))
    count = draw(st.integers(1, 9))
    some = st.sampled_from([b"\0", b"\1\0"]).map(lambda one: (one * SIZES[kind] * count)[: SIZES[kind] * count])
    data = draw(st.binary(min_size=SIZES[kind] * count, max_size=SIZES[kind] * count) | some)
    return kind, count, data


@st.composite
def layouts(draw: st.DrawFn, order: str, overrun_last: bool = False) -> Layout:
    """Directories with and without the four bytes of their link, values in any order, some of them shared."""
    tags = st.integers(1, 0xFFFF).filter(lambda tag: tag not in _OWN)
    values: Values = {
        name: draw(st.dictionaries(tags, value(), min_size=name == MAIN, max_size=4))
        for name in (MAIN, EXIF, GPS, INTEROP)
    }
    thumbnail, overrun = (
        b"\xff\xd8" + draw(st.binary(min_size=20, max_size=40)) + b"\xff\xd9",
        draw(st.binary(min_size=overrun_last, max_size=9)),
    )
    has_thumbnail, is_turned = not overrun_last and draw(st.booleans()), draw(st.booleans())
    pieces: list[tuple[str, int, int]] = [("directory", name, 0) for name in values]
    pieces += [("value", name, tag) for name, own in values.items() for tag in own if len(own[tag][2]) > 4]
    pieces = draw(st.permutations(pieces))
    linked = {name: draw(st.booleans()) for name in values} | ({MAIN: True} if has_thumbnail or overrun_last else {})
    shares = draw(st.booleans())
    counts = {name: len(own) + len(BELOW.get(name, ())) + (name == MAIN and is_turned) for name, own in values.items()}

    def laid(places: dict[tuple[str, int, int], int]) -> bytes:
        content = bytearray(b"II*\0" if order == "<" else b"MM\0*") + bytes(4)
        struct.pack_into(order + "I", content, 4, places.get(("directory", MAIN, 0), 0))
        laid_values: list[tuple[str, int, int]] = []
        for piece in pieces:
            what, name, tag = piece
            if what == "directory":
                places[piece] = len(content)
                entries = {
                    below: struct.pack(order + "HHII", below, 4, 1, places.get(("directory", below, 0), 0))
                    for below in BELOW.get(name, ())
                }
                if name == MAIN and is_turned:
                    entries[ORIENTATION] = struct.pack(order + "HHIHxx", ORIENTATION, 3, 1, 6)
                for own, (kind, count, data) in values[name].items():
                    place = struct.pack(order + "I", places.get(("value", name, own), 0))
                    entries[own] = struct.pack(order + "HHI", own, kind, count) + (
                        data.ljust(4, b"\0") if len(data) <= 4 else place
                    )
                content += struct.pack(order + "H", counts[name]) + b"".join(entries[one] for one in sorted(entries))
                if linked[name]:
                    link = places.get(("thumbnail", 0, 0), 0) if name == MAIN and has_thumbnail else 0
                    content += struct.pack(order + "I", link)
            else:
                data = values[name][tag][2]
                others = [one for one in laid_values if shares and data in values[one[1]][one[2]][2]]
                if others:
                    places[piece] = places[others[0]] + values[others[0][1]][others[0][2]][2].index(data)
                else:
                    places[piece] = len(content)
                    content += data
                laid_values.append(piece)
        content += overrun
        if has_thumbnail:
            start = places["thumbnail", 0, 0] = len(content)
            content += struct.pack(order + "H", 2)
            content += struct.pack(order + "HHII", 0x0201, 4, 1, start + 30)
            content += struct.pack(order + "HHII", 0x0202, 4, 1, len(thumbnail)) + bytes(4) + thumbnail
        return bytes(content)

    places: dict[tuple[str, int, int], int] = {}
    laid(places)  # where everything is
    return Layout(laid(places), values, thumbnail if has_thumbnail else b"", overrun)


@st.composite
def overlapping(draw: st.DrawFn, order: str) -> bytes:
    """A block some of whose values lie anywhere: on one another, on directories, on links, on the thumbnail."""
    block = bytearray(draw(layouts(order)).block)
    long = [(at, size) for at, _, _, size in entries(bytes(block)) if size > 4]
    for at, size in draw(st.lists(st.sampled_from(long), max_size=3)) if long else []:
        struct.pack_into(order + "I", block, at + 8, draw(st.integers(8, max(8, len(block) - size))))
    return bytes(block)


def entries(block: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Yield each entry of a block that is no link, with no code of imgtrans: where it is, directory, tag, size."""
    order = "<" if block[:2] == b"II" else ">"

    def read(name: int, start: int) -> Iterator[tuple[int, int, int, int]]:
        (count,) = struct.unpack_from(order + "H", block, start)
        for at in range(start + 2, start + 2 + 12 * count, 12):
            tag, kind, number, place = struct.unpack_from(order + "HHII", block, at)
            if tag in BELOW.get(name, ()):
                yield from read(tag, place)
            else:
                yield at, name, tag, SIZES.get(kind, 1) * number

    yield from read(MAIN, struct.unpack_from(order + "I", block, 4)[0])


def parsed(block: bytes) -> Values:
    """Read a block: type, count and bytes of each value."""
    block = block.removeprefix(b"Exif\0\0")
    order = "<" if block[:2] == b"II" else ">"
    found: Values = {name: {} for name in links(block)}
    for at, name, tag, size in entries(block):
        kind, count, place = struct.unpack_from(order + "HII", block, at + 2)
        start = at + 8 if size <= 4 else place
        found[name][tag] = (kind, count, block[start : start + size])
    return found


def links(block: bytes) -> set[int]:
    """Return the directories that a block has, the main one too."""
    order = "<" if block[:2] == b"II" else ">"
    found = {MAIN: struct.unpack_from(order + "I", block, 4)[0]}
    for name in (MAIN, EXIF):
        if name in found:
            (count,) = struct.unpack_from(order + "H", block, found[name])
            for at in range(found[name] + 2, found[name] + 2 + 12 * count, 12):
                tag, _, _, place = struct.unpack_from(order + "HHII", block, at)
                if tag in BELOW[name]:
                    found[tag] = place
    return {*found}


def swapped(values: Values) -> Values:
    """Return values in the other byte order."""

    def turned(kind: int, data: bytes) -> bytes:
        step = 4 if kind in (5, 10) else SIZES[kind]
        return b"".join(data[at : at + step][::-1] for at in range(0, len(data), step))

    return {
        name: {tag: (kind, count, turned(kind, data)) for tag, (kind, count, data) in own.items()}
        for name, own in values.items()
    }
