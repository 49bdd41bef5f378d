import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from imgtrans.images.resample import pad, shrink, working_size


def test_the_working_size_keeps_the_proportions() -> None:
    assert working_size(4000, 3000, 512) == (512, 384)
    assert working_size(3000, 4000, 512) == (384, 512)
    assert working_size(10000, 3, 512) == (512, 1)


def test_a_picture_is_never_enlarged_for_the_network() -> None:
    assert working_size(300, 200, 512) == (300, 200)
    assert working_size(4000, 3000, None) == (4000, 3000)


@given(height=st.integers(1, 40), width=st.integers(1, 40))
def test_padding_gives_sides_that_the_network_can_take_and_keeps_the_picture(height: int, width: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    padded = pad(pixels, 4, 8)
    assert padded.shape[0] % 4 == padded.shape[1] % 4 == 0
    assert padded.shape[0] >= max(8, height)
    assert padded.shape[0] < max(8, height) + 4
    assert np.array_equal(padded[:height, :width], pixels)


def test_padding_mirrors_the_edge() -> None:
    pixels = np.arange(9 * 12 * 3, dtype=np.uint16).reshape(9, 12, 3).astype(np.uint8)
    padded = pad(pixels, 4, 8)
    assert np.array_equal(padded[9:], pixels[[7, 6, 5]])


def test_a_picture_at_the_working_size_is_not_touched() -> None:
    pixels = np.zeros((20, 30, 3), np.uint8)
    assert shrink(pixels, (30, 20)) is pixels


def test_a_picture_of_16_bits_is_reduced_as_one_of_8_is_but_finer() -> None:
    y, x = np.mgrid[0:90, 0:120]
    ramp = np.stack([x * 500 + y, y * 700, 65535 - x * 300 - y * 300], axis=-1)
    small = shrink(ramp.astype(np.uint16), (40, 30))
    exact = ramp.reshape(30, 3, 40, 3, 3).mean(axis=(1, 3))  # of a ramp, away from the edges
    assert small.dtype == np.uint16
    assert np.abs(small - exact)[3:-3, 3:-3].max() <= 2
    eight = shrink((ramp // 257).astype(np.uint8), (40, 30))
    assert np.abs(small / 257 - eight).max() < 1.6
    assert len(np.unique(small)) > 1000
