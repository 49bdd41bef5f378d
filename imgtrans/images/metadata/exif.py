"""EXIF blocks as bytes: what is to go is taken out, what is to be another is changed, and nothing else moves."""

import re
import struct
from collections.abc import Iterable, Mapping
from io import BytesIO

from imgtrans.images.metadata.directories import (
    BELOW,
    ENTRY_BYTES,
    EXIF,
    MAIN,
    TYPE_BYTES,
    Directory,
    Entry,
    Field,
    Fields,
    entries_at,
    entry_bytes,
    fields,
    laid_out,
    little_endian,
    packed,
    walk,
)

PREFIX = b"Exif\0\0"
ORIENTATION = 0x0112
ORDERS = {b"II*\0": "<", b"MM\0*": ">", b"II+\0": "<", b"MM\0+": ">"}
_LINK_BYTES = 4
_THUMBNAIL, _THUMBNAIL_BYTES, _STRIPS, _STRIP_BYTES = 0x0201, 0x0202, 0x0111, 0x0117

# Directory -> tag -> its new value; None takes it out
Changes = Mapping[int, Mapping[int, Field | None]]
_Range = tuple[int, int]


def bare(block: bytes) -> bytes:
    """Return an EXIF block without the ``Exif\\0\\0`` that formats put before it."""
    return re.sub(rb"^(Exif\0\0){1,2}", b"", block)


def byte_order(block: bytes) -> str:
    """Return a block's byte order, ``<`` or ``>``.

    Raises:
        KeyError: If it is no EXIF block.
    """
    return ORDERS[bare(block)[:4]]


def values(block: bytes) -> Fields:
    """Read the values of a block, in its byte order.

    Raises:
        KeyError, ValueError, struct.error: If it is malformed.
    """
    block, order = bare(block), byte_order(block)
    file = BytesIO(block)
    return fields(file, order, walk(file, order, _start(block, order)))


def cleaned(block: bytes, changes: Changes) -> bytes:
    """Return an EXIF block without orientation and thumbnail, and with changed values.

    All else keeps its place, byte for byte, also what no directory names: maker notes count on places, and some
    reach beyond the end that they state. New values that are longer than four bytes go to the end of the block.

    Args:
        block: TIFF block with or without ``Exif\\0\\0`` before it.
        changes: New values, in the block's byte order, for tags that it has.

    Returns:
        The block after ``Exif\\0\\0``; b"" if nothing stays.

    Raises:
        KeyError, ValueError, struct.error: If it is malformed.
    """
    block = bare(block)
    if not block:
        return b""
    order = byte_order(block)
    found = walk(BytesIO(block), order, _start(block, order))
    clean = _without_thumbnail(block, order, found)
    moved: dict[int, int] = {}
    for directory in reversed(found):  # one that moves is known to have before the entry that leads to it
        entries = _changed(directory, order, changes.get(directory.name, {}), moved, clean)
        if directory.name == MAIN and not entries:
            return b""
        start = _put(directory, order, entries, found, clean)
        if start != directory.start:
            moved[directory.name] = start
    if MAIN in moved:
        struct.pack_into(order + "I", clean, 4, moved[MAIN])
    return PREFIX + bytes(clean)


def block_of(content: Fields) -> bytes:
    """Return a little-endian EXIF block of values for one, b"" for none."""
    tail, entries = laid_out(content, 8)
    if not entries:
        return b""
    return (
        PREFIX
        + b"II*\0"
        + struct.pack("<I", 8 + len(tail))
        + tail
        + packed("<", [entries[tag] for tag in sorted(entries)])
    )


def into_tiff(content: bytes, block: bytes, tags: Iterable[int]) -> bytes:
    """Add an EXIF block to a TIFF file; tags that the file has already stay as they are.

    Pillow would encode texts anew, loses the directories below the main one in compressed files, and misplaces that
    for interoperability in any.

    Args:
        content: A TIFF file as Pillow writes it: of one page, little-endian, below 4 GB.
        block: The block.
        tags: Which tags of its main directory go along, besides the directories below.

    Raises:
        KeyError, ValueError, struct.error: If either is something else.
    """
    if content[:4] != b"II*\0":
        raise ValueError("no little-endian TIFF")
    own = values(block)
    own[MAIN] = {tag: field for tag, field in own[MAIN].items() if tag in tags}
    place = len(content) + len(content) % 2
    (first,) = struct.unpack_from("<I", content, 4)
    tail, entries = laid_out(little_endian(own, byte_order(block)), place)
    (count,) = struct.unpack_from("<H", content, first)
    for at in range(first + 2, first + 2 + count * ENTRY_BYTES, ENTRY_BYTES):
        entries[struct.unpack_from("<H", content, at)[0]] = content[at : at + ENTRY_BYTES]
    head = content[:4] + struct.pack("<I", place + len(tail)) + content[8:].ljust(place - 8, b"\0")
    return head + tail + packed("<", [entries[tag] for tag in sorted(entries)])


def _start(block: bytes, order: str) -> int:
    return int(struct.unpack_from(order + "I", block, 4)[0])


def _changed(
    directory: Directory, order: str, changes: Mapping[int, Field | None], moved: Mapping[int, int], clean: bytearray
) -> list[bytes]:
    """Return a directory's entries as they are to be; longer new values go to the end of ``clean``."""
    entries = []
    for entry in directory.entries:
        raw = struct.pack(order + "HHI", entry.tag, entry.kind, entry.count) + entry.inline
        leads = entry.leads_to(order) is not None and entry.tag in BELOW.get(directory.name, ())
        if (entry.tag == ORIENTATION and directory.name in (MAIN, EXIF)) or (leads and entry.tag in directory.broken):
            continue
        if leads and entry.tag in moved:
            raw = raw[:8] + struct.pack(order + "I", moved[entry.tag])
        elif entry.tag in changes:
            field = changes[entry.tag]
            if field is None:
                continue
            if len(field.data) > 4:
                clean += bytes(len(clean) % 2)
            raw = entry_bytes(order, entry.tag, field, len(clean))
            clean += field.data if len(field.data) > 4 else b""
        entries.append(raw)
    return entries


def _put(directory: Directory, order: str, entries: list[bytes], found: list[Directory], clean: bytearray) -> int:
    """Write a directory's entries, in place unless something else lies there; return where it begins."""
    start, stop, old = directory.start, directory.stop, bytes(clean[directory.start + 2 : directory.stop])
    new = b"".join(entries)
    if new == old:
        return start
    mine = [(start, stop)]
    others = [kept for kept in _kept(order, found) if kept not in mine]
    if any(first < stop and last > start for first, last in others):
        clean += bytes(len(clean) % 2)
        start = len(clean)
        clean += packed(order, entries)
        return start
    clean[start:stop] = (struct.pack(order + "H", len(entries)) + new).ljust(stop - start, b"\0")
    return start


def _without_thumbnail(block: bytes, order: str, found: list[Directory]) -> bytearray:
    """Return a block without the directories that follow the main one, and the pictures that those hold."""
    clean, kept = bytearray(block), _kept(order, found)
    link = found[0].stop
    # Many writers leave out the link to the next directory; then something else may lie there.
    if link + _LINK_BYTES > len(block) or any(first < link + _LINK_BYTES and last > link for first, last in kept):
        return clean
    (start,) = struct.unpack_from(order + "I", block, link)
    gone = _following(block, order, start)
    if not gone:  # no link, or one that leads nowhere
        return clean
    clean[link : link + _LINK_BYTES] = bytes(_LINK_BYTES)
    for first, last in gone:
        clean[first:last] = bytes(last - first)
    for first, last in kept:  # a malformed thumbnail may claim to lie on what is kept
        clean[first:last] = block[first:last]
    needed = max([8, link + _LINK_BYTES, *(min(last, len(block)) for _, last in kept)])
    end = min((first for first, _ in gone if first >= needed and not any(clean[first:])), default=len(clean))
    del clean[end:]
    return clean


def _kept(order: str, found: Iterable[Directory]) -> list[_Range]:
    """Return where the header is, and directories and those of their values that do not stand in them."""
    result = [(0, 8)]
    for directory in found:
        result.append((directory.start, directory.stop))
        result += [
            _range(entry, order) for entry in directory.entries if entry.size > 4 or entry.kind not in TYPE_BYTES
        ]
    return result


def _range(entry: Entry, order: str) -> _Range:
    place = entry.place(order)
    return place, place + entry.size


def _following(block: bytes, order: str, start: int) -> list[_Range]:
    """Return where directories that follow one another are, their values and pictures, as far as they can be read."""
    gone: list[_Range] = []
    seen: set[int] = set()
    file = BytesIO(block)
    while start not in seen:
        seen.add(start)
        try:
            directory = Directory(MAIN, start, tuple(entries_at(file, order, start)), frozenset())
            found = fields(file, order, [directory])[MAIN]
        except (struct.error, ValueError):
            break
        if not directory.entries:
            break
        gone.append((start, min(directory.stop + _LINK_BYTES, len(block))))
        own = [_range(entry, order) for entry in directory.entries if entry.size > 4]
        gone += [(first, last) for first, last in own if last <= len(block)]
        for places, sizes in ((_THUMBNAIL, _THUMBNAIL_BYTES), (_STRIPS, _STRIP_BYTES)):
            if places in found and sizes in found:
                pairs = zip(found[places].numbers(order), found[sizes].numbers(order), strict=False)
                gone += [(place, place + size) for place, size in pairs]
        link = block[directory.stop : directory.stop + _LINK_BYTES]
        if len(link) < _LINK_BYTES:
            break
        (start,) = struct.unpack(order + "I", link)
    return [(first, min(last, len(block))) for first, last in gone if 0 <= first < len(block) and last > first]
