import struct
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from imgtrans.images.metadata.carried import DESCRIPTIVE
from imgtrans.images.metadata.directories import EXIF, GPS, INTEROP, MAIN, of_numbers
from imgtrans.images.metadata.exif import PREFIX, cleaned, into_tiff

MAKER, DATE, MAKER_NOTE = 0x010F, 0x9003, 0x927C
NOTE = b"NOTE with offsets \x00\x01\x02" * 3
THUMBNAIL = b"\xff\xd8 the untranslated picture, small \xff\xd9"


def a_block(order: str = "<") -> bytes:
    """EXIF with everything: orientation, maker note, position, interoperability and a thumbnail."""
    exif = Image.Exif()
    exif.endian = order
    exif[MAKER] = "Maker of cameras"
    exif[0x0112] = 6
    exif[EXIF] = {DATE: "2020:01:01 00:00:00", MAKER_NOTE: NOTE, 0xA001: 2, 0xA002: 64, 0xA003: 48, INTEROP: {1: "R98"}}
    exif[GPS] = {1: "N", 2: (1.0, 2.0, 3.0)}
    block = bytearray(exif.tobytes().removeprefix(PREFIX))
    (main,) = struct.unpack_from(order + "I", block, 4)
    (count,) = struct.unpack_from(order + "H", block, main)
    block += bytes(len(block) % 2)
    struct.pack_into(order + "I", block, main + 2 + 12 * count, len(block))
    place = len(block) + 2 + 2 * 12 + 4
    block += struct.pack(order + "H", 2)
    block += struct.pack(order + "HHII", 0x0201, 4, 1, place) + struct.pack(
        order + "HHII", 0x0202, 4, 1, len(THUMBNAIL)
    )
    return PREFIX + bytes(block) + bytes(4) + THUMBNAIL


def read(block: bytes) -> Image.Exif:
    exif = Image.Exif()
    exif.load(block)
    return exif


@pytest.mark.parametrize("order", ["<", ">"])
def test_orientation_and_thumbnail_go_and_the_rest_stays(order: str) -> None:
    before = a_block(order)
    exif = read(cleaned(before, {}))
    assert dict(exif) == {key: value for key, value in read(before).items() if key != 0x0112}
    for directory in (EXIF, GPS, INTEROP):
        assert exif.get_ifd(directory) == read(before).get_ifd(directory) != {}
    assert THUMBNAIL not in cleaned(before, {})


@pytest.mark.parametrize("order", ["<", ">"])
def test_the_maker_note_stays_at_its_place(order: str) -> None:
    assert a_block(order).index(NOTE) == cleaned(a_block(order), {}).index(NOTE)


def test_a_thumbnail_in_the_middle_of_a_block_is_blanked() -> None:
    block = bytearray(a_block())
    place, tail = block.index(THUMBNAIL), b"A later text\0"
    (main,) = struct.unpack_from("<I", block, 6 + 4)
    assert struct.unpack_from("<H", block, 6 + main + 2)[0] == MAKER
    struct.pack_into("<HHII", block, 6 + main + 2, MAKER, 2, len(tail), len(block) - 6)
    clean = cleaned(bytes(block) + tail, {})
    assert read(clean)[MAKER] == "A later text"
    assert clean[place : place + len(THUMBNAIL)] == bytes(len(THUMBNAIL))


def test_numbers_are_changed_where_the_block_has_them() -> None:
    numbers = {0xA001: 1, 0xA002: 70000, 0xA003: 64}
    changes = {
        MAIN: {0x0100: of_numbers(4, (70000,), "<")},
        EXIF: {tag: of_numbers(3, (n,), "<") for tag, n in numbers.items()},
    }
    exif = read(cleaned(a_block(), changes))
    assert 0x0100 not in exif
    assert [exif.get_ifd(EXIF)[tag] for tag in (0xA001, 0xA002, 0xA003)] == [1, 70000, 64]


def test_a_block_without_anything_left_is_none() -> None:
    exif = Image.Exif()
    assert cleaned(b"", {}) == b""
    assert cleaned(PREFIX, {}) == b""
    exif[0x0112] = 6
    assert cleaned(exif.tobytes(), {}) == b""


def test_the_prefix_may_be_missing_or_doubled() -> None:
    plain = a_block().removeprefix(PREFIX)
    assert cleaned(plain, {}) == cleaned(PREFIX + plain, {}) == cleaned(PREFIX * 2 + plain, {})


def test_a_broken_directory_below_is_left_out() -> None:
    block = bytearray(a_block())
    at = block.index(struct.pack("<HHI", GPS, 4, 1))
    struct.pack_into("<I", block, at + 8, 999999)
    exif = read(cleaned(bytes(block), {}))
    assert GPS not in exif
    assert exif.get_ifd(EXIF)[MAKER_NOTE] == NOTE


@given(st.data())
def test_any_damage_gives_a_block_or_an_error_that_is_expected(data: st.DataObject) -> None:
    block = bytearray(a_block())
    for _ in range(data.draw(st.integers(1, 6))):
        block[data.draw(st.integers(6, len(block) - 1))] = data.draw(st.integers(0, 255))
    damaged = bytes(block[: data.draw(st.integers(0, len(block)))])
    try:
        clean = cleaned(damaged, {})
    except (KeyError, ValueError, struct.error):
        return
    assert clean == b"" or cleaned(clean, {}) == clean


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "jpeg", "packbits"])
def test_a_tiff_of_any_compression_gets_the_whole_block(compression: str) -> None:
    buffer = BytesIO()
    Image.new("RGB", (30, 20), (9, 9, 9)).save(buffer, "TIFF", compression=compression, dpi=(300, 300))
    block = cleaned(a_block(), {})
    with Image.open(BytesIO(into_tiff(buffer.getvalue(), block, DESCRIPTIVE))) as image:
        exif = image.getexif()
        assert exif[MAKER] == "Maker of cameras"
        for directory in (EXIF, GPS, INTEROP):
            assert (
                exif.get_ifd(directory).items()
                >= {key: value for key, value in read(block).get_ifd(directory).items() if key != INTEROP}.items()
            )
        assert image.info["dpi"] == (300, 300)
        assert image.info["compression"] == compression
        assert image.convert("RGB").getpixel((5, 5)) == pytest.approx((9, 9, 9), abs=2)


def test_tags_that_a_tiff_has_already_stay_its_own() -> None:
    exif = Image.Exif()
    exif.endian = "<"
    exif[0x0100], exif[MAKER] = 9999, "Maker"
    buffer = BytesIO()
    Image.new("RGB", (30, 20)).save(buffer, "TIFF")
    with Image.open(BytesIO(into_tiff(buffer.getvalue(), exif.tobytes(), (0x0100, MAKER)))) as image:
        assert image.size == (30, 20)
        assert image.getexif()[MAKER] == "Maker"


def test_a_block_of_the_other_byte_order_goes_into_a_tiff_with_the_same_values() -> None:
    buffer = BytesIO()
    Image.new("RGB", (3, 2)).save(buffer, "TIFF")
    tiff = into_tiff(buffer.getvalue(), a_block(">"), DESCRIPTIVE)
    with Image.open(BytesIO(tiff)) as image:
        for directory in (EXIF, GPS, INTEROP):
            before = read(a_block("<")).get_ifd(directory)
            assert (
                image.getexif().get_ifd(directory).items()
                >= {tag: value for tag, value in before.items() if tag != INTEROP}.items()
            )
    with pytest.raises(ValueError, match="little-endian"):
        into_tiff(b"MM" + tiff[2:], a_block(), DESCRIPTIVE)
