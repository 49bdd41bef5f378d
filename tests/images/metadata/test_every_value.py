"""Every value that is kept is the same to the bit, whoever wrote it, wherever it lay, and whatever it goes into."""

import struct
import warnings
from io import BytesIO
from pathlib import Path

import numpy as np
import piexif
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, TiffImagePlugin

from imgtrans.images.decode import decode
from imgtrans.images.encode import encode
from imgtrans.images.metadata.captions import png_texts
from imgtrans.images.metadata.directories import Field
from imgtrans.images.metadata.exif import PREFIX, cleaned, into_tiff
from imgtrans.images.metadata.photoshop import jpeg_segments
from imgtrans.protocols import Wanted
from tests.images.metadata.blocks import EXIF, GPS, INTEROP, MAIN, ORIENTATION, layouts, overlapping, parsed, swapped

ANY_ORDER = st.sampled_from("<>")
FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "HEIF", "TIFF")
NAME, RIGHTS = "Jürgen".encode("latin-1"), "© 写真".encode()


@given(ANY_ORDER.flatmap(layouts))
def test_every_value_stays_wherever_it_lay(layout) -> None:
    clean = cleaned(layout.block, {})
    assert parsed(clean) == layout.values
    assert not layout.thumbnail or layout.thumbnail not in clean


@given(ANY_ORDER.flatmap(overlapping))
def test_every_value_stays_whatever_it_lies_on(block: bytes) -> None:
    before = parsed(block)
    before[MAIN].pop(ORIENTATION, None)
    assert parsed(cleaned(block, {})) == before


@given(ANY_ORDER.flatmap(lambda order: layouts(order, overrun_last=True)))
def test_what_lies_behind_the_end_that_a_value_states_stays_at_its_place(layout) -> None:
    clean = cleaned(layout.block, {}).removeprefix(PREFIX)
    at = len(layout.block) - len(layout.overrun)
    assert clean[at : at + len(layout.overrun)] == layout.overrun


@given(ANY_ORDER.flatmap(layouts), st.binary(min_size=1, max_size=40), st.data())
def test_a_changed_value_touches_no_other(layout, new: bytes, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from([name for name, own in layout.values.items() if own]))
    tag = data.draw(st.sampled_from(sorted(layout.values[name])))
    changed = layout.values | {name: layout.values[name] | {tag: (7, len(new), new)}}
    assert parsed(cleaned(layout.block, {name: {tag: Field(7, len(new), new)}})) == changed
    gone = layout.values | {name: {other: one for other, one in layout.values[name].items() if other != tag}}
    if cleaned(layout.block, {name: {tag: None}}):
        assert parsed(cleaned(layout.block, {name: {tag: None}})) == gone


@given(ANY_ORDER.flatmap(layouts), ANY_ORDER)
def test_every_value_goes_into_a_tiff(layout, _: str) -> None:
    buffer = BytesIO()
    Image.new("RGB", (4, 4)).save(buffer, "TIFF")
    own = parsed(buffer.getvalue())[MAIN]
    tiff = parsed(into_tiff(buffer.getvalue(), layout.block, layout.values[MAIN]))
    wanted = layout.values if layout.block[:2] == b"II" else swapped(layout.values)
    wanted = {name: directory for name, directory in wanted.items() if directory or name == MAIN}
    assert tiff[MAIN] == wanted[MAIN] | own
    for name, directory in wanted.items():
        if name not in (MAIN, INTEROP):
            assert tiff[name] == directory


def test_only_one_long_or_ifd_leads_to_a_directory() -> None:
    entries = [(GPS, 3, 2, 8, 9), (EXIF, 4, 2, 26, 0)]
    block = b"II*\0" + struct.pack("<IH", 8, len(entries) + 1)
    block += b"".join(struct.pack("<HHIHH", *entry) for entry in entries) + struct.pack("<HHIHH", 0x0110, 3, 2, 1, 2)
    assert cleaned(block, {}) == PREFIX + block


def with_every_library(kind: str, path: Path, photo: np.ndarray, exif: bytes) -> None:
    """Write EXIF into a picture by Pillow, piexif, pillow-heif or tifffile."""
    image = Image.fromarray(photo)
    if kind == "JPEG":
        image.save(path, "JPEG")
        piexif.insert(exif, str(path))
    elif kind == "TIFF":
        tifffile.imwrite(path, photo, photometric="rgb", byteorder="<", metadata=None, software=False)
        path.write_bytes(into_tiff(path.read_bytes(), exif, (0x010F, 0x013B, 0x8298)))
    else:
        # Pillow writes EXIF with an orientation anew into an AVIF, and texts with question marks.
        image.save(path, kind, exif=cleaned(exif, {}) if kind == "AVIF" else exif)


def a_block_by_piexif() -> bytes:
    directories = {
        "0th": {0x010F: b"Maker", 0x013B: NAME, 0x8298: RIGHTS, ORIENTATION: 1},
        "Exif": {0x9003: b"2020:01:02 03:04:05", 0x927C: b"NOTE\0\1\2" * 9, 0x9286: b"UNICODE\0" + RIGHTS},
        "GPS": {1: b"N", 2: ((48, 1), (8, 1), (1234, 100)), 3: b"E", 4: ((11, 1), (34, 1), (0, 1))},
        "Interop": {1: b"R03"},
        "1st": {0x0103: 6},
        "thumbnail": thumbnail(),
    }  # fmt: skip
    return piexif.dump(directories)


def thumbnail() -> bytes:
    buffer = BytesIO()
    Image.new("RGB", (16, 12), (1, 2, 3)).save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.mark.parametrize("written", FORMATS)
@pytest.mark.parametrize("read", FORMATS)
def test_from_any_format_into_any(read: str, written: str, tmp_path: Path, photo: np.ndarray) -> None:
    block = a_block_by_piexif()
    with_every_library(read, tmp_path / "a", photo, block)
    picture = decode(tmp_path / "a")
    encode(picture.pixels, None, picture.keep, tmp_path / "b", Wanted(format=written))
    before, after = parsed(block), parsed(decode(tmp_path / "b").keep.exif)
    order = [one.removeprefix(PREFIX)[:2] for one in (block, decode(tmp_path / "b").keep.exif)]
    if order[0] != order[1]:
        before = swapped(before)
    for name in (MAIN, EXIF, GPS, INTEROP):
        assert after[name] == {tag: one for tag, one in before[name].items() if tag != ORIENTATION}
    assert thumbnail() not in (tmp_path / "b").read_bytes()
    assert after[MAIN][0x013B][2].rstrip(b"\0") == NAME
    assert after[MAIN][0x8298][2].rstrip(b"\0") == RIGHTS


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(st.sampled_from("<>").flatmap(layouts), st.sampled_from(["JPEG", "PNG", "WEBP", "AVIF"]))
def test_odd_layouts_go_through_files(tmp_path: Path, layout, kind: str) -> None:
    image = Image.new("RGB", (8, 8))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, of a link that is not there
        image.save(tmp_path / "a", kind, exif=cleaned(layout.block, {}))
    picture = decode(tmp_path / "a")
    encode(picture.pixels, None, picture.keep, tmp_path / "b")
    assert parsed(decode(tmp_path / "b").keep.exif) == layout.values


XMP_FORMATS = (*FORMATS, "tifffile", "big-endian")
IPTC_FORMATS = ("JPEG", "PNG", "TIFF", "tifffile", "big-endian")


def with_packets(kind: str, path: Path, xmp: bytes, iptc: bytes) -> None:
    """Write XMP and IPTC into a picture by Pillow, pillow-heif or tifffile."""
    image = Image.new("RGB", (8, 8), (1, 2, 3))
    if kind in ("tifffile", "big-endian"):
        order = "<" if kind == "tifffile" else ">"
        more = [(700, 1, len(xmp), xmp, True), (33723, 7, len(iptc), iptc, True)]
        tifffile.imwrite(path, np.asarray(image), photometric="rgb", metadata=None, byteorder=order, extratags=more)
    elif kind == "TIFF":
        tags = TiffImagePlugin.ImageFileDirectory_v2()
        tags.tagtype[700], tags.tagtype[33723] = 1, 7
        tags[700], tags[33723] = xmp, iptc
        image.save(path, kind, tiffinfo=tags)
    elif kind == "PNG":
        image.save(path, kind, pnginfo=png_texts((), xmp, iptc))
    elif kind == "JPEG":
        image.save(path, kind, xmp=xmp, extra=jpeg_segments(iptc))
    else:
        image.save(path, kind, xmp=xmp)


RECORD = st.tuples(st.integers(1, 9), st.integers(0, 255), st.binary(max_size=40)).map(
    lambda one: b"\x1c" + struct.pack(">BBH", one[0], one[1], len(one[2])) + one[2]
)
WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc"), exclude_characters="<>&"), max_size=30)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.sampled_from(XMP_FORMATS), st.sampled_from(FORMATS), WORDS, st.lists(RECORD, min_size=1, max_size=9))
def test_xmp_and_iptc_go_from_any_library_into_any_format_to_the_bit(
    tmp_path: Path, read: str, written: str, words: str, records: list[bytes]
) -> None:
    xmp = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><my:words xmlns:my="m">{words}</my:words></x:xmpmeta>\n   '.encode()
    iptc = b"".join(records)
    with_packets(read, tmp_path / "a", xmp, iptc)
    picture = decode(tmp_path / "a")
    encode(picture.pixels, None, picture.keep, tmp_path / "b", Wanted(format=written))
    again = decode(tmp_path / "b").keep
    assert (picture.keep.xmp, again.xmp) == (xmp, xmp)
    if read in IPTC_FORMATS:
        assert picture.keep.captions.iptc == iptc
        assert again.captions.iptc == (iptc if written in IPTC_FORMATS else b"")


@pytest.mark.parametrize(("order", "big"), [("<", False), (">", False), ("<", True)])
@pytest.mark.parametrize("written", ["TIFF", "JPEG"])
def test_a_tiffs_texts_are_carried_in_their_own_bytes(
    order: str, big: bool, written: str, tmp_path: Path, photo: np.ndarray
) -> None:
    texts = [(315, 2, len(NAME) + 1, NAME + b"\0", True), (33432, 2, len(RIGHTS) + 1, RIGHTS + b"\0", True)]
    tifffile.imwrite(
        tmp_path / "a.tif", photo, photometric="rgb", byteorder=order, metadata=None, extratags=texts, bigtiff=big
    )
    picture = decode(tmp_path / "a.tif")
    encode(picture.pixels, None, picture.keep, tmp_path / "b", Wanted(format=written))
    after = parsed(decode(tmp_path / "b").keep.exif)[MAIN]
    assert (after[315], after[33432]) == ((2, len(NAME) + 1, NAME + b"\0"), (2, len(RIGHTS) + 1, RIGHTS + b"\0"))
