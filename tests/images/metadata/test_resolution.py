import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from imgtrans.images.decode import decode
from imgtrans.images.encode import encode
from imgtrans.protocols import Wanted


def again(path: Path, format: str, depth: int = 8) -> Path:
    picture = decode(path)
    encode(picture.pixels, None, picture.keep, path.with_name("again"), Wanted(format=format, depth=depth))
    return path.with_name("again")


def anamorphic(path: Path, kind: str, photo: np.ndarray, across: int, down: int, orientation: int = 1) -> Path:
    """Write a picture whose pixels are not square, without a unit."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = Image.fromarray(photo)
    if kind == "TIFF":
        tifffile.imwrite(
            path, photo, photometric="rgb", resolution=(across, down), resolutionunit="NONE", metadata=None
        )
        return path
    image.save(path, kind, exif=exif, **({"dpi": (72, 72)} if kind == "PNG" else {}))
    content = bytearray(path.read_bytes())
    if kind == "JPEG":
        content[13:18] = struct.pack(">BHH", 0, across, down)
    else:
        at = content.index(b"pHYs")
        content[at + 4 : at + 13] = struct.pack(">IIB", across, down, 0)
        content[at + 13 : at + 17] = struct.pack(">I", zlib.crc32(content[at : at + 13]))
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("written", ["JPEG", "PNG", "TIFF"])
@pytest.mark.parametrize("read", ["JPEG", "PNG", "TIFF"])
def test_the_shape_of_pixels_is_carried(read: str, written: str, tmp_path: Path, photo: np.ndarray) -> None:
    path = again(anamorphic(tmp_path / "a", read, photo, 4, 3), written)
    keep = decode(path).keep
    assert keep.dpi is None
    assert keep.aspect == (4, 3)
    with Image.open(path) as image:
        image.load()
        assert (np.asarray(image).shape, image.format) == (photo.shape, written)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_the_shape_is_turned_with_the_picture(kind: str, tmp_path: Path, photo: np.ndarray) -> None:
    assert decode(anamorphic(tmp_path / "a", kind, photo, 4, 3, orientation=6)).keep.aspect == (3, 4)


@pytest.mark.parametrize("written", ["PNG", "TIFF"])
def test_the_shape_goes_into_16_bits(written: str, tmp_path: Path, photo: np.ndarray) -> None:
    picture = decode(anamorphic(tmp_path / "a", "PNG", photo, 4, 3))
    encode(picture.pixels.astype(np.uint16) * 257, None, picture.keep, tmp_path / "b", Wanted(format=written, depth=16))
    assert decode(tmp_path / "b").keep.aspect == (4, 3)


def test_square_pixels_without_a_unit_say_nothing(tmp_path: Path, photo: np.ndarray) -> None:
    assert decode(anamorphic(tmp_path / "a", "PNG", photo, 3, 3)).keep.aspect is None


@pytest.mark.parametrize("resolution", [(2, 3), (4, 4)])
def test_a_microscopes_scale_stays_in_a_tiff(resolution: tuple[int, int], tmp_path: Path, photo: np.ndarray) -> None:
    tifffile.imwrite(tmp_path / "a", photo, imagej=True, resolution=resolution, metadata={"unit": "um"})
    with tifffile.TiffFile(again(tmp_path / "a", "TIFF")) as tiff:
        tags = tiff.pages[0].tags
        assert (tags[282].value, tags[283].value, tags[296].value) == ((resolution[0], 1), (resolution[1], 1), 1)
        assert "unit=um" in tags[270].value
    assert decode(again(tmp_path / "a", "PNG")).keep.aspect == (resolution if resolution == (2, 3) else None)
    assert decode(again(tmp_path / "a", "JPEG")).keep.aspect == (resolution if resolution == (2, 3) else None)


@pytest.mark.parametrize("resolution", [(72, 72), (72, 144)])
def test_a_tiff_that_names_no_unit_means_inches(resolution: tuple[int, int], tmp_path: Path, photo: np.ndarray) -> None:
    tifffile.imwrite(tmp_path / "a", photo, photometric="rgb", resolution=resolution, metadata=None)
    content = (tmp_path / "a").read_bytes()
    unit = struct.pack("<HHIHH", 296, 3, 1, 2, 0)
    assert content.count(unit) == 1
    (tmp_path / "a").write_bytes(content.replace(unit, struct.pack("<HHIHH", 297, 3, 1, 2, 0)))
    assert decode(tmp_path / "a").keep.dpi == resolution


def test_a_jpeg_that_has_it_in_its_exif_alone_has_both_directions(tmp_path: Path, photo: np.ndarray) -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x011A], exif[0x011B], exif[0x0128] = 6, 72.0, 144.0, 2
    Image.fromarray(photo).save(tmp_path / "a.jpg", exif=exif)
    assert decode(tmp_path / "a.jpg").keep.dpi == (144, 72)
    with Image.open(again(tmp_path / "a.jpg", "JPEG")) as image:
        assert image.info["dpi"] == (144, 72)
        assert (image.getexif()[0x011A], image.getexif()[0x011B]) == (144, 72)
