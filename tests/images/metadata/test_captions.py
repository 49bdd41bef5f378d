import struct
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image, IptcImagePlugin, PngImagePlugin

from imgtrans.images.decode import decode, decode_frames
from imgtrans.images.encode import encode, encode_frames
from imgtrans.images.keepsake import Keepsake
from imgtrans.images.metadata.captions import NONE, Captions
from imgtrans.images.metadata.photoshop import jpeg_segments
from imgtrans.protocols import Wanted

IPTC = b"\x1c\x02\x78\x00\x09A caption\x1c\x02\x50\x00\x06Author"
CAPTION, AUTHOR = (2, 120), (2, 80)


def kept_of(path: Path) -> Captions:
    return decode(path).keep.captions


def again(path: Path, format: str = "", depth: int = 8) -> Path:
    """Write a picture once more, as a translation of it would be."""
    wanted = Wanted(format=format, depth=depth)
    encode_frames(decode_frames(path, deep=depth > 8), path.with_name("again"), wanted)
    return path.with_name("again")


def with_iptc(path: Path, photo: np.ndarray, iptc: bytes = IPTC) -> Path:
    Image.fromarray(photo).save(path, "JPEG", extra=jpeg_segments(iptc))
    return path


@pytest.mark.parametrize("kind", ["JPEG", "GIF"])
def test_a_comment_is_carried(kind: str, tmp_path: Path, photo: np.ndarray) -> None:
    comment = "Ein schöner Tag. ".encode() * 40
    Image.fromarray(photo).save(tmp_path / "a", kind, comment=comment)
    with Image.open(again(tmp_path / "a")) as image:
        assert (image.format, image.info["comment"]) == (kind, comment)


def test_an_animations_comment_is_carried(tmp_path: Path, photo: np.ndarray) -> None:
    frames = [Image.fromarray(photo), Image.fromarray(255 - photo)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:], comment=b"two")
    with Image.open(again(tmp_path / "a.gif")) as image:
        assert (image.n_frames, image.info["comment"]) == (2, b"two")


@pytest.mark.parametrize("depth", [8, 16])
def test_the_texts_of_a_png_are_carried(depth: int, tmp_path: Path, photo: np.ndarray) -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("parameters", "a cat, steps: 20")
    info.add_text("Comment", "zipped", zip=True)
    info.add_itxt("Title", "Schöne Grüße, 猫", "de", "Titel")
    info.add_itxt("XML:com.adobe.xmp", "<x/>")
    info.add_text("icc:description", "Adobe RGB")
    info.add_text("Raw profile type exif", "\nexif\n  4\n00000000\n")
    Image.fromarray(photo).save(tmp_path / "a.png", pnginfo=info)
    with Image.open(again(tmp_path / "a.png", depth=depth)) as image:
        image.load()
        assert {**image.text} == {
            "parameters": "a cat, steps: 20",
            "Comment": "zipped",
            "Title": "Schöne Grüße, 猫",
            "XML:com.adobe.xmp": "<x/>",
        }
        title = image.text["Title"]
        assert (title.lang, title.tkey) == ("de", "Titel")
    assert kept_of(tmp_path / "again") == kept_of(tmp_path / "a.png")


def test_an_animations_texts_are_carried(tmp_path: Path, photo: np.ndarray) -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("Author", "me")
    frames = [Image.fromarray(photo), Image.fromarray(255 - photo)]
    frames[0].save(tmp_path / "a.png", save_all=True, append_images=frames[1:], pnginfo=info)
    assert kept_of(again(tmp_path / "a.png")).texts == (("Author", "me", None, None),)


@pytest.mark.parametrize(("kind", "depth"), [("JPEG", 8), ("TIFF", 8), ("TIFF", 16)])
def test_iptc_is_carried_from_a_jpeg_and_within_a_tiff(
    kind: str, depth: int, tmp_path: Path, photo: np.ndarray
) -> None:
    first = again(with_iptc(tmp_path / "a.jpg", photo), kind, depth).rename(tmp_path / "first")
    second = again(first, depth=depth)
    for path in (first, second):
        with Image.open(path) as image:
            assert image.format == kind
            records = IptcImagePlugin.getiptcinfo(image)
            assert records is not None
            assert (records[CAPTION], records[AUTHOR]) == (b"A caption", b"Author")


def test_iptc_that_is_written_as_numbers_is_understood(tmp_path: Path, photo: np.ndarray) -> None:
    for order in "<>":
        padded = IPTC + bytes(-len(IPTC) % 4)
        numbers = struct.unpack(f"{order}{len(padded) // 4}I", padded)
        tifffile.imwrite(
            tmp_path / "a.tif", photo, photometric="rgb", byteorder=order, extratags=[(33723, 4, len(numbers), numbers)]
        )
        assert kept_of(tmp_path / "a.tif").iptc == padded


def test_what_photoshop_keeps_beside_iptc_is_left(tmp_path: Path, photo: np.ndarray) -> None:
    thumbnail = b"8BIM" + struct.pack(">HxxI", 0x040C, 4) + b"jpeg"
    segment = jpeg_segments(IPTC)
    segment = segment[:2] + struct.pack(">H", len(segment) - 2 + len(thumbnail)) + segment[4:] + thumbnail
    Image.fromarray(photo).save(tmp_path / "a.jpg", extra=segment)
    with Image.open(tmp_path / "a.jpg") as before, Image.open(again(tmp_path / "a.jpg")) as after:
        assert {*before.info["photoshop"]} == {0x0404, 0x040C}
        assert after.info["photoshop"] == {0x0404: IPTC}


def test_what_is_malformed_or_does_not_fit_is_left_out(tmp_path: Path, photo: np.ndarray) -> None:
    assert kept_of(with_iptc(tmp_path / "a.jpg", photo, b"no records")) == NONE
    for kind in ("JPEG", "PNG", "GIF", "TIFF"):
        texts = (("k" * 200, "too long a keyword", None, None), ("\x00", "", None, None))
        captions = Captions(comments=(b"c" * 70000,), texts=texts, iptc=b"\x1c" * 70000)
        keep = Keepsake("a picture", kind, xmp=b"<x/>", captions=captions)
        encode(photo, None, keep, tmp_path / "b")
        assert decode(tmp_path / "b").keep.xmp == (b"" if kind == "GIF" else b"<x/>")


def test_all_comments_of_a_jpeg_are_carried(tmp_path: Path, photo: np.ndarray) -> None:
    segments = b"".join(b"\xff\xfe" + struct.pack(">H", len(text) + 2) + text for text in (b"one", b"\xff two"))
    Image.fromarray(photo).save(tmp_path / "a.jpg", extra=segments, comment=b"three")
    assert kept_of(again(tmp_path / "a.jpg")).comments == (b"one", b"\xff two", b"three")


def test_iptc_that_a_tiff_has_among_photoshops_resources_alone_is_carried(tmp_path: Path, photo: np.ndarray) -> None:
    resources = jpeg_segments(IPTC)[4:].removeprefix(b"Photoshop 3.0\0")
    for order in "<>":
        tags = [(34377, 1, len(resources), resources, True)]
        tifffile.imwrite(tmp_path / "a.tif", photo, photometric="rgb", byteorder=order, extratags=tags)
        assert kept_of(tmp_path / "a.tif").iptc == IPTC
        assert kept_of(again(tmp_path / "a.tif")).iptc == IPTC


def test_iptc_that_takes_several_segments_is_carried(tmp_path: Path, photo: np.ndarray) -> None:
    long = IPTC * 4000
    assert kept_of(again(with_iptc(tmp_path / "a.jpg", photo, long))).iptc == long


def test_iptc_goes_from_a_jpeg_into_a_png_and_back(tmp_path: Path, photo: np.ndarray) -> None:
    png = again(with_iptc(tmp_path / "a.jpg", photo), "PNG").rename(tmp_path / "b.png")
    assert kept_of(png).iptc == IPTC
    assert kept_of(again(png, "JPEG")).iptc == IPTC
