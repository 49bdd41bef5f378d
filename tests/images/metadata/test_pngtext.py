import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from imgtrans.images.decode import decode
from imgtrans.images.encode import encode
from imgtrans.images.kinds.chunks import SIGNATURE
from imgtrans.images.kinds.png import readable
from imgtrans.images.metadata import pngtext
from imgtrans.images.metadata.exif import PREFIX
from imgtrans.images.metadata.pngtext import texts

IPTC = b"\x1c\x02\x78\x00\x09A caption"
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"/>'
EXIF = PREFIX + b"II*\0\x08\0\0\0\1\0\x0f\1\2\0\4\0\0\0abc\0\0\0\0\0"


def with_texts(path: Path, photo: np.ndarray, *every: tuple[bytes, bytes], after: bool = False) -> Path:
    """Write a PNG with chunks of text, in their order, before or after its pixels."""
    Image.fromarray(photo).save(path, "PNG")
    content = path.read_bytes()
    put = b"".join(
        len(data).to_bytes(4, "big") + name + data + zlib.crc32(name + data).to_bytes(4, "big") for name, data in every
    )
    at = len(content) - 12 if after else 33
    path.write_bytes(content[:at] + put + content[at:])
    return path


def again(path: Path) -> Path:
    picture = decode(path)
    encode(picture.pixels, picture.alpha, picture.keep, path.with_name("again.png"))
    return path.with_name("again.png")


def raw(kind: str, content: bytes) -> tuple[bytes, bytes]:
    return b"zTXt", f"Raw profile type {kind}".encode() + b"\0\0" + zlib.compress(
        f"\n{kind}\n{len(content):8}\n{content.hex()}\n".encode()
    )


@pytest.mark.parametrize("after", [True, False])
@pytest.mark.parametrize("kind", ["zTXt", "iTXt", "tEXt"])
def test_a_text_of_megabytes_is_carried(kind: str, after: bool, tmp_path: Path, photo: np.ndarray) -> None:
    long = "a prompt, " * 300_000
    data = {
        "zTXt": b"parameters\0\0" + zlib.compress(long.encode()),
        "iTXt": b"parameters\0\1\0\0\0" + zlib.compress(long.encode()),
        "tEXt": b"parameters\0" + long.encode(),
    }[kind]
    path = again(with_texts(tmp_path / "a.png", photo, (kind.encode(), data), after=after))
    assert [(one[0], one[1]) for one in texts(path)] == [("parameters", long)]
    assert (decode(path).pixels == photo).all()


@pytest.mark.parametrize("after", [True, False])
def test_a_text_beyond_all_bounds_is_left_out_and_the_picture_read(
    after: bool, tmp_path: Path, photo: np.ndarray
) -> None:
    bomb = b"workflow\0\0" + zlib.compress(bytes(pngtext.MOST_TEXT + 1))
    path = with_texts(tmp_path / "a.png", photo, (b"tEXt", b"Author\0me"), (b"zTXt", bomb), after=after)
    picture = decode(path)
    assert (picture.pixels == photo).all()
    assert picture.keep.captions.texts == (("Author", "me", None, None),)
    assert picture.keep.left_out == ("workflow",)


@given(st.lists(st.booleans(), max_size=5), st.lists(st.tuples(st.integers(0, 400), st.integers(0, 99)), max_size=6))
def test_a_file_is_read_as_if_long_texts_were_not_in_it(long: list[bool], reads: list[tuple[int, int]]) -> None:
    bomb = b"workflow\0\0" + zlib.compress(bytes(999))
    every = [(b"zTXt", bomb) if is_long else (b"tEXt", b"Title\0some words") for is_long in long]
    checks = [zlib.crc32(name + data).to_bytes(4, "big") for name, data in every]
    parts = [
        len(data).to_bytes(4, "big") + name + data + check for (name, data), check in zip(every, checks, strict=True)
    ]
    wanted = SIGNATURE + b"".join(part for part, is_long in zip(parts, long, strict=True) if not is_long)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pngtext, "MOST_TEXT", 99)
        file = readable(BytesIO(SIGNATURE + b"".join(parts)))
    assert file.read() == wanted
    for at, size in reads:
        file.seek(at)
        assert file.read(size) == wanted[at : at + size]


def test_texts_of_one_keyword_are_all_carried(tmp_path: Path, photo: np.ndarray) -> None:
    every = [(b"tEXt", b"Comment\0one"), (b"tEXt", b"Comment\0two"), (b"iTXt", "Comment\0\0\0de\0\0drei ü".encode())]
    path = again(with_texts(tmp_path / "a.png", photo, *every))
    assert texts(path) == (
        ("Comment", "one", None, None), ("Comment", "two", None, None), ("Comment", "drei ü", "de", "")
    )  # fmt: skip


def test_raw_profiles_are_carried(tmp_path: Path, photo: np.ndarray) -> None:
    for kind, content in (("xmp", XMP), ("APP1", b"http://ns.adobe.com/xap/1.0/\0" + XMP)):
        assert decode(again(with_texts(tmp_path / "a.png", photo, raw(kind, content)))).keep.xmp == XMP
    for kind in ("exif", "APP1"):
        assert decode(again(with_texts(tmp_path / "a.png", photo, raw(kind, EXIF)))).keep.exif == EXIF
    for kind, content in (("iptc", IPTC), ("8bim", b"8BIM\4\4\0\0\0\0\0\x0e" + IPTC)):
        assert decode(again(with_texts(tmp_path / "a.png", photo, raw(kind, content)))).keep.captions.iptc == IPTC


def test_what_is_malformed_is_left_out(tmp_path: Path, photo: np.ndarray) -> None:
    broken = [
        (b"tEXt", b"\0no keyword"),
        (b"tEXt", b"k" * 80 + b"\0too long a keyword"),
        (b"zTXt", b"zipped\0\0no zip"),
        (b"iTXt", b"international\0\0"),
        (b"iTXt", b"Title\0\0\0de\0\0\xff\xfe"),
        (b"tEXt", b"Author\0me"),
    ]
    path = with_texts(tmp_path / "a.png", photo, *broken)
    assert texts(path) == (("Author", "me", None, None),)
    assert decode(path).keep.captions.texts == (("Author", "me", None, None),)


def test_a_malformed_profile_costs_no_other_text(tmp_path: Path, photo: np.ndarray) -> None:
    broken = (b"tEXt", b"Raw profile type iptc\0\niptc\n 3\nno hexadecimal")
    path = with_texts(tmp_path / "a.png", photo, broken, (b"tEXt", b"Author\0me"))
    assert decode(path).keep.captions.texts == (("Author", "me", None, None),)


def test_a_long_profile_is_followed(tmp_path: Path, photo: np.ndarray, adobe_rgb: bytes) -> None:
    Image.fromarray(photo).save(tmp_path / "a.png", icc_profile=adobe_rgb + bytes(2_000_000))
    assert decode(tmp_path / "a.png").keep.had_profile
    info = PngImagePlugin.PngInfo()
    info.add_text("k", "v")
    Image.fromarray(photo).save(tmp_path / "b.png", pnginfo=info)
    assert texts(tmp_path / "b.png") == (("k", "v", None, None),)
