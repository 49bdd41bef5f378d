from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image, TiffImagePlugin

from imgtrans.images.decode import Picture, decode, decode_frames
from imgtrans.images.deepfile import flattened, lightness
from imgtrans.images.encode import encode, encode_frames
from imgtrans.images.keepsake import Keepsake
from imgtrans.protocols import Wanted
from tests.images.test_encode import EXIF, GPS, MAKER, XMP, exif_block

DEEP = Wanted(depth=16)
KINDS = ("PNG", "TIFF")


def keep(kind: str, **fields: object) -> Keepsake:
    return Keepsake(source="a picture", format=kind, **fields)  # type: ignore[arg-type]


@pytest.fixture
def deep(photo: np.ndarray) -> np.ndarray:
    """The smooth picture, with more than 8 bits."""
    return photo.astype(np.uint16) * np.uint16(257) - (photo[..., ::-1] > 9) * np.uint16(129)


def values_in(path: Path, kind: str) -> np.ndarray:
    return imagecodecs.png_decode(path.read_bytes()) if kind == "PNG" else tifffile.imread(path)


def read(path: Path) -> Picture:
    return decode_frames(path, deep=True)[0]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("has_alpha", [False, True])
def test_all_bits_are_written(has_alpha: bool, kind: str, tmp_path: Path, deep: np.ndarray) -> None:
    alpha = deep[..., 1].copy() if has_alpha else None
    encode(deep, alpha, keep(kind), tmp_path / "a", DEEP)
    values = values_in(tmp_path / "a", kind)
    assert values.dtype == np.uint16
    assert np.array_equal(values[..., :3], deep)
    assert values.shape[2] == (4 if has_alpha else 3)
    picture, eight = read(tmp_path / "a"), decode(tmp_path / "a")  # Pillow reads them as well
    assert np.array_equal(picture.pixels, deep)
    assert np.abs(eight.pixels - deep / 257).max() < 1
    if has_alpha:
        assert picture.alpha is not None
        assert np.array_equal(picture.alpha, alpha)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("has_alpha", [False, True])
def test_gray_stays_gray(has_alpha: bool, kind: str, tmp_path: Path, deep: np.ndarray) -> None:
    alpha = deep[..., 1].copy() if has_alpha else None
    wanted = Wanted(depth=16, keep_gray=True)
    encode(deep, alpha, keep(kind, gray=True, had_profile=True), tmp_path / "a", wanted)
    expected = deep.astype(float) @ [0.299, 0.587, 0.114]
    picture = read(tmp_path / "a")
    assert np.abs(picture.pixels[..., 0] - expected).max() < 1
    assert picture.keep.gray == (kind == "PNG" or not has_alpha)
    assert np.array_equal(lightness(deep), picture.pixels[..., 2])


def test_what_is_transparent_lies_on_white(tmp_path: Path, deep: np.ndarray) -> None:
    alpha = deep[..., 1].copy()
    alpha[0], alpha[1] = 0, 65535
    encode(deep, alpha, keep("PNG"), tmp_path / "a", Wanted(depth=16, flatten=True))
    share = alpha[..., None] / 65535.0
    assert np.abs(values_in(tmp_path / "a", "PNG") - (deep * share + 65535 * (1 - share))).max() <= 0.5 + 1e-6
    white = np.full((1, 1, 3), 65535, np.uint16)
    assert flattened(white, np.full((1, 1), 1, np.uint16)).tolist() == [[[65535] * 3]]


@pytest.mark.parametrize("kind", KINDS)
def test_all_else_is_carried_as_with_8_bits(kind: str, tmp_path: Path, deep: np.ndarray, photo: np.ndarray) -> None:
    for name, pixels in (("8", photo), ("16", deep)):
        kept = keep(kind, exif=exif_block(), xmp=XMP, dpi=(200.0, 300.0), had_profile=True)
        encode(pixels, None, kept, tmp_path / name, DEEP)
    eight, sixteen = decode(tmp_path / "8").keep, decode(tmp_path / "16").keep
    assert (sixteen.exif, sixteen.xmp, sixteen.dpi) == (eight.exif, eight.xmp, eight.dpi)
    assert sixteen.exif
    assert sixteen.xmp == XMP
    assert sixteen.dpi == pytest.approx((200, 300), abs=0.1)
    with Image.open(tmp_path / "8") as before, Image.open(tmp_path / "16") as after:
        assert after.info["icc_profile"] == before.info["icc_profile"]
        exif = after.getexif()
        assert exif[MAKER] == "Maker"
        assert exif.get_ifd(EXIF)
        assert exif.get_ifd(GPS)


@pytest.mark.parametrize(
    ("was", "becomes"),
    [("raw", 1), ("tiff_lzw", 5), ("tiff_adobe_deflate", 8), ("packbits", 32773), ("zstd", 50000), ("lzma", 34925),
     ("jpeg", 8), ("group4", 8)],
)  # fmt: skip
def test_a_tiff_keeps_the_compression_that_it_can_have(
    was: str, becomes: int, tmp_path: Path, deep: np.ndarray
) -> None:
    encode(deep, None, keep("TIFF", compression=was), tmp_path / "a", DEEP)
    with tifffile.TiffFile(tmp_path / "a") as file:
        page = file.pages[0]
        assert page.compression == becomes
        assert page.predictor == (1 if was in ("raw", "packbits") else 2)
    assert np.array_equal(tifffile.imread(tmp_path / "a"), deep)


def test_pages_are_written_each_with_its_own_depth_and_metadata(tmp_path: Path, deep: np.ndarray) -> None:
    frames = [
        Picture(deep, None, keep("TIFF", exif=exif_block(), compression="tiff_lzw")),
        Picture(deep[:20, :30], deep[:20, :30, 0].copy(), keep("TIFF", dpi=(99.0, 99.0), compression="raw")),
    ]
    encode_frames(frames, tmp_path / "a", DEEP)
    first, second = decode_frames(tmp_path / "a", deep=True)
    assert np.array_equal(first.pixels, deep)
    assert np.array_equal(second.pixels, deep[:20, :30])
    assert second.alpha is not None
    assert first.keep.exif
    assert not second.keep.exif
    assert second.keep.dpi == (99, 99)
    with Image.open(tmp_path / "a") as image:
        assert isinstance(image, TiffImagePlugin.TiffImageFile)
        assert image.n_frames == 2


def test_other_formats_get_8_bits(tmp_path: Path, deep: np.ndarray) -> None:
    encode(deep, deep[..., 0].copy(), keep("BMP"), tmp_path / "a", DEEP)
    picture = decode(tmp_path / "a")
    assert np.abs(picture.pixels - deep / 257).max() <= 0.5
    assert picture.alpha is not None
