import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgtrans.errors import ImageError
from imgtrans.images.formats import (
    READABLE,
    format_by_content,
    has_image_name,
    is_hidden_or_system,
    is_image,
    open_image,
)

SAVED = ("JPEG", "PNG", "WEBP", "TIFF", "GIF", "AVIF", "JPEG2000", "BMP", "DIB", "PPM", "QOI", "ICO", "SGI", "PCX")


@pytest.mark.parametrize("kind", SAVED)
def test_a_format_is_known_by_its_first_bytes_whatever_the_name(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "picture.xyz"
    Image.new("RGB", (20, 20)).save(path, kind)
    assert format_by_content(path) == kind
    assert is_image(path)
    with open_image(path) as image:
        assert image.format == kind


def test_a_tga_is_known_by_its_name_alone(tmp_path: Path) -> None:
    Image.new("RGB", (20, 20)).save(tmp_path / "a.tga")
    (tmp_path / "a.bin").write_bytes((tmp_path / "a.tga").read_bytes())
    assert format_by_content(tmp_path / "a.tga") == "TGA"
    assert format_by_content(tmp_path / "a.bin") is None
    with pytest.raises(ImageError), open_image(tmp_path / "a.bin"):
        pass


@pytest.mark.parametrize("content", [b"", b"\0", b"x", b"BM", b"hello\n" * 20, b"<svg/>", b"%!PS-Adobe-3.0 EPSF-3.0\n"])
def test_what_is_no_picture_is_not_taken_for_one(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    with pytest.raises(ImageError, match=r"a\.jpg .*\.$"), open_image(path) as image:
        image.load()
    assert format_by_content(path) in (None, "BMP")


def test_formats_that_start_other_programs_are_not_read() -> None:
    assert not {"EPS", "WMF", "PDF", "PS"} & set(READABLE)


@pytest.mark.parametrize("name", [".hidden.jpg", "Thumbs.db", "desktop.ini", "@eaDir", "__MACOSX", "$RECYCLE.BIN"])
def test_hidden_and_system_names_are_no_pictures(name: str, tmp_path: Path) -> None:
    Image.new("RGB", (4, 4)).save(tmp_path / name, "PNG")
    assert is_hidden_or_system(name)
    assert not is_image(tmp_path / name)


def test_folders_dangling_links_and_pipes_are_no_pictures(tmp_path: Path) -> None:
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "link.jpg").symlink_to(tmp_path / "nowhere.jpg")
    os.mkfifo(tmp_path / "pipe.jpg")
    for name in ("folder.jpg", "link.jpg", "pipe.jpg", "missing.jpg"):
        assert not is_image(tmp_path / name)
        assert has_image_name(tmp_path / name)


def test_a_folder_is_called_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"is a folder\.$"), open_image(tmp_path):
        pass


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"a\.jpg is not there any more\.$"), open_image(tmp_path / "a.jpg"):
        pass


def test_more_pixels_than_the_limit_are_refused_with_both_numbers(photo_file: Path) -> None:
    with (
        pytest.raises(ImageError, match=r"has 64x48 pixels, more than the limit of 1,000\.$"),
        open_image(photo_file, 1000),
    ):
        pass


def bomb(path: Path, side: int) -> None:
    """A PNG whose header promises far more than it brings."""
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    )


def test_a_bomb_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    bomb(tmp_path / "bomb.png", 60000)
    for limit in (None, 1000, 100_000_000):
        with (
            pytest.raises(ImageError, match=r"bomb\.png .* larger than .*\.$"),
            open_image(tmp_path / "bomb.png", limit),
        ):
            pass


def test_a_limit_above_pillows_is_the_one_that_counts(tmp_path: Path) -> None:
    before = Image.MAX_IMAGE_PIXELS
    bomb(tmp_path / "large.png", 20000)  # 400 megapixels; Pillow alone stops at 179
    with open_image(tmp_path / "large.png", 1_000_000_000) as image:
        assert image.size == (20000, 20000)
    assert before == Image.MAX_IMAGE_PIXELS


def test_whatever_goes_wrong_inside_names_the_file(photo_file: Path) -> None:
    with pytest.raises(ImageError, match=r"photo\.png cannot be decoded: odd\.$"), open_image(photo_file):
        raise RuntimeError("odd.")
    with pytest.raises(ImageError, match=r"photo\.png does not fit into memory\.$"), open_image(photo_file):
        raise MemoryError
    with pytest.raises(ImageError, match=r"^as it is$"), open_image(photo_file):
        raise ImageError("as it is")


def test_a_picture_opens_with_its_pixels_unchanged(photo_file: Path, photo: np.ndarray) -> None:
    with open_image(photo_file) as image:
        assert (np.asarray(image) == photo).all()


def test_layers_without_the_picture_that_they_make_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.psd"
    header = b"8BPS" + struct.pack(">H6xHIIHH", 1, 3, 8, 8, 8, 3) + struct.pack(">I", 0)
    for has_picture in (True, False):
        version = struct.pack(">I?", 1, has_picture) + bytes(7)
        resource = b"8BIM" + struct.pack(">HHI", 1057, 0, len(version)) + version
        path.write_bytes(
            header + struct.pack(">I", len(resource)) + resource + struct.pack(">IH", 0, 0) + bytes([99]) * 192
        )
        if has_picture:
            with open_image(path) as image:
                assert image.getpixel((0, 0)) == (99, 99, 99)
        else:
            with pytest.raises(ImageError, match=r"a\.psd holds nothing but layers: save it again"), open_image(path):
                pass
