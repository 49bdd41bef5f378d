"""Photoshop's image resources, of which IPTC's records are carried: in a JPEG's APP13, a TIFF's tag, a PNG's text."""

import struct

_SEGMENT, _OLD_SEGMENT = b"Photoshop 3.0\0", b"Adobe_Photoshop2.5:"
_RESOURCE = b"8BIM"
_SIGNATURES = (_RESOURCE, b"MeSa", b"PHUT", b"AgHg", b"DCSR")
_IPTC = 0x0404
_IPTC_START = b"\x1c"  # of each of its records
_APP13 = b"\xff\xed"
_MOST_OF_A_SEGMENT = 65533


def iptc_of_segments(segments: list[bytes]) -> bytes:
    """Return IPTC's records from the APP13 segments of a JPEG, one resource of which may go on in the next."""
    return iptc_of(b"".join(
        segment.removeprefix(start)
        for segment in segments
        for start in (_SEGMENT, _OLD_SEGMENT)
        if segment.startswith(start)
    ))  # fmt: skip


def iptc_of(content: bytes) -> bytes:
    """Return IPTC's records, all that there are, from resources or as they are themselves; b"" for none."""
    if content.startswith(_IPTC_START):
        return content
    records: list[bytes] = []
    at = 0
    while at >= 0 and len(content) - at >= 12:
        code, name = struct.unpack_from(">HB", content, at + 4)
        start = at + 6 + (name + 2) // 2 * 2
        size = int.from_bytes(content[start : start + 4], "big")
        data = content[start + 4 : start + 4 + size]
        known = content[at : at + 4] in _SIGNATURES
        if known and code == _IPTC and data.startswith(_IPTC_START) and data not in records:
            records.append(data)
        end = start + 4 + size if known else at + 1
        even = end + (end - at) % 2
        # Some writers leave out the byte that makes it even where a segment ends.
        at = even if content[even : even + 4] in _SIGNATURES else content.find(_RESOURCE, end)
    return b"".join(records)


def jpeg_segments(iptc: bytes) -> bytes:
    """Return the segments of a JPEG that hold IPTC's records, as many as they take."""
    block = _RESOURCE + struct.pack(">HxxI", _IPTC, len(iptc)) + iptc + bytes(len(iptc) % 2)
    room = _MOST_OF_A_SEGMENT - len(_SEGMENT)
    parts = [_SEGMENT + block[at : at + room] for at in range(0, len(block), room)]
    return b"".join(_APP13 + struct.pack(">H", len(part) + 2) + part for part in parts)
