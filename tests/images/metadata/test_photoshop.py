import struct

from hypothesis import given
from hypothesis import strategies as st

from imgtrans.images.metadata.photoshop import iptc_of, iptc_of_segments, jpeg_segments

RECORDS = b"\x1c\x02\x78\x00\x09A caption"
SEGMENT = b"Photoshop 3.0\0"


def resource(code: int, data: bytes, signature: bytes = b"8BIM", name: bytes = b"", padded: bool = True) -> bytes:
    called = bytes([len(name)]) + name
    called += bytes(len(called) % 2)
    return (
        signature
        + struct.pack(">H", code)
        + called
        + struct.pack(">I", len(data))
        + data
        + bytes(padded and len(data) % 2)
    )


def segments_of(content: bytes) -> list[bytes]:
    result = []
    while content:
        (size,) = struct.unpack_from(">H", content, 2)
        result.append(content[4 : 2 + size])
        content = content[2 + size :]
    return result


@given(st.integers(0, 200_000))
def test_records_of_any_length_come_back(length: int) -> None:
    records = (RECORDS * (length // len(RECORDS) + 1))[: max(length, 1)]
    assert iptc_of_segments(segments_of(jpeg_segments(records))) == records


@given(
    st.lists(st.tuples(st.integers(0, 0xFFFF), st.binary(max_size=30), st.binary(max_size=5)), max_size=4), st.data()
)
def test_records_are_found_among_other_resources_and_in_later_segments(
    others: list[tuple[int, bytes, bytes]], data: st.DataObject
) -> None:
    pieces = [resource(code, content, name=name) for code, content, name in others if code != 0x0404]
    pieces.insert(data.draw(st.integers(0, len(pieces))), resource(0x0404, RECORDS))
    cut = data.draw(st.integers(0, len(pieces)))
    segments = [SEGMENT + b"".join(part) for part in (pieces[:cut], pieces[cut:])]
    assert iptc_of_segments([b"Ducky", *segments]) == RECORDS
    assert iptc_of(b"".join(pieces)) == RECORDS


def test_a_resource_may_be_cut_anywhere() -> None:
    whole = resource(0x040C, b"small") + resource(0x0404, RECORDS * 30)
    for cut in range(len(whole)):
        assert iptc_of_segments([SEGMENT + whole[:cut], SEGMENT + whole[cut:]]) == RECORDS * 30


def test_other_signatures_and_a_missing_pad_do_not_hide_it() -> None:
    for before in (resource(1, b"odd", b"MeSa"), resource(1, b"odd", padded=False), resource(1, b"x", name=b"name")):
        assert iptc_of_segments([SEGMENT + before + resource(0x0404, RECORDS)]) == RECORDS


def test_records_that_stand_in_two_places_are_all_there() -> None:
    other = b"\x1c\x02\x50\x00\x06Author"
    two = [SEGMENT + resource(0x0404, RECORDS), SEGMENT + resource(0x0404, other) + resource(0x0404, RECORDS)]
    assert iptc_of_segments(two) == RECORDS + other


@given(st.binary(max_size=100))
def test_what_is_none_of_it_gives_nothing_or_what_can_be_read(content: bytes) -> None:
    iptc_of(b"8BIM" + content)
    iptc_of(content)
