import numpy as np
import pytest
from PIL import Image

from imgtrans.images.modes import split_alpha, to_8bit, to_rgb


def test_pasting_keeps_the_colour_under_transparency() -> None:
    image = Image.new("RGBA", (2, 2), (10, 20, 30, 0))
    assert to_rgb(image).getpixel((0, 0)) == (10, 20, 30)


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "LAB"])
def test_every_mode_becomes_rgb_of_the_same_size(mode: str) -> None:
    rgb = to_rgb(Image.new("RGB", (5, 3), "white").convert("RGB" if mode == "LAB" else mode))
    assert (rgb.mode, rgb.size) == ("RGB", (5, 3))
    assert rgb.getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize("dtype", ["<u2", ">u2", "int32"])
def test_sixteen_bit_samples_are_scaled_not_clipped(dtype: str) -> None:
    image = Image.fromarray(np.array([[0, 257, 32768, 65535]], dtype=dtype))
    assert np.asarray(to_8bit(image)).tolist() == [[0, 1, 128, 255]]


def test_twelve_bit_samples_use_their_own_range() -> None:
    image = Image.fromarray(np.array([[0, 4095]], dtype=np.uint16))
    assert np.asarray(to_8bit(image, bits=12)).tolist() == [[0, 255]]


def test_integers_beyond_sixteen_bits_are_scaled_from_least_to_largest() -> None:
    image = Image.fromarray(np.array([[-1000, 0, 1000]], dtype=np.int32))
    assert np.asarray(to_8bit(image)).tolist() == [[0, 128, 255]]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.0, 0.5, 1.0], [0, 128, 255]),
        ([0.0, 127.5, 255.0], [0, 128, 255]),
        ([0.0, 65535.0], [0, 255]),
        ([-1.0, 0.0, 1.0], [0, 128, 255]),
        ([0.0, 1e6], [0, 255]),
        ([float("nan"), float("inf"), -float("inf"), 1.0], [0, 255, 0, 255]),
        ([float("nan")], [0]),
        ([70.0, 70.0], [70, 70]),
        ([0.0, 1.0, 1.25], [0, 204, 255]),
    ],
)
def test_the_range_of_floats_is_read_off_their_values(values: list[float], expected: list[int]) -> None:
    image = Image.fromarray(np.array([values], dtype=np.float32))
    assert np.asarray(to_8bit(image)).tolist() == [expected]


def test_other_modes_are_returned_as_they_are() -> None:
    image = Image.new("RGB", (2, 2))
    assert to_8bit(image) is image
    assert split_alpha(image) == (image, None)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_an_alpha_channel_is_split_off_and_the_hidden_colour_stays(mode: str) -> None:
    image = Image.merge("RGBA", [Image.new("L", (3, 2), 90)] * 3 + [Image.new("L", (3, 2), 0)]).convert(mode)
    colour, alpha = split_alpha(image)
    assert alpha is not None
    assert alpha.shape == (2, 3)
    assert (alpha == 0).all()
    assert to_rgb(colour).getpixel((0, 0)) == pytest.approx((90, 90, 90), abs=12)  # PA has a web palette


def test_premultiplied_colour_is_divided_again() -> None:
    colour, alpha = split_alpha(Image.new("RGBA", (1, 1), (200, 100, 50, 128)).convert("RGBa"))
    assert alpha is not None
    assert alpha.item() == 128
    assert colour.getpixel((0, 0)) == pytest.approx((200, 100, 50), abs=2)


def test_transparent_palette_entries_become_alpha() -> None:
    image = Image.new("P", (3, 1))
    image.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    image.putdata([0, 1, 2])
    for transparency, expected in ((1, [255, 0, 255]), (b"\x00\x80", [0, 128, 255])):
        image.info["transparency"] = transparency
        colour, alpha = split_alpha(image.copy())
        assert alpha is not None
        assert alpha.tolist() == [expected]
        assert np.asarray(to_rgb(colour)).tolist() == [[[10, 20, 30], [40, 50, 60], [70, 80, 90]]]


@pytest.mark.parametrize(
    ("mode", "colours", "transparent", "raw_mode"),
    [
        ("1", [0, 255], 255, "1"),
        ("L", [7, 200], 200, "L"),
        ("L", [0, 255], 15, "L;4"),
        ("L", [0, 85], 1, "L;2"),
        ("I;16", [1, 40000], 40000, "I;16B"),
        ("RGB", [(1, 2, 3), (9, 8, 7)], (9, 8, 7), "RGB"),
        ("RGB", [(1, 2, 3), (9, 8, 7)], (9 * 256 + 99, 8 * 256 + 1, 7 * 256), "RGB;16B"),
    ],
)
def test_a_transparent_colour_becomes_alpha(mode: str, colours: list[int], transparent: object, raw_mode: str) -> None:
    image = Image.new(mode, (2, 1))
    for x, colour in enumerate(colours):
        image.putpixel((x, 0), colour)
    image.info["transparency"] = transparent
    kept, alpha = split_alpha(image, raw_mode)
    assert kept.mode == mode
    assert alpha is not None
    assert alpha.tolist() == [[255, 0]]


def test_a_transparency_that_makes_no_sense_is_ignored() -> None:
    image = Image.new("L", (2, 1))
    image.info["transparency"] = b"\x00\x01"
    assert split_alpha(image)[1] is None
