import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgtrans.errors import ImageError
from imgtrans.images.decode import decode, decode_frames
from imgtrans.images.formats import open_image
from imgtrans.images.kinds.chunks import SIGNATURE, chunks


def chunk(name: bytes, content: bytes, wrong: int = 0) -> bytes:
    check = zlib.crc32(name + content) ^ wrong
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", check)


def put_in(path: Path, new: bytes, before: bytes) -> None:
    content = path.read_bytes()
    at = content.index(before) - 4
    path.write_bytes(content[:at] + new + content[at:])


@pytest.fixture
def path(tmp_path: Path, photo: np.ndarray) -> Path:
    path = tmp_path / "a.png"
    Image.fromarray(photo).save(path, dpi=(300, 300))
    return path


@pytest.mark.parametrize("before", [b"IDAT", b"IEND"])
@pytest.mark.parametrize(
    ("name", "content"),
    [
        (b"tEXt", b"Comment\0damaged"),
        (b"tIME", bytes(7)),
        (b"eXIf", b"II*\0"),
        (b"prVt", b"x"),
        (b"gAMA", b"\0\0\xb1\x8f"),
    ],
)
def test_a_damaged_chunk_that_is_not_needed_is_left_out(
    name: bytes, content: bytes, before: bytes, path: Path, photo: np.ndarray
) -> None:
    put_in(path, chunk(b"tEXt", b"Author\0Someone"), b"IDAT")
    put_in(path, chunk(name, content, wrong=1) * 2, before)
    for deep in (False, True):
        (picture,) = decode_frames(path, deep=deep)
        assert np.array_equal(picture.pixels, photo.astype(int) * (257 if deep else 1))
        assert picture.keep.dpi is not None
        assert "Someone" in str(picture.keep.captions)
        assert "damaged" not in str(picture.keep.captions)
    with open_image(path, 10_000) as image:
        assert image.size == (64, 48)


@pytest.mark.parametrize("name", [b"IHDR", b"PLTE"])
def test_a_damaged_chunk_that_is_needed_is_no_picture(name: bytes, path: Path) -> None:
    content = path.read_bytes()
    if name == b"IHDR":
        path.write_bytes(content[:30] + b"\xff" + content[31:])
    else:
        put_in(path, chunk(b"PLTE", bytes(3), wrong=1), b"IDAT")
    with pytest.raises(ImageError, match=r"a\.png .*\.$"):
        decode(path)


def test_a_damaged_frame_of_an_animation_is_not_left_out_in_silence(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "green", "blue")]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=100)
    content = bytearray(path.read_bytes())
    at = content.index(b"acTL") + 4 + 8
    content[at] ^= 1
    path.write_bytes(content)
    with pytest.raises(ImageError, match=r"a\.png cannot be decoded|is not a picture"):
        decode_frames(path)


def test_chunks_end_where_the_file_does(path: Path) -> None:
    with path.open("rb") as file:
        names = [name for name, _, _ in chunks(file)]
    assert names[0] == b"IHDR"
    assert names[-1] == b"IEND"
    path.write_bytes(SIGNATURE + struct.pack(">I4s", 2**31, b"tEXt"))
    with path.open("rb") as file:
        assert [size for _, _, size in chunks(file)] == [2**31]
