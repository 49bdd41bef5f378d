import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgtrans.images.decode import decode
from imgtrans.images.encode import encode


def tga(photo: np.ndarray, alpha: int, attributes: int) -> bytes:
    header = struct.pack("<BBBHHBHHHHBB", 0, 0, 2, 0, 0, 0, 0, 0, photo.shape[1], photo.shape[0], 32, attributes | 0x20)
    pixels = np.dstack([photo[..., ::-1], np.full(photo.shape[:2], alpha, np.uint8)])
    return header + pixels.tobytes()


@pytest.mark.parametrize("alpha", [0, 7, 255])
def test_a_fourth_byte_that_is_no_attribute_hides_nothing(alpha: int, tmp_path: Path, photo: np.ndarray) -> None:
    path = tmp_path / "a.tga"
    path.write_bytes(tga(photo, alpha, attributes=0))
    picture = decode(path)
    assert np.array_equal(picture.pixels, photo)
    assert picture.alpha is None
    encode(picture.pixels, picture.alpha, picture.keep, tmp_path / "b.tga")
    with Image.open(tmp_path / "b.tga") as image:
        assert image.mode == "RGB"


@pytest.mark.parametrize("alpha", [0, 7, 255])
def test_alpha_that_is_declared_is_carried(alpha: int, tmp_path: Path, photo: np.ndarray) -> None:
    path = tmp_path / "a.tga"
    path.write_bytes(tga(photo, alpha, attributes=8))
    picture = decode(path)
    assert picture.alpha is not None
    assert (picture.alpha == alpha).all()
