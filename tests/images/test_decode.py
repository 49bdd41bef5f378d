import pickle
import struct
import subprocess
import sys
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from imgtrans.errors import ImageError
from imgtrans.images.decode import decode, decode_frames

# Orientation -> how an upright picture is stored under it
STORED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
WRITTEN = ("JPEG", "PNG", "WEBP", "TIFF", "GIF", "AVIF", "JPEG2000", "BMP", "DIB", "PPM", "QOI", "SGI", "PCX")
EXACT = ("PNG", "TIFF", "JPEG2000", "BMP", "DIB", "PPM", "QOI", "SGI", "PCX")


def as_stored(upright: Image.Image, orientation: int) -> Image.Image:
    turn = STORED[orientation]
    return upright if turn is None else upright.transpose(turn)


def with_orientation(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif.tobytes()


def png(*chunks: tuple[bytes, bytes]) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        for name, content in chunks
    )


def png_of(width: int, height: int, depth: int, kind: int, rows: bytes, transparent: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    return png((b"IHDR", header), (b"tRNS", transparent), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))


@pytest.mark.parametrize("kind", WRITTEN)
def test_every_format_is_decoded(kind: str, tmp_path: Path, photo: np.ndarray) -> None:
    path = tmp_path / "picture"
    Image.fromarray(photo).save(path, kind)
    picture = decode(path)
    assert picture.pixels.shape == photo.shape
    assert picture.pixels.dtype == np.uint8
    assert picture.alpha is None
    assert picture.keep.format == kind
    assert np.abs(picture.pixels.astype(int) - photo).mean() < (0.01 if kind in EXACT else 12)


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "JPEG", "AVIF"])
def test_a_turned_picture_comes_out_upright(kind: str, orientation: int, tmp_path: Path, photo: np.ndarray) -> None:
    path = tmp_path / "picture"
    options = {"lossless": True} if kind == "WEBP" else {"quality": 95} if kind in ("JPEG", "AVIF") else {}
    stored = as_stored(Image.fromarray(photo), orientation)
    stored.save(path, kind, exif=with_orientation(orientation), dpi=(72, 300), **options)
    picture = decode(path)
    assert picture.pixels.shape == photo.shape
    assert np.abs(picture.pixels.astype(int) - photo).mean() < 3
    if kind in ("PNG", "TIFF", "JPEG"):
        assert picture.keep.dpi == pytest.approx((300, 72) if orientation >= 5 else (72, 300), abs=0.1)


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("form", ['tiff:Orientation="{}"', "<tiff:Orientation>{}</tiff:Orientation>"])
def test_an_orientation_in_the_xmp_alone_counts(form: str, orientation: int, tmp_path: Path, photo: np.ndarray) -> None:
    path = tmp_path / "picture.webp"
    stored = as_stored(Image.fromarray(photo), orientation)
    stored.save(path, lossless=True, xmp=form.format(orientation).encode())
    picture = decode(path)
    assert (picture.pixels == photo).all()
    assert picture.keep.xmp == form.format(1).encode()


@settings(deadline=None, max_examples=60)
@given(
    mode=st.sampled_from(["1", "L", "LA", "P", "RGB", "RGBA", "I;16"]),
    kind=st.sampled_from(["PNG", "TIFF"]),
    orientation=st.sampled_from(sorted(STORED)),
    width=st.integers(1, 20),
    height=st.integers(1, 20),
    seed=st.integers(0, 99),
)
def test_any_mode_size_and_orientation_survives(
    tmp_path_factory: pytest.TempPathFactory, mode: str, kind: str, orientation: int, width: int, height: int, seed: int
) -> None:
    random = np.random.default_rng(seed)
    samples = random.integers(0, 256, (height, width, 4), dtype=np.uint8)
    gray = samples[:, :, 0]
    upright = {
        "1": lambda: Image.fromarray(gray > 127),
        "L": lambda: Image.fromarray(gray),
        "LA": lambda: Image.merge("LA", [Image.fromarray(gray), Image.fromarray(samples[:, :, 3])]),
        "P": lambda: Image.fromarray(samples[:, :, :3]).quantize(8),
        "RGB": lambda: Image.fromarray(samples[:, :, :3]),
        "RGBA": lambda: Image.fromarray(samples),
        "I;16": lambda: Image.fromarray(gray.astype(np.uint16) * 257),
    }[mode]()
    path = tmp_path_factory.mktemp("any") / "picture"
    as_stored(upright, orientation).save(path, kind, exif=with_orientation(orientation))
    picture = decode(path)
    expected = np.stack([gray] * 3, axis=-1) if mode == "I;16" else np.asarray(upright.convert("RGBA"))[:, :, :3]
    assert (picture.pixels == expected).all()
    assert (picture.alpha is not None) == ("A" in mode)
    if picture.alpha is not None:
        assert (picture.alpha == samples[:, :, 3]).all()


def test_colour_under_transparency_stays(tmp_path: Path) -> None:
    Image.new("RGBA", (3, 2), (10, 20, 30, 0)).save(tmp_path / "a.png")
    picture = decode(tmp_path / "a.png")
    assert picture.alpha is not None
    assert (picture.alpha == 0).all()
    assert (picture.pixels == (10, 20, 30)).all()


@pytest.mark.parametrize(
    ("depth", "kind", "rows", "transparent"),
    [
        (1, 0, b"\0\x40", b"\0\x01"),
        (2, 0, b"\0\x1b", b"\0\x01"),
        (4, 0, b"\0\x05", b"\0\x05"),
        (8, 0, b"\0\x01\x02", b"\0\x02"),
        (16, 0, b"\0\x01\x00\x01\x01", b"\x01\x01"),
        (8, 2, b"\0\x01\x02\x03\x04\x05\x06", b"\0\x04\0\x05\0\x06"),
        (16, 2, b"\0" + b"\x01\x99" * 3 + b"\x04\x77" * 3, b"\x04\x77" * 3),
    ],
)
def test_the_transparent_colour_of_a_png_of_any_depth_is_found(
    depth: int, kind: int, rows: bytes, transparent: bytes, tmp_path: Path
) -> None:
    (tmp_path / "a.png").write_bytes(png_of(2, 1, depth, kind, rows, transparent))
    picture = decode(tmp_path / "a.png")
    assert picture.alpha is not None
    assert picture.alpha.tolist() == [[255, 0]]


def test_sixteen_bit_gray_is_scaled(tmp_path: Path) -> None:
    values = np.array([[0, 25700, 65535]], np.uint16)
    Image.fromarray(values).save(tmp_path / "a.png")
    Image.fromarray(values).save(tmp_path / "a.tif")
    (tmp_path / "a.pgm").write_bytes(b"P5 3 1 65535\n" + values.astype(">u2").tobytes())
    for name in ("a.png", "a.tif", "a.pgm"):
        assert decode(tmp_path / name).pixels[0, :, 0].tolist() == [0, 100, 255]


def test_a_tiff_with_white_at_zero_is_not_a_negative(tmp_path: Path) -> None:
    values = np.array([[0, 65535]], np.uint16)
    exif = Image.Exif()
    exif[262] = 0
    Image.fromarray(values).save(tmp_path / "a.tif", exif=exif)
    assert decode(tmp_path / "a.tif").pixels[0, :, 0].tolist() == [255, 0]


def test_floats_are_scaled(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 0.5, 1]], np.float32)).save(tmp_path / "a.tif")
    assert decode(tmp_path / "a.tif").pixels[0, :, 0].tolist() == [0, 128, 255]


def test_a_lab_tiff_becomes_srgb(tmp_path: Path) -> None:
    Image.new("RGB", (4, 4), (200, 100, 50)).convert("LAB").save(tmp_path / "a.tif")
    assert decode(tmp_path / "a.tif").pixels[0, 0].tolist() == pytest.approx([200, 100, 50], abs=4)


def test_the_embedded_profile_is_applied(
    tmp_path: Path, adobe_rgb: bytes, linear_gray: bytes, gray_inks: bytes
) -> None:
    Image.new("RGB", (8, 8), (200, 100, 50)).save(tmp_path / "wide.png", icc_profile=adobe_rgb)
    Image.new("L", (8, 8), 128).save(tmp_path / "gray.png", icc_profile=linear_gray)
    Image.new("CMYK", (8, 8), (255, 0, 0, 0)).save(tmp_path / "inks.jpg", icc_profile=gray_inks, quality=100)
    Image.new("CMYK", (8, 8), (255, 0, 0, 0)).save(tmp_path / "inks.tif", icc_profile=gray_inks)
    for name, expected in (
        ("wide.png", [227, 100, 42]),
        ("gray.png", [188, 188, 188]),
        ("inks.jpg", [0, 0, 0]),
        ("inks.tif", [0, 0, 0]),
    ):
        picture = decode(tmp_path / name)
        assert picture.pixels[0, 0].tolist() == pytest.approx(expected, abs=3), name
        assert picture.keep.had_profile


def test_cmyk_without_a_profile_is_not_a_negative(tmp_path: Path) -> None:
    for kind in ("JPEG", "TIFF"):
        Image.new("CMYK", (8, 8), (255, 0, 0, 0)).save(tmp_path / kind, kind)
        assert decode(tmp_path / kind).pixels[0, 0].tolist() == pytest.approx([0, 255, 255], abs=3)


def test_a_broken_profile_does_not_fail_the_picture(tmp_path: Path, photo: np.ndarray) -> None:
    Image.fromarray(photo).save(tmp_path / "a.png", icc_profile=b"garbage")
    assert (decode(tmp_path / "a.png").pixels == photo).all()


@pytest.mark.parametrize("kind", [*WRITTEN, "TGA"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9])
def test_a_truncated_file_of_any_format_fails_with_a_sentence(
    kind: str, share: float, tmp_path: Path, photo: np.ndarray
) -> None:
    buffer = BytesIO()
    Image.fromarray(photo).resize((200, 150)).save(buffer, kind)
    path = tmp_path / "cut.tga"
    path.write_bytes(buffer.getvalue()[: int(share * len(buffer.getvalue()))])
    with pytest.raises(ImageError, match=r"cut\.tga .*\.$"):
        decode(path)


def test_a_truncated_jpeg_fails_with_a_sentence(tmp_path: Path, photo: np.ndarray) -> None:
    path = tmp_path / "half.jpg"
    Image.fromarray(photo).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2 + 300])
    with pytest.raises(ImageError, match=r"half\.jpg cannot be decoded: image file is truncated.*\.$"):
        decode(path)


def test_of_an_animation_the_first_frame_is_the_picture(tmp_path: Path) -> None:
    first, *others = (Image.new("RGB", (8, 8), colour) for colour in ("red", "lime", "blue"))
    first.save(tmp_path / "a.gif", save_all=True, append_images=others, duration=100)
    assert (decode(tmp_path / "a.gif").pixels == (255, 0, 0)).all()
    assert len(decode_frames(tmp_path / "a.gif")) == 3
    assert len(decode_frames(tmp_path / "a.gif", first_only=True)) == 1


def test_a_tiffs_thumbnail_is_no_page(tmp_path: Path, photo: np.ndarray) -> None:
    page, small = Image.fromarray(photo), Image.fromarray(photo[::4, ::4].copy())
    small.encoderinfo = {"tiffinfo": {254: 1}}
    page.save(tmp_path / "a.tif", save_all=True, append_images=[small], compression="tiff_lzw")
    with Image.open(tmp_path / "a.tif") as image:
        assert image.n_frames == 2
    (picture,) = decode_frames(tmp_path / "a.tif")
    assert (picture.pixels == photo).all()


def test_the_first_picture_of_an_mpo_is_the_photo(tmp_path: Path, photo: np.ndarray) -> None:
    other = Image.new("RGB", (20, 20))
    Image.fromarray(photo).save(tmp_path / "a.mpo", save_all=True, append_images=[other], quality=95)
    picture = decode(tmp_path / "a.mpo")
    assert picture.keep.format == "MPO"
    assert picture.keep.tables
    assert np.abs(picture.pixels.astype(int) - photo).mean() < 3


def test_more_pixels_than_the_limit_are_refused(photo_file: Path) -> None:
    assert decode(photo_file, 64 * 48).pixels.shape == (48, 64, 3)
    with pytest.raises(ImageError, match="more than the limit of 3,071"):
        decode(photo_file, 64 * 48 - 1)


def test_a_picture_without_pixels_fails(tmp_path: Path) -> None:
    header = struct.pack(">IIBBBBB", 0, 5, 8, 2, 0, 0, 0)
    (tmp_path / "a.png").write_bytes(png((b"IHDR", header), (b"IDAT", zlib.compress(b"")), (b"IEND", b"")))
    (tmp_path / "a.ppm").write_bytes(b"P6 0 0 255\n")
    for name in ("a.png", "a.ppm"):
        with pytest.raises(ImageError, match=rf"{name} .*\.$"):
            decode(tmp_path / name)


@pytest.mark.parametrize("tag", [0x8769, 0x8825])
@pytest.mark.parametrize(("kind", "place"), [(4, 0), (4, 1), (4, 0xFFFFFFF0), (9, 0xFFFFFFF0), (2, 0), (5, 8)])
@pytest.mark.parametrize("compression", ["raw", "tiff_lzw"])
def test_broken_exif_directories_do_not_fail_a_tiff(
    tag: int, kind: int, place: int, compression: str, tmp_path: Path, photo: np.ndarray
) -> None:
    path = tmp_path / "a.tif"
    exif = Image.Exif()
    exif[315] = "Somebody"  # becomes the broken link
    Image.fromarray(photo).save(path, exif=exif, compression=compression)
    content = bytearray(path.read_bytes())
    at = content.index(struct.pack("<HH", 315, 2))
    struct.pack_into("<HHII", content, at, tag, kind, 1, place)
    path.write_bytes(content)
    assert (decode(path).pixels == photo).all()


@pytest.mark.parametrize(
    "exif", [b"Exif\0\0garbage", b"Exif\0\0II*\0\x08\0\0\0\xff\xff", b"Exif\0\0MM\0*\0\0\0\x08\0\1"]
)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_malformed_metadata_does_not_fail_the_picture(
    kind: str, exif: bytes, tmp_path: Path, photo: np.ndarray
) -> None:
    Image.fromarray(photo).save(tmp_path / "a", kind, exif=exif)
    picture = decode(tmp_path / "a")
    assert picture.pixels.shape == photo.shape
    assert picture.keep.exif == b""


def test_what_is_kept_crosses_processes(photo_file: Path) -> None:
    picture = decode(photo_file)
    again = pickle.loads(pickle.dumps(picture))
    assert again.keep == picture.keep
    assert (again.pixels == picture.pixels).all()


def test_decoding_and_encoding_import_no_torch() -> None:
    code = "import sys, imgtrans.images.decode, imgtrans.images.encode; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
