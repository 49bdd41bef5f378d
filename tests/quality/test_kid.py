"""The kernel inception distance: without bias, and its interval is honest."""

import numpy as np
import pytest
from numpy.typing import NDArray

from imgtrans.quality.kid import kid

Features = NDArray[np.float32]


def drawn(count: int, seed: int, moved: float = 0.0, numbers: int = 24) -> Features:
    mixing = np.random.default_rng(0).normal(size=(numbers, numbers)) / numbers**0.5
    return (np.random.default_rng(seed).normal(size=(count, numbers)) @ mixing + moved).astype(np.float32)


def test_it_is_the_mean_over_all_pairs_of_different_pictures():
    fake, real = drawn(7, 1), drawn(5, 2, 0.5)

    def kernel(a: Features, b: Features) -> float:
        return float((np.dot(a.astype(float), b.astype(float)) / len(a) + 1) ** 3)

    within = [
        np.mean([kernel(a, b) for i, a in enumerate(some) for j, b in enumerate(some) if i != j])
        for some in (fake, real)
    ]
    between = np.mean([kernel(a, b) for a in fake for b in real])
    assert kid(fake, real).value == pytest.approx(within[0] + within[1] - 2 * between, rel=1e-9)


def test_it_is_that_of_torch_fidelity():
    metric = pytest.importorskip("torch_fidelity.metric_kid", reason="the extra metrics is not installed")
    fake, real = drawn(60, 1), drawn(60, 2, 0.3)
    kernels = [metric.kernel_poly(a, b, kid_kernel_poly_degree=3, kid_kernel_poly_gamma=None, kid_kernel_poly_coef0=1)
               for a, b in ((fake, fake), (fake, real), (real, real))]  # fmt: skip
    assert kid(fake, real).value == pytest.approx(float(metric.mmd2(*kernels)), abs=1e-4)


def test_two_halves_of_one_set_are_no_distance_apart_within_the_interval():
    whole = drawn(120, 3)
    for seed in range(20):
        order = np.random.default_rng(seed).permutation(len(whole))
        estimate = kid(whole[order[:60]], whole[order[60:]], seed, halves=200)
        assert estimate.low <= 0 <= estimate.high
        assert estimate.low <= estimate.value <= estimate.high


def test_the_interval_holds_the_distance_of_all_pictures_mostly_and_not_that_of_others():
    truth = kid(drawn(3000, 98, 0.4), drawn(3000, 99), halves=2).value
    estimates = [kid(drawn(80, seed, 0.4), drawn(60, 1000 + seed), seed, halves=200) for seed in range(60)]
    assert np.mean([one.low <= truth <= one.high for one in estimates]) >= 0.9
    assert np.mean([one.low > 0 for one in estimates]) >= 0.9
    assert abs(np.mean([one.value for one in estimates]) - truth) < truth / 10


def test_more_pictures_make_the_interval_narrower():
    widths = [
        (one := kid(drawn(count, 1, 0.2), drawn(count, 2), halves=200)).high - one.low for count in (25, 100, 400)
    ]
    assert widths[0] > 1.5 * widths[1] > 2.25 * widths[2]


def test_a_seed_gives_the_same_interval_each_time():
    fake, real = drawn(40, 1), drawn(30, 2)
    assert kid(fake, real, 5) == kid(fake, real, 5)
    assert kid(fake, real, 5).low != kid(fake, real, 6).low
    assert kid(fake, real, 5).value == kid(fake, real, 6).value
