import logging
from io import BytesIO
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from imgtrans.errors import ImageError
from imgtrans.images.colour import gray_profile, srgb_profile
from imgtrans.images.decode import Picture, decode_frames
from imgtrans.images.deep import narrowed, to_srgb_deep, turned, widened
from tests.images.test_decode import STORED, as_stored, png_of, with_orientation


@pytest.fixture
def scan() -> np.ndarray:
    """A smooth picture (48, 64, 4) of 16 bits, whose last channel goes from clear to opaque."""
    y, x = np.mgrid[0:48, 0:64]
    return np.stack([x * 1000 + y, y * 1300 + 7, 65535 - x * 500 - y * 600, x * 1040], axis=-1).astype(np.uint16)


def read(path: Path) -> Picture:
    return decode_frames(path, deep=True)[0]


def png(path: Path, values: np.ndarray) -> Path:
    path.write_bytes(imagecodecs.png_encode(np.ascontiguousarray(values)))
    return path


def tiff(path: Path, values: np.ndarray, **options: object) -> Path:
    tifffile.imwrite(path, values, metadata=None, **options)
    return path


def in_planes(values: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(np.moveaxis(values, -1, 0))


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_a_png_is_read_with_all_its_bits(channels: int, tmp_path: Path, scan: np.ndarray) -> None:
    values = scan[..., [0, 3]] if channels == 2 else scan[..., :channels]
    picture = read(png(tmp_path / "a.png", np.squeeze(values)))
    colours = values[..., [0, 0, 0]] if channels < 3 else values[..., :3]
    assert picture.pixels.dtype == np.uint16
    assert np.array_equal(picture.pixels, colours)
    assert picture.keep.gray == (channels < 3)
    if channels % 2:
        assert picture.alpha is None
    else:
        assert picture.alpha is not None
        assert np.array_equal(picture.alpha, scan[..., 3])


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("compression", [None, "zlib", "lzw"])
@pytest.mark.parametrize("planes", [False, True])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_tiff_is_read_with_all_its_bits(
    channels: int, planes: bool, compression: str | None, order: str, tmp_path: Path, scan: np.ndarray
) -> None:
    values = scan[..., :channels]
    options = {"photometric": "rgb" if channels > 1 else "minisblack", "byteorder": order, "compression": compression}
    options |= {"predictor": True} if compression else {}
    if channels == 1:
        path = tiff(tmp_path / "a.tif", values[..., 0], **options)
    else:
        stored = in_planes(values) if planes else values
        options |= {"planarconfig": "separate" if planes else "contig"}
        options |= {"extrasamples": ["unassalpha"]} if channels == 4 else {}
        path = tiff(tmp_path / "a.tif", stored, **options)
    picture = read(path)
    assert np.array_equal(picture.pixels, values[..., :3] if channels > 1 else values[..., [0, 0, 0]])
    assert (picture.alpha is None) == (channels < 4)
    if picture.alpha is not None:
        assert np.array_equal(picture.alpha, scan[..., 3])


def test_colour_that_is_multiplied_by_alpha_is_divided_by_it(tmp_path: Path, scan: np.ndarray) -> None:
    alpha = scan[..., 3:]
    multiplied = np.rint(scan[..., :3] * (alpha / 65535.0)).astype(np.uint16)
    values = np.dstack([multiplied, alpha])
    picture = read(tiff(tmp_path / "a.tif", values, photometric="rgb", extrasamples=["assocalpha"]))
    seen = alpha[..., 0] > 20000
    assert np.abs(picture.pixels[seen].astype(int) - scan[..., :3][seen]).max() <= 3
    assert picture.alpha is not None
    assert np.array_equal(picture.alpha, alpha[..., 0])


def test_a_fourth_channel_that_is_no_alpha_is_left_out(tmp_path: Path, scan: np.ndarray) -> None:
    picture = read(tiff(tmp_path / "a.tif", scan, photometric="rgb", extrasamples=[0]))
    assert np.array_equal(picture.pixels, scan[..., :3])
    assert picture.alpha is None


def test_inks_become_colours(tmp_path: Path, scan: np.ndarray) -> None:
    light = 65535.0 - scan
    picture = read(tiff(tmp_path / "a.tif", scan, photometric="separated"))
    assert np.abs(picture.pixels - light[..., :3] * light[..., 3:] / 65535).max() <= 1


def test_what_is_gray_keeps_its_depth_too(tmp_path: Path, scan: np.ndarray) -> None:
    gray = scan[..., 0]
    for name, values, options in (
        ("white is zero", 65535 - gray, {"photometric": "miniswhite"}),
        ("float", (gray / 65535).astype(np.float32), {}),
        ("float, big-endian", gray.astype(np.float32), {"byteorder": ">", "compression": "zlib"}),
        ("long", gray.astype(np.uint32), {}),
    ):
        picture = read(tiff(tmp_path / "a.tif", values, **{"photometric": "minisblack"} | options))
        assert np.array_equal(picture.pixels[..., 1], gray), name


def test_a_transparent_colour_is_one_of_16_bits(tmp_path: Path) -> None:
    values = np.array([[[1000, 2000, 3000], [1001, 2000, 3000]]], ">u2")
    path = tmp_path / "a.png"
    path.write_bytes(png_of(2, 1, 16, 2, b"\0" + values.tobytes(), values[0, 0].tobytes()))
    picture = read(path)
    assert picture.alpha is not None
    assert picture.alpha.tolist() == [[0, 65535]]
    assert np.array_equal(picture.pixels, values)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
@pytest.mark.parametrize("orientation", STORED)
def test_a_turned_picture_comes_out_upright(orientation: int, kind: str, tmp_path: Path, scan: np.ndarray) -> None:
    planes = [
        np.asarray(as_stored(Image.fromarray(scan[..., channel].astype(np.int32)), orientation)) for channel in range(3)
    ]
    stored = np.dstack(planes).astype(np.uint16)
    if kind == "PNG":
        like = tmp_path / "like.png"
        Image.new("RGB", (1, 1)).save(like, exif=with_orientation(orientation))
        head, rest = like.read_bytes().split(b"eXIf")
        path = png(tmp_path / "a.png", stored)
        own = path.read_bytes()
        chunk = head[-4:] + b"eXIf" + rest[: int.from_bytes(head[-4:], "big") + 4]
        path.write_bytes(own[:33] + chunk + own[33:])
    else:
        path = tiff(tmp_path / "a.tif", stored, photometric="rgb", extratags=[(274, 3, 1, orientation, True)])
    picture = read(path)
    assert np.array_equal(picture.pixels, scan[..., :3])
    assert np.array_equal(turned(stored, orientation), scan[..., :3])


def test_pages_have_their_own_depth(tmp_path: Path, scan: np.ndarray) -> None:
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path, byteorder=">") as file:
        file.write(scan[..., :3], photometric="rgb", metadata=None)
        file.write((scan[:20, :30, :3] >> 8).astype(np.uint8), photometric="rgb", metadata=None)
        file.write(scan[:, ::-1, :3], photometric="rgb", metadata=None, compression="zlib")
    first, second, third = decode_frames(path, deep=True)
    assert np.array_equal(first.pixels, scan[..., :3])
    assert np.array_equal(second.pixels, (scan[:20, :30, :3] >> 8) * 257)
    assert np.array_equal(third.pixels, scan[:, ::-1, :3])


def test_eight_bits_are_spread_over_sixteen(tmp_path: Path, photo: np.ndarray) -> None:
    Image.fromarray(photo).save(tmp_path / "a.png")
    assert np.array_equal(read(tmp_path / "a.png").pixels, photo.astype(int) * 257)
    levels = np.arange(256, dtype=np.uint8)
    assert np.array_equal(narrowed(widened(levels)), levels)
    assert [*narrowed(np.array([128, 129, 65535], np.uint16))] == [0, 1, 255]


def test_an_animation_has_eight_bits_all_the_same(tmp_path: Path, photo: np.ndarray) -> None:
    frames = [Image.fromarray(photo), Image.fromarray(255 - photo)]
    frames[0].save(tmp_path / "a.png", save_all=True, append_images=frames[1:])
    assert {frame.pixels.dtype for frame in decode_frames(tmp_path / "a.png", deep=True)} == {np.dtype(np.uint8)}


def adobe_to_srgb(values: np.ndarray) -> np.ndarray:
    """Return, in float64, what Adobe RGB of 16 bits is in sRGB."""
    adobe = np.array([[0.60974, 0.20528, 0.14919], [0.31111, 0.62567, 0.06322], [0.01947, 0.06087, 0.74457]])
    profile = ImageCms.ImageCmsProfile(BytesIO(srgb_profile())).profile
    srgb = np.array([profile.red_colorant[0], profile.green_colorant[0], profile.blue_colorant[0]])
    light = (values / 65535.0) ** 2.19921875 @ np.rint(adobe.T * 65536) / 65536 @ np.linalg.inv(srgb)
    light = np.clip(light, 0, 1)
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055) * 65535


def test_a_wide_gamut_becomes_srgb_to_within_a_few_of_65535_steps(adobe_rgb: bytes) -> None:
    values = np.random.default_rng(0).integers(0, 65536, (50, 60, 3), np.uint16)
    assert np.abs(to_srgb_deep(values, adobe_rgb) - adobe_to_srgb(values)).max() < 3


def test_a_profile_in_a_file_is_followed(tmp_path: Path, scan: np.ndarray, adobe_rgb: bytes) -> None:
    picture = read(tiff(tmp_path / "a.tif", scan[..., :3], photometric="rgb", iccprofile=adobe_rgb))
    assert picture.keep.had_profile
    assert np.array_equal(picture.pixels, to_srgb_deep(scan[..., :3], adobe_rgb))


def test_profiles_that_change_nothing_or_are_none_change_nothing(scan: np.ndarray, linear_gray: bytes) -> None:
    colours, gray = scan[..., :3], scan[..., 0]
    for profile in (None, b"", b"rubbish", srgb_profile(), linear_gray):
        assert np.array_equal(to_srgb_deep(colours, profile), colours)
    for profile in (None, gray_profile(), srgb_profile()):
        assert np.array_equal(to_srgb_deep(gray, profile), scan[..., [0, 0, 0]])


def test_gray_and_inks_have_profiles_too(scan: np.ndarray, linear_gray: bytes, gray_inks: bytes) -> None:
    light = scan[..., 0] / 65535
    coded = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055) * 65535
    assert np.abs(to_srgb_deep(scan[..., 0], linear_gray) - coded[..., None]).max() < 60  # a curve of few points
    paper, half, full = (np.full((1, 1, 4), level, np.uint16) for level in (0, 10000, 65535))
    paper, half, full = (int(to_srgb_deep(inks, gray_inks)[0, 0, 0]) for inks in (paper, half, full))
    assert paper > 65000
    assert full < 500
    assert full < half < paper


@pytest.mark.parametrize("kind", ["a.png", "a.tif"])
def test_what_is_broken_is_a_sentence(
    kind: str, tmp_path: Path, scan: np.ndarray, caplog: pytest.LogCaptureFixture
) -> None:
    options = {"photometric": "rgb", "compression": "zlib"}
    path = png(tmp_path / kind, scan) if kind == "a.png" else tiff(tmp_path / kind, scan[..., :3], **options)
    content = path.read_bytes()
    for share in (0.3, 0.6, 0.9):
        path.write_bytes(content[: int(share * len(content))])
        with pytest.raises(ImageError, match=rf"a\.{kind[2:]} .*\.$"):
            read(path)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
