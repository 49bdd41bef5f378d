"""TIFFs that Pillow cannot read, or reads as something else, are compared with what tifffile wrote."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from imgtrans.errors import ImageError
from imgtrans.images import depth
from imgtrans.images.decode import decode, decode_frames
from imgtrans.images.encode import encode
from imgtrans.images.formats import open_image
from imgtrans.images.measure import measure
from imgtrans.protocols import Wanted
from tests.images.kinds.tiffs import NEW_SUBFILE_TYPE, RGB, SUBFILE_TYPE, Page, tiff


@pytest.fixture
def share() -> np.ndarray:
    """A smooth picture (40, 50, 4), each channel from 0 to 1."""
    y, x = np.mgrid[0:40, 0:50]
    return np.stack([x / 49, y / 39, (x + y) / 88, 1 - y / 39], axis=-1)


def write(path: Path, values: np.ndarray, **options: object) -> Path:
    channels = 1 if values.ndim == 2 else values.shape[2]
    extra = ["unassalpha"] if channels in (2, 4) else None
    options = {"photometric": "rgb" if channels > 2 else "minisblack", "extrasamples": extra} | options
    if channels > 1:
        options.setdefault("planarconfig", "contig")
    tifffile.imwrite(path, values, **options)
    return path


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize(
    "options", [{}, {"byteorder": ">"}, {"compression": "zlib", "predictor": True}, {"tile": (16, 16)}]
)
def test_floats_from_black_to_white_are_read(
    kind: type, channels: int, options: dict[str, object], tmp_path: Path, share: np.ndarray
) -> None:
    values = (share[..., 0] if channels == 1 else share[..., :channels]).astype(kind)
    if channels == 2:
        values[..., 1] = share[..., 3]
    path = write(tmp_path / "a.tif", values, **options)
    picture, (deep,) = decode(path), decode_frames(path, deep=True)
    true = np.atleast_3d(values).astype(float)
    colours = np.repeat(true[..., :1], 3, axis=2) if channels < 3 else true[..., :3]
    assert np.abs(picture.pixels - colours * 255).max() <= 0.51
    assert np.abs(deep.pixels - colours * 65535).max() <= 0.51
    assert (picture.alpha is None) == (channels in (1, 3))
    if picture.alpha is not None:
        assert np.abs(picture.alpha - true[..., -1] * 255).max() <= 0.51


@pytest.mark.parametrize(("low", "high"), [(0, 255), (0, 65535), (0, 4), (-2, 3), (0, 1e6)])
def test_floats_of_another_range_have_their_own(low: float, high: float, tmp_path: Path, share: np.ndarray) -> None:
    values = (low + share[..., :3] * (high - low)).astype(np.float32)
    pixels = decode(write(tmp_path / "a.tif", values)).pixels
    assert np.abs(pixels - share[..., :3] * 255).max() <= 0.51


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_whole_numbers_of_32_bits_have_no_sign_unless_they_say_so(
    order: str, compression: str | None, tmp_path: Path, share: np.ndarray
) -> None:
    options = {"byteorder": order, "compression": compression}
    gray = share[..., 0]
    for low, high, kind in (
        (0, 2**32 - 1, np.uint32),
        (2**31, 2**31 + 1000, np.uint32),
        (-(2**31), 2**31 - 1, np.int32),
    ):
        values = np.rint(low + gray * (high - low)).astype(kind)
        pixels = decode(write(tmp_path / "a.tif", values, **options)).pixels
        assert np.abs(pixels[..., 0] - gray * 255).max() <= 0.7, (low, high)


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize(("kind", "top"), [(np.int8, 127), (np.int16, 32767)])
def test_numbers_with_a_sign_are_read_with_it(
    kind: type, top: int, compression: str | None, tmp_path: Path, share: np.ndarray
) -> None:
    gray = share[..., 0]
    for low in (0, -top - 1):
        values = np.rint(low + gray * (top - low)).astype(kind)
        pixels = decode(write(tmp_path / "a.tif", values, compression=compression)).pixels
        assert np.abs(pixels[..., 0] - gray * 255).max() <= 1.51, low


@pytest.mark.parametrize("kind", [np.uint32, np.int16, np.int8, np.uint64])
def test_whole_numbers_in_colour_are_read(kind: type, tmp_path: Path, share: np.ndarray) -> None:
    info = np.iinfo(kind)
    values = (info.min + share[..., :3] * (float(info.max) - float(info.min)) * 0.999).astype(kind)
    pixels = decode(write(tmp_path / "a.tif", values)).pixels
    assert np.abs(pixels - share[..., :3] * 255).max() <= 1.51


@pytest.mark.parametrize("compression", ["webp", "lerc", "jpeg2000", "jpegxl"])
def test_compressions_that_pillow_does_not_know_are_read(compression: str, tmp_path: Path, photo: np.ndarray) -> None:
    arguments = {
        "webp": {"lossless": True},
        "lerc": {},
        "jpeg2000": {"reversible": True, "level": 0},
        "jpegxl": {"lossless": True},
    }
    path = write(tmp_path / "a.tif", photo, compression=compression, compressionargs=arguments[compression])
    picture = decode(path)
    assert np.array_equal(picture.pixels, photo)
    encode(picture.pixels, None, picture.keep, tmp_path / "b.tif")
    assert np.array_equal(decode(tmp_path / "b.tif").pixels, photo)


def test_a_page_is_turned_and_its_metadata_goes_along(tmp_path: Path, share: np.ndarray) -> None:
    values = share[..., :3].astype(np.float32)
    path = write(
        tmp_path / "a.tif",
        values,
        extratags=[(274, 3, 1, 6, True), (315, 2, 0, "Someone", True)],
        resolution=(300, 300),
    )
    picture = decode(path)
    assert picture.pixels.shape == (50, 40, 3)
    assert np.abs(picture.pixels - np.rot90(values, -1) * 255).max() <= 0.51
    assert picture.keep.dpi == (300, 300)
    assert b"Someone" in picture.keep.exif


def test_pages_of_both_kinds_are_told_apart(tmp_path: Path, share: np.ndarray, photo: np.ndarray) -> None:
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as file:
        file.write(photo, photometric="rgb")
        file.write(share[..., :3].astype(np.float32), photometric="rgb")
        file.write(photo[:20], photometric="rgb", compression="zlib")
    first, second, third = decode_frames(path)
    assert np.array_equal(first.pixels, photo)
    assert np.abs(second.pixels - share[..., :3] * 255).max() <= 0.51
    assert np.array_equal(third.pixels, photo[:20])


def test_what_would_read_it_is_named_where_it_is_missing(
    tmp_path: Path, share: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "a.tif", share[..., :3].astype(np.float32))
    find = importlib.util.find_spec
    monkeypatch.setattr(depth, "find_spec", lambda name: None if name == "tifffile" else find(name))
    with pytest.raises(ImageError) as caught:
        decode(path)
    assert caught.value.message == (
        f"{path} is a TIFF of 32-bit floats, which can be read once imagecodecs and tifffile are installed: "
        'pip install "imgtrans[depth]".'
    )


def test_what_takes_more_memory_is_counted_so(tmp_path: Path, share: np.ndarray, photo: np.ndarray) -> None:
    plain = measure(write(tmp_path / "a.tif", photo), Wanted())
    floats = measure(write(tmp_path / "b.tif", share[..., :3].astype(np.float32)), Wanted())
    assert floats.memory / floats.pixels > 1.5 * plain.memory / plain.pixels


BROKEN = """
import sys
from pathlib import Path
from imgtrans.images.decode import decode
try:
    decode(Path(sys.argv[1]))
except Exception as error:
    print(error)
"""


def test_libtiff_says_nothing_by_itself(tmp_path: Path, photo: np.ndarray) -> None:
    path = tmp_path / "a.tif"
    Image.fromarray(photo).save(path, compression="tiff_lzw")
    content = path.read_bytes()
    path.write_bytes(content[:8] + bytes(200) + content[208:])
    for broken in (path.read_bytes(), content[: len(content) // 2] + b"\xff" * (len(content) // 2)):
        path.write_bytes(broken)
        done = subprocess.run(
            [sys.executable, "-c", BROKEN, path], capture_output=True, text=True, env=os.environ, check=True
        )
        assert done.stderr == ""


FULL, SMALL = Page((40, 30), 200), Page((4, 3), 50)


def part(tags: dict[int, int], *below: Page) -> Page:
    return Page(SMALL.size, SMALL.value, RGB, tags, below)


@pytest.mark.parametrize("mark", [{NEW_SUBFILE_TYPE: 1}, {NEW_SUBFILE_TYPE: 4}, {SUBFILE_TYPE: 2}])
def test_a_thumbnail_that_comes_first_is_not_the_picture(mark: dict[int, int], tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(tiff([part(mark), FULL, part(mark)]))
    for first_only in (True, False):
        (picture,) = decode_frames(path, first_only=first_only)
        assert picture.pixels.shape == (30, 40, 3)
        assert (picture.pixels == FULL.value).all()
    assert measure(path, Wanted()).pixels == measure(path, Wanted(first_frame=True)).pixels == 40 * 30
    with open_image(path) as image:
        assert image.size == (40, 30)
    with pytest.raises(ImageError, match="40x30 pixels"), open_image(path, 1000):
        pass


def test_a_picture_below_its_thumbnail_is_refused_rather_than_its_thumbnail_taken(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(tiff([part({NEW_SUBFILE_TYPE: 1}, FULL)]))
    with pytest.raises(ImageError, match=r"a\.tif is a TIFF whose pages are thumbnails, .*: save it again"):
        decode(path)


def test_a_single_page_that_calls_itself_a_thumbnail_is_the_picture(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(tiff([part({NEW_SUBFILE_TYPE: 1})]))
    assert (decode(path).pixels == SMALL.value).all()


def test_who_asks_pillow_for_such_pixels_is_told(tmp_path: Path, share: np.ndarray) -> None:
    path = write(tmp_path / "a.tif", share[..., :3].astype(np.float32))
    with (
        pytest.raises(ImageError, match=r"a\.tif cannot be decoded: it is a TIFF of 32-bit floats\.$"),
        open_image(path) as image,
    ):
        image.copy()


@pytest.mark.parametrize("compression", [50001, 34887, 60000])
def test_what_nobody_reads_is_a_sentence(compression: int, tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(tiff([Page((20, 10), 7, 6, compression=compression)]))
    with pytest.raises(ImageError, match=r"a\.tif cannot be decoded: .*[a-z].*\.$"):
        decode(path)
