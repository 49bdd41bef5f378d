"""JPEG 2000 of more than 8 bits is compared with what was written into it."""

from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from imgtrans.errors import ImageError
from imgtrans.images import depth
from imgtrans.images.decode import decode, decode_frames
from imgtrans.images.kinds import jpeg2000


def values(bits: int, channels: int) -> np.ndarray:
    """A ramp (40, 64, channels) from black to white, different in each channel."""
    top = 2**bits - 1
    ramp = np.linspace(0, top, 40 * 64).reshape(40, 64)
    every = [ramp, ramp[::-1], ramp[:, ::-1], np.where(ramp > top / 2, top, ramp)]
    return np.rint(np.stack(every[:channels], axis=-1)).astype(np.uint16)


def write(path: Path, pixels: np.ndarray, bits: int) -> Path:
    codec = "jp2" if path.suffix == ".jp2" else "j2k"
    path.write_bytes(imagecodecs.jpeg2k_encode(pixels, level=0, reversible=True, bitspersample=bits, codecformat=codec))
    return path


@pytest.mark.parametrize("bits", [9, 10, 12, 14, 16])
@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("name", ["a.jp2", "a.j2k"])
def test_colours_of_many_bits_keep_their_white(bits: int, channels: int, name: str, tmp_path: Path) -> None:
    pixels = values(bits, channels)
    path = write(tmp_path / name, pixels, bits)
    assert jpeg2000.bits(path) == bits
    true = pixels * (255 / (2**bits - 1))
    picture = decode(path)
    assert np.abs(picture.pixels - true[..., :3]).max() <= 0.51
    assert picture.pixels.max() == 255
    assert (picture.alpha is None) == (channels == 3)
    if picture.alpha is not None:
        assert np.abs(picture.alpha - true[..., 3]).max() <= 0.51
    (deep,) = decode_frames(path, deep=True)
    assert np.abs(deep.pixels - true[..., :3] * 257).max() <= 0.51


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_pictures_of_8_bits_are_read_as_before(mode: str, tmp_path: Path, photo: np.ndarray) -> None:
    path = tmp_path / "a.jp2"
    image = Image.fromarray(photo).convert(mode)
    image.save(path, irreversible=False)
    assert jpeg2000.bits(path) == 8
    assert np.array_equal(decode(path).pixels, np.asarray(image.convert("RGB")))


def test_gray_of_16_bits_needs_nothing_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(depth, "find_spec", lambda name: None)
    gray = values(16, 1)[..., 0]
    path = write(tmp_path / "a.jp2", gray, 16)
    assert np.abs(decode(path).pixels[..., 0] - gray / 257).max() <= 0.51


def test_what_would_read_it_is_named_where_it_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.jp2", values(16, 3), 16)
    monkeypatch.setattr(depth, "find_spec", lambda name: None)
    with pytest.raises(ImageError) as caught:
        decode(path)
    wanted = (
        'is a JPEG 2000 of 16 bits, which can be read once imagecodecs is installed: pip install "imgtrans[depth]".'
    )
    assert caught.value.message == f"{path} {wanted}"


def test_a_broken_one_is_a_sentence(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jp2", values(16, 3), 16)
    content = path.read_bytes()
    for share in (0.02, 0.1, 0.5, 0.9):
        path.write_bytes(content[: int(share * len(content))])
        with pytest.raises(ImageError, match=r"a\.jp2 .*\.$"):
            decode(path)
