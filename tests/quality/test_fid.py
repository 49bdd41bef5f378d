"""The Fréchet distance: what torch-fidelity gives for the same features, and a Gaussian's by the formula."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from imgtrans.quality.fid import fid


def drawn(count: int, numbers: int, seed: int, moved: float = 0.0) -> NDArray[np.float32]:
    draw = np.random.default_rng(seed)
    return (draw.normal(size=(count, numbers)) @ draw.normal(size=(numbers, numbers)) / 4 + moved).astype(np.float32)


@pytest.mark.parametrize(("fakes", "reals", "numbers"), [(300, 300, 64), (300, 250, 16), (40, 50, 96), (200, 40, 96)])
def test_it_is_that_of_torch_fidelity(fakes: int, reals: int, numbers: int):
    metric = pytest.importorskip("torch_fidelity.metric_fid", reason="the extra metrics is not installed")
    fake, real = drawn(fakes, numbers, 1), drawn(reals, numbers, 2, 0.5)
    statistics = [metric.fid_features_to_statistics(torch.from_numpy(some)) for some in (fake, real)]
    (theirs,) = metric.fid_statistics_to_metric(*statistics, False).values()
    assert fid(fake, real) == pytest.approx(theirs, abs=1e-3)


def test_of_two_gaussians_without_correlation_it_is_the_formula():
    fake = np.random.default_rng(1).normal(1.0, 2.0, (200_000, 2)).astype(np.float32)
    real = np.random.default_rng(2).normal(0.0, 0.5, (200_000, 2)).astype(np.float32)
    assert fid(fake, real) == pytest.approx(2 * (1.0 + (2.0 - 0.5) ** 2), rel=0.01)


def test_a_set_is_no_distance_from_itself():
    some = drawn(30, 50, 1)
    assert fid(some, some[::-1]) == pytest.approx(0, abs=1e-6)
