from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from imgtrans.images import upsample
from imgtrans.images.resample import shrink
from imgtrans.images.upsample import add_change, bicubic, guided
from imgtrans.protocols import UPSAMPLING, Pixels
from tests.pictures import noise

each_method = pytest.mark.parametrize("method", UPSAMPLING)


def scene(height: int, width: int, contrast: float = 90) -> Pixels:
    """Something like a photograph: shapes of all colours, with edges between them and grain on them."""
    random = np.random.default_rng(4)
    coarse = random.integers(0, 256, (max(1, height // 40), max(1, width // 40), 3), dtype=np.uint8)
    shapes = np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.NEAREST)).astype(float)
    levels = 128 + (shapes - 128) * contrast / 128 + random.normal(0, 6, (height, width, 3))
    return np.clip(np.rint(levels), 0, 255).astype(np.uint8)


@each_method
def test_no_change_gives_the_picture_back_bit_for_bit(method: str) -> None:
    original = np.asarray(noise(200, 100))
    small = shrink(original, (50, 25))
    assert np.array_equal(add_change(original, small, small, method), original)


@each_method
@settings(max_examples=40, deadline=None)
@given(height=st.integers(1, 70), width=st.integers(1, 70), divisor=st.integers(1, 9), by=st.integers(-40, 40))
def test_an_even_change_is_added_exactly(height: int, width: int, divisor: int, by: int, method: str) -> None:
    original = np.random.default_rng(1).integers(40, 216, (height, width, 3), dtype=np.uint8)
    before = shrink(original, (max(1, width // divisor), max(1, height // divisor)))
    before = np.clip(before, 40, 215)
    assert np.array_equal(
        add_change(original, before, (before.astype(int) + by).astype(np.uint8), method), original.astype(int) + by
    )


@each_method
def test_the_result_is_clipped_not_wrapped(method: str) -> None:
    for level, by in ((250, 50), (5, -50)):
        original = np.full((40, 40, 3), level, np.uint8)
        small = np.full((10, 10, 3), 128, np.uint8)
        after = (small.astype(int) + by).astype(np.uint8)
        assert np.array_equal(add_change(original, small, after, method), np.full((40, 40, 3), 255 if by > 0 else 0))


@pytest.mark.parametrize(
    ("change", "within"), [(lambda x: 0.6 * x + 30, 1.7), (lambda x: x[..., ::-1], 4), (lambda x: 255 - x, 9)]
)
def test_a_change_that_is_an_affine_function_of_the_colours_is_the_same_at_full_size(
    change: Callable[[Pixels], Pixels], within: float
) -> None:
    """What is missing is the grain (of 6 levels), which does not count as an edge and keeps its contrast."""
    original = scene(400, 600)
    before = shrink(original, (75, 50))
    wanted = change(original.astype(float))
    after = np.clip(np.rint(change(before.astype(float))), 0, 255).astype(np.uint8)

    def error(result: Pixels) -> float:
        return float(np.abs(result - np.clip(wanted, 0, 255)).mean())

    assert error(add_change(original, before, after)) < within
    assert error(bicubic(original, before, after)) > 2 * within


def test_a_change_on_one_side_of_an_edge_does_not_bleed_over_it() -> None:
    """A dark tree against bright ground, of which only the ground becomes brighter: the worst case of a halo."""
    original = np.full((320, 320, 3), 40, np.uint8)
    original[:, 165:] = 170  # not where a small pixel ends
    before = shrink(original, (40, 40))
    after = before + np.rint((before - 40.0) / 130 * 60).clip(0, 60).astype(np.uint8)

    def bled(result: Pixels) -> int:
        """Columns that are neither as the dark side was nor as the bright side became, by more than eight levels."""
        line = result[160, :, 0].astype(int)
        return int((np.minimum(abs(line - 40), abs(line - 230)) > 8).sum())

    assert bled(add_change(original, before, after)) <= 2
    assert bled(bicubic(original, before, after)) >= 8


def test_a_ring_that_the_network_draws_along_an_edge_is_not_taken_over() -> None:
    original = np.full((320, 320, 3), 40, np.uint8)
    original[:, 160:] = 190
    before = shrink(original, (40, 40))
    after = before.copy()
    after[:, 20] -= 40
    after[:, 21] += 40

    def ringing(result: Pixels) -> int:
        return int(np.abs(result.astype(int) - original).max())

    assert ringing(bicubic(original, before, after)) > 30
    assert ringing(add_change(original, before, after)) < 10


def test_grain_that_the_network_smooths_away_stays() -> None:
    original = scene(400, 600)
    before = shrink(original, (300, 200))
    after = np.asarray(Image.fromarray(before).resize((30, 20), Image.Resampling.BOX).resize((300, 200)))
    flat = np.s_[85:115, 85:115]  # within one shape
    assert add_change(original, before, after)[flat].std() > 0.8 * original[flat].std()


def test_green_that_becomes_gray_leaves_no_green_and_no_magenta() -> None:
    random = np.random.default_rng(2)
    light = random.normal(0, 12, (400, 400, 1))
    leaves = np.asarray(Image.fromarray(random.random((50, 50)) > 0.5).resize((400, 400)))[:, :, None]
    levels = np.where(leaves, [80, 130, 60], [110, 105, 100]) + light
    original = np.clip(np.rint(levels), 0, 255).astype(np.uint8)
    before = shrink(original, (100, 100))
    after = np.repeat(np.rint(before.mean(axis=2, keepdims=True)), 3, axis=2).astype(np.uint8)
    result = add_change(original, before, after).astype(int)
    assert np.abs(result[..., 1] - (result[..., 0] + result[..., 2]) / 2).mean() < 6  # of 60 where leaves were


@each_method
def test_on_an_even_picture_the_change_is_enlarged_smoothly(method: str) -> None:
    original = np.full((240, 320, 3), 128, np.uint8)
    before = shrink(original, (40, 30))
    slope = np.linspace(-40, 40, 40)[None, :, None]
    after = np.rint(before + slope).astype(np.uint8)
    line = add_change(original, before, after, method)[120, :, 1].astype(int)
    assert (np.diff(line) >= 0).all()
    assert np.diff(line).max() <= 2
    assert np.abs(line[40:-40] - (128 + np.linspace(-41, 41, 320))[40:-40]).max() < 3


@each_method
@settings(max_examples=60, deadline=None)
@given(height=st.integers(1, 50), width=st.integers(1, 50), small=st.tuples(st.integers(1, 50), st.integers(1, 50)))
def test_any_size_works(height: int, width: int, small: tuple[int, int], method: str) -> None:
    original = np.random.default_rng(3).integers(0, 256, (height, width, 3), dtype=np.uint8)
    before = shrink(original, (min(width, small[0]), min(height, small[1])))
    result = add_change(original, before, 255 - before, method)
    assert result.shape == original.shape
    assert result.dtype == np.uint8


@each_method
@pytest.mark.parametrize("size", [(1, 500), (500, 1)])
def test_pictures_a_pixel_wide_are_pictures(size: tuple[int, int], method: str) -> None:
    original = np.asarray(noise(*size))
    before = shrink(original, (max(1, size[0] // 10), max(1, size[1] // 10)))
    after = np.clip(before, 30, 225) // 2
    result = add_change(original, before, after, method).astype(int)
    assert abs(result.mean() - (original.mean() + after.mean() - before.mean())) < 3


@each_method
def test_nothing_is_turned_or_shifted(method: str) -> None:
    """What is done to a mirrored picture is the mirror image of what is done to the picture."""
    original = scene(120, 202)
    before = shrink(original, (50, 30))
    after = np.asarray(noise(50, 30, seed=2))
    result = add_change(original, before, after, method).astype(int)
    for turn in (np.flipud, np.fliplr, lambda pixels: pixels.transpose(1, 0, 2)):
        turned = [np.ascontiguousarray(turn(pixels)) for pixels in (original, before, after)]
        assert np.abs(turn(result) - add_change(turned[0], turned[1], turned[2], method)).max() <= 1


@each_method
def test_the_result_is_the_same_every_time(method: str) -> None:
    original, after = scene(150, 210), np.asarray(noise(70, 50, seed=1))
    before = shrink(original, (70, 50))
    assert np.array_equal(
        add_change(original, before, after, method), add_change(original.copy(), before.copy(), after, method)
    )


@each_method
def test_working_piece_by_piece_changes_nothing(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    original, after = np.asarray(noise(333, 217)), np.asarray(noise(50, 33, seed=1))
    before = shrink(original, (50, 33))
    whole = add_change(original, before, after, method)
    monkeypatch.setattr(upsample, "_STRIP_PIXELS", 333 * 10)
    monkeypatch.setattr(upsample, "_BAND_PIXELS", 1)
    monkeypatch.setattr(upsample, "_BAND_ROWS", 3)
    pieces = add_change(original, before, after, method)
    assert np.abs(whole.astype(int) - pieces.astype(int)).max() <= (0 if method == "guided" else 1)


@each_method
def test_guided_is_what_is_done_unless_told_otherwise(method: str) -> None:
    original, after = scene(60, 90), np.asarray(noise(30, 20, seed=1))
    before = shrink(original, (30, 20))
    by_name = {"guided": guided, "bicubic": bicubic}[method](original, before, after)
    assert np.array_equal(add_change(original, before, after, method), by_name)
    assert np.array_equal(add_change(original, before, after), by_name) == (method == "guided")


@each_method
def test_pictures_of_16_bits_change_as_those_of_8_do_but_finer(method: str) -> None:
    original, after = scene(150, 210), np.asarray(noise(70, 50, seed=1))
    before = shrink(original, (70, 50))
    eight = add_change(original, before, after, method)
    deep = [pixels.astype(np.uint16) * np.uint16(257) for pixels in (original, before, after)]
    sixteen = add_change(deep[0], deep[1], deep[2], method)
    assert sixteen.dtype == np.uint16
    assert np.abs(sixteen / 257 - eight).max() <= 0.51
    assert np.array_equal(add_change(deep[0], deep[1], deep[1], method), deep[0])
