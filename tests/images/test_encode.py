import errno
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgtrans.errors import ImageError
from imgtrans.images.colour import gray_profile, srgb_profile
from imgtrans.images.decode import decode
from imgtrans.images.encode import encode
from imgtrans.images.keepsake import Keepsake
from imgtrans.protocols import Wanted

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "PPM", "AVIF", "JPEG2000", "GIF", "TGA", "QOI", "PCX", "SGI")
EXACT = ("PNG", "TIFF", "BMP", "PPM", "TGA", "QOI", "PCX", "SGI")
WITH_ALPHA = ("PNG", "WEBP", "TIFF", "AVIF", "JPEG2000", "TGA", "SGI", "QOI", "BMP")
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/" note="\xc3\xa9"/>'
MAKER, EXIF, GPS, DATE, MAKER_NOTE = 0x010F, 0x8769, 0x8825, 0x9003, 0x927C


def exif_block() -> bytes:
    exif = Image.Exif()
    exif.endian = "<"
    exif[MAKER] = "Maker"
    exif[EXIF] = {DATE: "2020:01:01 00:00:00", MAKER_NOTE: b"a note of the maker"}
    exif[GPS] = {1: "N", 2: (1.0, 2.0, 3.0)}
    return exif.tobytes()


def keep(kind: str, **fields: object) -> Keepsake:
    return Keepsake(source="a picture", format=kind, **fields)  # type: ignore[arg-type]


def read(path: Path) -> np.ndarray:
    return decode(path).pixels


@pytest.mark.parametrize("kind", FORMATS)
def test_a_picture_is_written_back_in_its_own_format(kind: str, tmp_path: Path, photo: np.ndarray) -> None:
    path = tmp_path / "temporary.tga"
    encode(photo, None, keep(kind), path)
    with Image.open(path) as image:
        assert image.format == kind
    error = np.abs(read(path).astype(int) - photo)
    assert error.max() == 0 if kind in EXACT else error.mean() < 4
    assert decode(path).alpha is None


@pytest.mark.parametrize("kind", WITH_ALPHA)
def test_alpha_and_the_colour_under_it_are_written(kind: str, tmp_path: Path, photo: np.ndarray) -> None:
    alpha = np.zeros(photo.shape[:2], np.uint8)
    alpha[10:40, 10:30], alpha[10:40, 30:] = 255, 130
    encode(photo, alpha, keep(kind, lossless=True), tmp_path / "a.tga")
    picture = decode(tmp_path / "a.tga")
    assert picture.alpha is not None
    assert np.abs(picture.alpha.astype(int) - alpha).max() <= (3 if kind == "AVIF" else 0)
    assert np.abs(picture.pixels.astype(int) - photo).mean() < (4 if kind == "AVIF" else 0.01)


@pytest.mark.parametrize("kind", ["JPEG", "PPM", "PCX"])
def test_in_a_format_without_alpha_what_is_transparent_lies_on_white(
    kind: str, tmp_path: Path, photo: np.ndarray
) -> None:
    alpha = np.zeros(photo.shape[:2], np.uint8)
    alpha[:, 16:32], alpha[:, 32:] = 51, 255
    encode(photo, alpha, keep(kind), tmp_path / "a")
    expected = photo * (alpha[:, :, None] / 255) + 255 - alpha[:, :, None].astype(float)
    assert np.abs(read(tmp_path / "a") - expected).mean() < 3


@pytest.mark.parametrize("colours", [1, 3, 300])
def test_a_gif_is_transparent_or_not(colours: int, tmp_path: Path, photo: np.ndarray) -> None:
    pixels = photo if colours == 300 else (np.indices(photo.shape).sum(axis=0) % colours * 100).astype(np.uint8)
    alpha = np.full(photo.shape[:2], 255, np.uint8)
    alpha[:20], alpha[20:25] = 127, 128
    encode(pixels, alpha, keep("GIF"), tmp_path / "a.gif")
    picture = decode(tmp_path / "a.gif")
    assert picture.alpha is not None
    assert (picture.alpha == np.where(alpha < 128, 0, 255)).all()
    shown = picture.alpha > 0
    assert np.abs(picture.pixels.astype(int) - pixels)[shown].mean() < 8


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_metadata_is_really_there(kind: str, tmp_path: Path, photo: np.ndarray) -> None:
    path = tmp_path / "temporary"
    encode(photo, None, keep(kind, exif=exif_block(), xmp=XMP, dpi=(72.0, 300.0), had_profile=True), path)
    with Image.open(path) as image:
        exif = image.getexif()
        assert exif[MAKER] == "Maker"
        assert exif.get_ifd(EXIF)[MAKER_NOTE] == b"a note of the maker"
        assert exif.get_ifd(GPS)[1] == "N"
        assert image.info["xmp"] == XMP
        assert image.info["icc_profile"] == srgb_profile()
        if kind in ("JPEG", "PNG", "TIFF"):
            assert image.info["dpi"] == pytest.approx((72, 300), abs=0.1)
    again = decode(path).keep
    assert again.had_profile
    assert again.xmp == XMP
    assert again.exif


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg", "group4", ""])
@pytest.mark.parametrize("with_alpha", [False, True])
def test_a_tiff_keeps_its_compression_and_metadata(
    compression: str, with_alpha: bool, tmp_path: Path, photo: np.ndarray
) -> None:
    alpha = photo[:, :, 0].copy() if with_alpha else None
    kept = keep("TIFF", compression=compression, exif=exif_block(), xmp=XMP, dpi=(72.0, 300.0), had_profile=True)
    encode(photo, alpha, kept, tmp_path / "a")
    picture = decode(tmp_path / "a")
    if compression not in ("group4", "") and not (compression == "jpeg" and with_alpha):
        assert picture.keep.compression == compression
    assert np.abs(picture.pixels.astype(int) - photo).mean() < (3 if compression == "jpeg" else 0.01)
    assert (picture.alpha is not None) == with_alpha
    with Image.open(tmp_path / "a") as image:
        assert image.getexif().get_ifd(EXIF)[MAKER_NOTE] == b"a note of the maker"
        assert image.getexif().get_ifd(GPS)[2] == (1.0, 2.0, 3.0)
    assert (picture.keep.xmp, picture.keep.dpi, picture.keep.had_profile) == (XMP, (72.0, 300.0), True)


def test_a_picture_without_metadata_gets_none(tmp_path: Path, photo: np.ndarray) -> None:
    for kind in ("JPEG", "PNG", "WEBP", "TIFF", "AVIF"):
        encode(photo, None, keep(kind), tmp_path / kind)
        kept = decode(tmp_path / kind).keep
        assert (kept.exif, kept.xmp, kept.dpi, kept.had_profile) == (b"", b"", None, False), kind


@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_keeps_tables_sampling_and_scans(
    subsampling: int, progressive: bool, tmp_path: Path, photo: np.ndarray
) -> None:
    Image.fromarray(photo).save(tmp_path / "a.jpg", quality=61, subsampling=subsampling, progressive=progressive)
    before = decode(tmp_path / "a.jpg")
    encode(before.pixels, None, before.keep, tmp_path / "b.jpg")
    after = decode(tmp_path / "b.jpg").keep
    assert (after.tables, after.subsampling, after.progressive) == (before.keep.tables, subsampling, progressive)


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_a_gray_or_cmyk_jpeg_becomes_rgb_with_its_first_table(mode: str, tmp_path: Path, photo: np.ndarray) -> None:
    Image.fromarray(photo).convert(mode).save(tmp_path / "a.jpg", quality=61)
    before = decode(tmp_path / "a.jpg")
    encode(before.pixels, None, before.keep, tmp_path / "b.jpg")
    after = decode(tmp_path / "b.jpg").keep
    assert after.tables == before.keep.tables * 3
    assert after.subsampling == 0


@pytest.mark.parametrize("tables", [(), ((1, 2, 3),), ((-1,) * 64,), ((70000,) * 64,)])
def test_unusable_tables_give_way_to_quality_95(
    tables: tuple[tuple[int, ...], ...], tmp_path: Path, photo: np.ndarray
) -> None:
    encode(photo, None, keep("JPEG", tables=tables, subsampling=2, progressive=True), tmp_path / "a.jpg")
    buffer = BytesIO()
    Image.fromarray(photo).save(buffer, "JPEG", quality=95, subsampling=0)
    assert (tmp_path / "a.jpg").read_bytes() == buffer.getvalue()


def test_webp_stays_lossless_if_it_was(tmp_path: Path, photo: np.ndarray) -> None:
    for lossless in (True, False):
        encode(photo, None, keep("WEBP", lossless=lossless), tmp_path / "a.webp")
        assert decode(tmp_path / "a.webp").keep.lossless is lossless
        assert bool((read(tmp_path / "a.webp") == photo).all()) is lossless


def test_jpeg_2000_stays_lossless_and_bare_if_it_was(tmp_path: Path, photo: np.ndarray) -> None:
    for lossless in (True, False):
        encode(photo, None, keep("JPEG2000", lossless=lossless, codestream=lossless), tmp_path / "a")
        after = decode(tmp_path / "a").keep
        assert (after.lossless, after.codestream) == (lossless, lossless)
        assert np.abs(read(tmp_path / "a").astype(int) - photo).max() <= (0 if lossless else 12)


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (3, 5)])
@pytest.mark.parametrize("kind", FORMATS)
def test_a_tiny_picture_is_written_in_any_format(kind: str, size: tuple[int, int], tmp_path: Path) -> None:
    pixels = np.full((*size, 3), 90, np.uint8)
    encode(pixels, None, keep(kind), tmp_path / "a.tga")
    assert np.abs(read(tmp_path / "a.tga").astype(int) - 90).max() < 8


def test_a_bmp_keeps_its_resolution(tmp_path: Path, photo: np.ndarray) -> None:
    for alpha in (None, photo[:, :, 0].copy()):
        encode(photo, alpha, keep("BMP", dpi=(72.0, 300.0)), tmp_path / "a.bmp")
        assert decode(tmp_path / "a.bmp").keep.dpi == pytest.approx((72, 300), abs=0.1)


@pytest.mark.parametrize("kind", FORMATS)
def test_the_same_picture_gives_the_same_bytes_wherever_it_is_written(
    kind: str, tmp_path: Path, photo: np.ndarray
) -> None:
    for name in ("one.tmp", "another.tmp"):
        encode(photo, None, keep(kind, exif=exif_block(), had_profile=True), tmp_path / name)
    assert (tmp_path / "one.tmp").read_bytes() == (tmp_path / "another.tmp").read_bytes()


@pytest.mark.parametrize(
    ("fields", "lost"),
    [
        ({"exif": b"Exif\0\0" + bytes(70000)}, "exif"),
        ({"xmp": b"<" + b"x" * 70000}, "xmp"),
        ({"exif": b"Exif\0\0" + bytes(70000), "xmp": b"<" + b"x" * 70000}, "both"),
    ],
)
def test_metadata_that_does_not_fit_is_left_out_and_the_rest_stays(
    fields: dict[str, bytes], lost: str, tmp_path: Path, photo: np.ndarray
) -> None:
    everything = {"exif": exif_block(), "xmp": XMP, "had_profile": True, "dpi": (72.0, 72.0)} | fields
    encode(photo, None, keep("JPEG", **everything), tmp_path / "a.jpg")
    after = decode(tmp_path / "a.jpg").keep
    assert bool(after.exif) is (lost == "xmp")
    assert bool(after.xmp) is (lost == "exif")
    assert after.had_profile


@pytest.mark.parametrize("kind", ["TIFF", "PNG", "WEBP", "AVIF"])
def test_metadata_that_makes_no_sense_does_not_fail_the_picture(kind: str, tmp_path: Path, photo: np.ndarray) -> None:
    encode(photo, None, keep(kind, exif=b"Exif\0\0garbage", xmp=b"\xff\xfe"), tmp_path / "a")
    assert decode(tmp_path / "a").pixels.shape == photo.shape


def test_a_picture_that_cannot_be_encoded_fails_with_a_sentence(tmp_path: Path) -> None:
    wide = np.zeros((1, 70000, 3), np.uint8)
    with pytest.raises(ImageError, match=r"^a picture cannot be written as JPEG: .*\.$"):
        encode(wide, None, keep("JPEG"), tmp_path / "a.jpg")
    assert not (tmp_path / "a.jpg").exists()


def test_what_the_disk_says_passes_through(tmp_path: Path, photo: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FileNotFoundError):
        encode(photo, None, keep("PNG"), tmp_path / "nowhere" / "a.png")
    with pytest.raises(OSError, match="No space left") as caught:
        encode(photo, None, keep("PNG"), Path("/dev/full"))
    assert caught.value.errno == errno.ENOSPC


def test_a_format_missing_from_this_pillow_becomes_png(
    tmp_path: Path, photo: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.init()
    monkeypatch.delitem(Image.SAVE, "AVIF")
    encode(photo, None, keep("AVIF"), tmp_path / "a")
    assert (read(tmp_path / "a") == photo).all()


@pytest.mark.parametrize("kind", (*WITH_ALPHA, "GIF"))
def test_a_picture_is_laid_on_white_where_that_is_wanted(kind: str, tmp_path: Path, photo: np.ndarray) -> None:
    encode(photo, np.zeros(photo.shape[:2], np.uint8), keep(kind), tmp_path / "a.tga", Wanted(flatten=True))
    picture = decode(tmp_path / "a.tga")
    assert picture.alpha is None
    assert picture.pixels.min() > 250


@pytest.mark.parametrize("with_alpha", [False, True])
@pytest.mark.parametrize("kind", FORMATS)
def test_gray_stays_gray_where_that_is_wanted(kind: str, with_alpha: bool, tmp_path: Path, photo: np.ndarray) -> None:
    alpha = np.where(photo[:, :, 0] < 128, 0, 255).astype(np.uint8) if with_alpha else None
    wanted = Wanted(keep_gray=True)
    encode(photo, alpha, keep(kind, gray=True, had_profile=True), tmp_path / "a.tga", wanted)
    picture = decode(tmp_path / "a.tga")
    assert picture.keep.gray or kind in ("WEBP", "AVIF", "QOI") or (with_alpha and kind in ("BMP", "SGI"))
    assert (picture.alpha is not None) == (with_alpha and kind in (*WITH_ALPHA, "GIF"))
    shown = slice(None) if picture.alpha is None else picture.alpha > 0
    pixels, luma = picture.pixels[shown].astype(int), np.asarray(Image.fromarray(photo).convert("L"))[shown]
    assert np.ptp(pixels, axis=-1).max() <= (0 if kind not in ("WEBP", "AVIF") else 4)
    if picture.alpha is not None or not with_alpha:
        assert np.abs(pixels[..., 1] - luma).mean() < 3
    encode(photo, None, keep(kind), tmp_path / "b.tga", wanted)
    assert not decode(tmp_path / "b.tga").keep.gray  # it was not before


def test_a_gray_picture_gets_a_gray_profile(tmp_path: Path, photo: np.ndarray) -> None:
    for kind in ("PNG", "JPEG", "TIFF"):
        encode(photo, None, keep(kind, gray=True, had_profile=True), tmp_path / "a", Wanted(keep_gray=True))
        with Image.open(tmp_path / "a") as image:
            assert (image.mode, image.info["icc_profile"]) == ("L", gray_profile())


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "AVIF"])
def test_quality_decides_the_size_and_nothing_else(kind: str, tmp_path: Path, photo: np.ndarray) -> None:
    tables = {"tables": ((3,) * 64,) * 3, "subsampling": 2} if kind == "JPEG" else {"lossless": True}
    sizes = []
    for quality in (10, 50, 100):
        encode(photo, None, keep(kind, exif=exif_block(), **tables), tmp_path / "a", Wanted(quality=quality))
        after = decode(tmp_path / "a").keep
        assert after.exif
        assert after.subsampling == tables.get("subsampling", 0)
        assert not after.lossless
        sizes.append((tmp_path / "a").stat().st_size)
    assert sizes == sorted({*sizes})


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF"])
@pytest.mark.parametrize("source", ["JPEG", "PNG", "WEBP", "TIFF", "GIF"])
def test_a_picture_in_another_format_keeps_what_that_can_hold(
    kind: str, source: str, tmp_path: Path, photo: np.ndarray
) -> None:
    exif = Image.Exif()
    exif.load(exif_block())
    exif.get_ifd(EXIF), exif.get_ifd(GPS)
    exif.endian = ">"
    kept = keep(source, exif=exif.tobytes() if source != "TIFF" else exif_block(), xmp=XMP, dpi=(72.0, 300.0))
    encode(photo, None, kept, tmp_path / "a", Wanted(format=kind))
    with Image.open(tmp_path / "a") as image:
        assert image.format == kind
        again = image.getexif()
        assert again[MAKER] == "Maker"
        assert again.get_ifd(EXIF)[MAKER_NOTE] == b"a note of the maker"
        assert again.get_ifd(GPS)[1] == "N"
        assert image.info["xmp"] == XMP


def test_another_formats_way_of_coding_is_not_taken_over(tmp_path: Path, photo: np.ndarray) -> None:
    encode(photo, None, keep("JPEG2000", lossless=True), tmp_path / "a", Wanted(format="WEBP"))
    assert not decode(tmp_path / "a").keep.lossless
    encode(photo, None, keep("TGA", compression="tga_rle"), tmp_path / "a", Wanted(format="TIFF"))
    assert decode(tmp_path / "a").keep.compression == "tiff_lzw"
