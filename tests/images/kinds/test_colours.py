"""Colours told by code points are compared with the definitions of those colours, worked out here in floats."""

import struct
from io import BytesIO
from pathlib import Path

import imagecodecs
import numpy as np
import pillow_heif
import pytest
from PIL import Image, ImageCms

from imgtrans.errors import ImageError
from imgtrans.images.cicp import CodePoints
from imgtrans.images.colour import srgb_profile
from imgtrans.images.decode import decode, decode_frames
from imgtrans.images.encode import encode
from imgtrans.images.kinds.avif import code_points
from tests.images.kinds.test_png import chunk, put_in

# Linear light of other primaries (white D65) -> linear light of sRGB's
P3 = [[1.22494, -0.22494, 0.0], [-0.04206, 1.04206, 0.0], [-0.01964, -0.07864, 1.09827]]
BT2020 = [[1.66049, -0.58764, -0.07285], [-0.12455, 1.1329, -0.00835], [-0.01815, -0.10058, 1.11873]]
SRGB = np.eye(3)
P3_PRIMARIES, SRGB_PRIMARIES, BT2020_PRIMARIES = 12, 1, 9
SRGB_CURVE, LINEAR, GAMMA_22, PQ, HLG = 13, 8, 4, 16, 18


def light(values: np.ndarray) -> np.ndarray:
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def coded(values: np.ndarray) -> np.ndarray:
    values = values.clip(0, 1)
    return np.where(values <= 0.0031308, values * 12.92, 1.055 * values ** (1 / 2.4) - 0.055)


def true(pixels: np.ndarray, matrix: object, transfer: int) -> np.ndarray:
    values = pixels / 255
    linear = {LINEAR: values, GAMMA_22: values**2.2}.get(transfer, light(values))
    return coded(linear @ np.array(matrix).T) * 255


@pytest.fixture
def muted(photo: np.ndarray) -> np.ndarray:
    """The smooth picture, in colours that sRGB has, too."""
    return (photo // 3 + 100).astype(np.uint8)


def write_png(path: Path, pixels: np.ndarray, points: tuple[int, int], full_range: int = 1, **options: object) -> Path:
    Image.fromarray(pixels).save(path, "PNG", **options)
    put_in(path, chunk(b"cICP", bytes([*points, 0, full_range])), b"IDAT")
    return path


def write_avif(path: Path, pixels: np.ndarray, points: tuple[int, int]) -> Path:
    path.write_bytes(imagecodecs.avif_encode(pixels, level=100, primaries=points[0], transfer=points[1], matrix=0))
    return path


def write_heic(path: Path, pixels: np.ndarray, points: tuple[int, int]) -> Path:
    pillow_heif.from_pillow(Image.fromarray(pixels)).save(
        path,
        quality=-1,
        chroma=444,
        color_primaries=points[0],
        transfer_characteristics=points[1],
        matrix_coefficients=0,
        full_range_flag=1,
    )
    return path


WRITERS = [write_png, write_avif, write_heic]


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize(
    ("primaries", "matrix"), [(P3_PRIMARIES, P3), (BT2020_PRIMARIES, BT2020), (SRGB_PRIMARIES, SRGB)]
)
@pytest.mark.parametrize("transfer", [SRGB_CURVE, 1, 14, GAMMA_22, LINEAR])
def test_colours_become_those_of_srgb(
    write: object, primaries: int, matrix: object, transfer: int, tmp_path: Path, muted: np.ndarray
) -> None:
    path = write(tmp_path / "a", muted, (primaries, transfer))  # type: ignore[operator]
    expected = true(muted, matrix, transfer)
    picture = decode(path)
    assert np.abs(picture.pixels - expected).max() <= 2
    changed = primaries != SRGB_PRIMARIES or transfer in (GAMMA_22, LINEAR)
    assert picture.keep.had_profile == changed
    if changed and transfer != GAMMA_22:  # which is almost sRGB's curve
        assert np.abs(muted - expected).max() > 2
    (deep,) = decode_frames(path, deep=True)
    assert np.abs(deep.pixels / 257 - expected).max() <= 0.6


def test_what_is_written_says_that_it_is_srgb(tmp_path: Path, muted: np.ndarray) -> None:
    picture = decode(write_png(tmp_path / "a.png", muted, (P3_PRIMARIES, SRGB_CURVE)))
    encode(picture.pixels, None, picture.keep, tmp_path / "b.png")
    assert b"cICP" not in (tmp_path / "b.png").read_bytes()
    with Image.open(tmp_path / "b.png") as image:
        assert image.info["icc_profile"] == srgb_profile()


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize(("transfer", "name"), [(PQ, "PQ, BT.2020"), (HLG, "HLG, BT.2020")])
def test_hdr_has_failed_by_name(write: object, transfer: int, name: str, tmp_path: Path, muted: np.ndarray) -> None:
    path = write(tmp_path / "a", muted, (BT2020_PRIMARIES, transfer))  # type: ignore[operator]
    with pytest.raises(ImageError) as caught:
        decode(path)
    wanted = f"{path} is an HDR picture ({name}), brighter than sRGB has room for: export it as SDR first."
    assert caught.value.message == wanted


@pytest.mark.parametrize("points", [(1, 13), (2, 2), (0, 0), (1, 1), (2, 13)])
@pytest.mark.parametrize("write", WRITERS[:2])
def test_what_is_srgb_already_stays_as_it_is(
    points: tuple[int, int], write: object, tmp_path: Path, photo: np.ndarray
) -> None:
    path = write(tmp_path / "a", photo, points)  # type: ignore[operator]
    picture = decode(path)
    assert np.abs(picture.pixels.astype(int) - photo).max() <= (0 if write is write_png else 1)
    assert not picture.keep.had_profile


def test_code_points_that_mean_nothing_here_are_named(tmp_path: Path, photo: np.ndarray) -> None:
    with pytest.raises(ImageError, match=r"a\.png is in a colour space that is not known here \(CICP 10/9\)\.$"):
        decode(write_png(tmp_path / "a.png", photo, (10, 9)))


def test_values_that_leave_room_below_black_and_above_white_fill_it(tmp_path: Path) -> None:
    pixels = np.repeat(np.array([[0, 16, 126, 235, 255]], np.uint8)[..., None], 3, axis=2)
    picture = decode(write_png(tmp_path / "a.png", pixels, (SRGB_PRIMARIES, SRGB_CURVE), full_range=0))
    assert np.abs(picture.pixels[0, :, 0] - np.array([0, 0, 128, 255, 255])).max() <= 1


def test_code_points_of_a_png_come_before_its_profile(tmp_path: Path, muted: np.ndarray, adobe_rgb: bytes) -> None:
    path = write_png(tmp_path / "a.png", muted, (P3_PRIMARIES, SRGB_CURVE), icc_profile=adobe_rgb)
    assert np.abs(decode(path).pixels - true(muted, P3, SRGB_CURVE)).max() <= 2
    path = write_png(tmp_path / "b.png", muted, (SRGB_PRIMARIES, SRGB_CURVE), icc_profile=adobe_rgb)
    assert np.array_equal(decode(path).pixels, muted)


@pytest.mark.parametrize("kind", ["AVIF", "HEIF"])
def test_a_profile_of_the_others_comes_before_their_code_points(
    kind: str, tmp_path: Path, muted: np.ndarray, adobe_rgb: bytes
) -> None:
    pillow_heif.register_heif_opener()
    for name, profile in (("a", adobe_rgb), ("b", b"")):
        Image.fromarray(muted).save(tmp_path / name, kind, quality=100, icc_profile=profile)
    wide, plain = decode(tmp_path / "a"), decode(tmp_path / "b")
    assert np.abs(plain.pixels.astype(int) - muted).mean() < 3
    assert np.abs(wide.pixels.astype(int) - plain.pixels).max() > 5


def test_frames_of_an_avif_have_the_colours_of_their_track(tmp_path: Path, muted: np.ndarray) -> None:
    path, image = tmp_path / "a.avif", Image.fromarray(muted)
    image.save(path, save_all=True, append_images=[image.rotate(180)], quality=100, subsampling="4:4:4")
    content = path.read_bytes()
    old, new = (b"nclx" + struct.pack(">HH", *points) for points in ((1, 13), (P3_PRIMARIES, SRGB_CURVE)))
    assert code_points(path) == CodePoints(1, 13)
    path.write_bytes(content.replace(old, new))
    first, second = decode_frames(path)
    assert np.abs(first.pixels - true(muted, P3, SRGB_CURVE)).mean() < 2
    assert np.abs(second.pixels - true(muted[::-1, ::-1], P3, SRGB_CURVE)).mean() < 2


def test_a_cut_off_avif_says_nothing(tmp_path: Path, muted: np.ndarray) -> None:
    content = write_avif(tmp_path / "a", muted, (P3_PRIMARIES, SRGB_CURVE)).read_bytes()
    for end in range(0, 400, 7):
        (tmp_path / "b").write_bytes(content[:end])
        assert code_points(tmp_path / "b") in (None, CodePoints(P3_PRIMARIES, SRGB_CURVE))


def test_the_profile_of_a_jpeg_2000_is_followed(tmp_path: Path, muted: np.ndarray, adobe_rgb: bytes) -> None:
    path = tmp_path / "a.jp2"
    Image.fromarray(muted).save(path)
    content = path.read_bytes()
    at = content.index(b"colr") - 4
    (size,) = struct.unpack(">I", content[at : at + 4])
    box = struct.pack(">I4sBBB", 11 + len(adobe_rgb), b"colr", 2, 0, 0) + adobe_rgb
    header = content.index(b"jp2h") - 4
    (length,) = struct.unpack(">I", content[header : header + 4])
    grown = struct.pack(">I", length - size + len(box))
    path.write_bytes(content[:header] + grown + content[header + 4 : at] + box + content[at + size :])
    transform = ImageCms.buildTransform(
        ImageCms.ImageCmsProfile(BytesIO(adobe_rgb)), ImageCms.createProfile("sRGB"), "RGB", "RGB", 1
    )
    expected = np.asarray(ImageCms.applyTransform(Image.fromarray(muted), transform))
    picture = decode(path)
    assert picture.keep.had_profile
    assert np.abs(picture.pixels.astype(int) - expected).max() <= 2
