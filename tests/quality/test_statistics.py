"""The extractor of histograms: it needs nothing, and sees colours, tones and fineness."""

import numpy as np

from imgtrans.quality.extractor import Floats, Means
from imgtrans.quality.statistics import Statistics, make
from tests.pictures import noise


def pictures(count: int = 3) -> Floats:
    return np.stack([np.asarray(noise(128, 128, seed), np.float32) for seed in range(count)])


def overlap(a: Floats, b: Floats) -> float:
    first, second = Statistics().features(np.stack([a, b]))
    return float(first @ second / len(first))


def test_two_pictures_that_are_the_same_overlap_wholly_and_others_do_not():
    one, other = pictures(2)
    assert abs(overlap(one, one) - 1) < 1e-5
    assert 0 <= overlap(one, other) < 0.95


def test_it_sees_a_tint_a_shade_and_a_blur():
    one = pictures(1)[0]
    fine = (one + np.random.default_rng(0).normal(0, 20, one.shape)).clip(0, 255).astype(np.float32)
    for other in (one * (1, 0.6, 0.6), one * 0.5, fine):
        assert overlap(one, other.astype(np.float32)) < 0.97


def test_it_does_not_see_on_which_side_things_are():
    one = pictures(1)[0]
    assert overlap(one, one[:, ::-1]) > 0.97


def test_a_flat_picture_has_features_too():
    features = make(Means()).features(np.zeros((2, 128, 128, 3), np.float32))
    assert features.shape == (2, 176)
    assert np.isfinite(features).all()
