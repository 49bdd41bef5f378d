"""Pillow gives noise where ``mend`` does not help: what is read is compared with what was written."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from imgtrans.errors import ImageError
from imgtrans.images.decode import decode

EVERY = [(order, compression) for order in "<>" for compression in (None, "zlib")]


@pytest.fixture
def values() -> np.ndarray:
    """A smooth picture (40, 50, 4) of 16 bits."""
    y, x = np.mgrid[0:40, 0:50]
    return np.stack([x * 1300, y * 1600, x * 700 + y * 700, 65535 - y * 1000], axis=-1).astype(np.uint16)


@pytest.mark.parametrize(("order", "compression"), EVERY)
@pytest.mark.parametrize("channels", [3, 4])
def test_planes_of_16_bits_are_read(
    channels: int, order: str, compression: str | None, tmp_path: Path, values: np.ndarray
) -> None:
    tifffile.imwrite(
        tmp_path / "a.tif",
        np.ascontiguousarray(np.moveaxis(values[..., :channels], -1, 0)),
        photometric="rgb",
        planarconfig="separate",
        extrasamples=["unassalpha"] * (channels - 3),
        byteorder=order,
        compression=compression,
    )
    picture = decode(tmp_path / "a.tif")
    assert np.abs(picture.pixels - values[..., :3] / 257).max() <= 1
    assert (picture.alpha is None) == (channels == 3)


@pytest.mark.parametrize(("order", "compression"), EVERY)
@pytest.mark.parametrize("kind", [np.float32, np.int32])
def test_gray_of_many_bits_is_read(
    kind: type, order: str, compression: str | None, tmp_path: Path, values: np.ndarray
) -> None:
    gray = values[..., 0]
    tifffile.imwrite(
        tmp_path / "a.tif", gray.astype(kind), photometric="minisblack", byteorder=order, compression=compression
    )
    assert np.abs(decode(tmp_path / "a.tif").pixels[..., 0] - gray / 257).max() <= 0.5


def test_planes_that_cannot_be_read_are_refused_rather_than_taken_for_noise(tmp_path: Path, values: np.ndarray) -> None:
    planes = np.ascontiguousarray(np.moveaxis(values, -1, 0))
    tifffile.imwrite(tmp_path / "a.tif", planes, photometric="separated", planarconfig="separate")
    with pytest.raises(ImageError, match=r"a\.tif cannot be decoded"):
        decode(tmp_path / "a.tif")


def test_planes_of_8_bits_are_left_alone(tmp_path: Path, photo: np.ndarray) -> None:
    planes = np.ascontiguousarray(np.moveaxis(photo, -1, 0))
    tifffile.imwrite(tmp_path / "a.tif", planes, photometric="rgb", planarconfig="separate")
    assert np.array_equal(decode(tmp_path / "a.tif").pixels, photo)
    Image.fromarray(photo).save(tmp_path / "b.tif", compression="tiff_lzw")
    assert np.array_equal(decode(tmp_path / "b.tif").pixels, photo)


def test_tiles_that_are_far_larger_than_the_picture_are_refused_before_they_are_decoded(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    for side, refused in ((2048, True), (512, False)):
        tifffile.imwrite(
            path, np.zeros((16, 16, 3), np.uint8), photometric="rgb", tile=(side, side), compression="zlib"
        )
        if refused:
            with pytest.raises(ImageError, match=r"a\.tif has tiles of 2048x2048 pixels, more than the limit"):
                decode(path, 10**6)
        else:
            assert decode(path, 10**6).pixels.shape == (16, 16, 3)
        assert decode(path).pixels.shape == (16, 16, 3)
