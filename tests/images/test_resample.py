import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgtrans.images import resample
from imgtrans.images.resample import add_change, pad, shrink, working_size
from tests.pictures import noise


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


def test_no_change_at_a_small_size_leaves_the_picture_as_it_is() -> None:
    original = np.asarray(noise(200, 100))
    small = shrink(original, (50, 25))
    assert np.array_equal(add_change(original, small, small), original)


def test_an_even_change_is_carried_over_evenly() -> None:
    original = np.full((60, 90, 3), 100, np.uint8)
    small = shrink(original, (30, 20))
    assert np.array_equal(add_change(original, small, small + 25), original + 25)


def test_the_result_is_clipped_not_wrapped() -> None:
    original = np.full((40, 40, 3), 250, np.uint8)
    small = np.full((10, 10, 3), 200, np.uint8)
    assert np.array_equal(add_change(original, small, small + 50), np.full((40, 40, 3), 255, np.uint8))


def test_working_in_strips_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    original, after = np.asarray(noise(333, 217)), np.asarray(noise(50, 33, seed=1))
    before = shrink(original, (50, 33))
    whole = add_change(original, before, after)
    monkeypatch.setattr(resample, "_STRIP_PIXELS", 333 * 10)
    strips = add_change(original, before, after)
    assert np.abs(whole.astype(int) - strips.astype(int)).max() <= 1
