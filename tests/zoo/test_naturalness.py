"""A photograph is natural, and what is flat, burnt out, gridded, blurred or something else is less so."""

import numpy as np
import pytest

from imgtrans.zoo.naturalness import Floats, mean, naturalness
from imgtrans.zoo.photographs import meadow, photographs

NOISE = np.random.default_rng(0).random((160, 284, 3), np.float32)


def photograph() -> Floats:
    return meadow(160).astype(np.float32) / np.float32(255)


def gridded(picture: Floats) -> Floats:
    grid = np.zeros(picture.shape, np.float32)
    grid[::4, ::4] = 0.5
    return picture + grid


def test_the_photographs_are_three_small_ones():
    assert [photo.shape for photo in photographs(160)] == [(160, 284, 3), (160, 240, 3), (160, 120, 3)]
    assert all(photo.std() > 20 for photo in photographs(160))


def test_a_photograph_is_its_own_equal():
    found = naturalness(photograph(), photograph())
    assert found.score == pytest.approx(1, abs=1e-4)
    assert found.doubts() == []


def test_a_brighter_and_warmer_photograph_is_almost_as_natural():
    found = naturalness(photograph(), photograph() * np.array([0.9, 0.85, 0.7], np.float32) + 0.05)
    assert found.score > 0.9
    assert found.doubts() == []


@pytest.mark.parametrize(
    ("after", "doubt"),
    [
        pytest.param(0.5 + 0 * photograph(), "it is almost flat", id="flat"),
        pytest.param((photograph() > 0.5).astype(np.float32), "more than before are at its ends", id="burnt out"),
        pytest.param(3 * photograph() - 1, "of the values lie outside the range", id="outside"),
        pytest.param(gridded(photograph()), "there is a grid all over it", id="grid"),
        pytest.param(NOISE, "little is left of the picture's structure", id="noise"),
    ],
)
def test_what_is_no_photograph_any_more_says_why(after: Floats, doubt: str):
    found = naturalness(photograph(), after)
    assert any(doubt in said for said in found.doubts())
    assert found.score < 0.75


def test_what_is_blurred_is_less_natural():
    blurred = photograph()[::4, ::4].repeat(4, axis=0).repeat(4, axis=1)
    assert naturalness(photograph(), blurred).score < 0.7


def test_the_figures_of_several_pictures_are_their_means():
    one, other = naturalness(photograph(), photograph()), naturalness(photograph(), NOISE)
    assert mean([one, other]).structure == pytest.approx((one.structure + other.structure) / 2)
