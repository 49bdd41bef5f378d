import os
import subprocess
import sys
from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageCms

from imgtrans.images.colour import srgb_profile, to_srgb


def linear_to_srgb(value: np.ndarray) -> np.ndarray:
    return np.where(value <= 0.0031308, 12.92 * value, 1.055 * np.maximum(value, 0) ** (1 / 2.4) - 0.055)


def expected_of_adobe_rgb(colour: tuple[int, int, int]) -> list[float]:
    """What the colorimetry of both spaces says, both adapted to D50."""
    adobe = np.array([[0.60974, 0.20528, 0.14919], [0.31111, 0.62567, 0.06322], [0.01947, 0.06087, 0.74457]])
    srgb = np.array([[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]])
    linear = np.linalg.solve(srgb, adobe @ (np.array(colour) / 255) ** 2.19921875)
    return list(linear_to_srgb(linear).clip(0, 1) * 255)


@pytest.mark.parametrize("colour", [(200, 100, 50), (128, 128, 128), (60, 120, 90), (0, 0, 0), (255, 255, 255)])
def test_a_wide_gamut_picture_gets_the_srgb_values_of_the_same_colours(
    colour: tuple[int, int, int], adobe_rgb: bytes
) -> None:
    result = to_srgb(Image.new("RGB", (1, 1), colour), adobe_rgb)
    assert result.getpixel((0, 0)) == pytest.approx(expected_of_adobe_rgb(colour), abs=1.5)


def test_a_palette_goes_through_an_rgb_profile_too(adobe_rgb: bytes) -> None:
    image = Image.new("P", (1, 1))
    image.putpalette([200, 100, 50])
    result = to_srgb(image, adobe_rgb)
    assert result.getpixel((0, 0)) == pytest.approx(expected_of_adobe_rgb((200, 100, 50)), abs=1.5)


def test_a_gray_picture_goes_through_its_gray_profile(linear_gray: bytes) -> None:
    result = to_srgb(Image.new("L", (1, 1), 128), linear_gray)
    expected = float(linear_to_srgb(np.array(128 / 255))) * 255
    assert result.getpixel((0, 0)) == pytest.approx([expected] * 3, abs=1.5)


def test_cmyk_goes_through_its_own_profile(gray_inks: bytes) -> None:
    image = Image.new("CMYK", (2, 1))
    image.putpixel((1, 0), (255, 0, 0, 0))
    result = to_srgb(image, gray_inks)
    assert result.mode == "RGB"
    assert result.getpixel((0, 0)) == pytest.approx((255, 255, 255), abs=2)
    assert result.getpixel((1, 0)) == pytest.approx((0, 0, 0), abs=2)


def test_pixels_that_are_srgb_already_are_left_alone() -> None:
    image = Image.new("RGB", (1, 1), (1, 2, 3))
    assert to_srgb(image, srgb_profile()) is image
    assert to_srgb(image, None) is image
    assert to_srgb(image, b"") is image


@pytest.mark.parametrize("profile", [b"garbage", bytes(128), b"\0" * 36 + b"acsp" + b"\0" * 200])
def test_a_broken_profile_is_ignored(profile: bytes) -> None:
    image = Image.new("RGB", (1, 1), (1, 2, 3))
    assert to_srgb(image, profile) is image


def test_a_cut_off_profile_is_ignored(adobe_rgb: bytes) -> None:
    image = Image.new("RGB", (1, 1), (1, 2, 3))
    for length in range(0, len(adobe_rgb), 7):
        assert to_srgb(image, adobe_rgb[:length]).size == (1, 1)


def test_a_profile_of_another_kind_of_picture_is_ignored(gray_inks: bytes, linear_gray: bytes) -> None:
    image = Image.new("RGB", (1, 1), (1, 2, 3))
    assert to_srgb(image, gray_inks) is image
    assert to_srgb(image, linear_gray) is image


def test_the_profile_is_a_valid_srgb_profile() -> None:
    profile = ImageCms.getOpenProfile(BytesIO(srgb_profile()))
    assert "sRGB" in ImageCms.getProfileDescription(profile)


def test_the_profile_is_the_same_in_every_process() -> None:
    code = "import sys; from imgtrans.images.colour import srgb_profile; sys.stdout.buffer.write(srgb_profile())"
    other = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True, env=dict(os.environ))
    assert other.stdout == srgb_profile()
    assert srgb_profile()[24:36] == bytes.fromhex("07d0 0001 0001 0000 0000 0000")
