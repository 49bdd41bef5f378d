"""Precision and recall tell fakes that cannot be real from real pictures that are not covered."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from imgtrans.quality import coverage
from imgtrans.quality.coverage import precision_and_recall


def drawn(count: int, seed: int, moved: float = 0.0) -> NDArray[np.float32]:
    return (np.random.default_rng(seed).normal(size=(count, 8)) + moved).astype(np.float32)


@pytest.mark.parametrize("moved", [0.0, 0.5, 1.5])
def test_they_are_those_of_torch_fidelity(moved: float):
    metric = pytest.importorskip("torch_fidelity.metric_prc", reason="the extra metrics is not installed")
    fake, real = drawn(90, 1, moved), drawn(70, 2)
    theirs = metric.calculate_precision_recall_full(torch.from_numpy(fake), torch.from_numpy(real))
    assert precision_and_recall(fake, real) == pytest.approx(theirs, abs=1e-6)


def test_real_pictures_are_as_good_as_can_be_and_others_as_bad():
    real = drawn(50, 1)
    assert precision_and_recall(real, real) == (1, 1)
    assert precision_and_recall(drawn(50, 2, 100), real) == (0, 0)


def test_fakes_that_are_all_alike_are_precise_and_cover_little():
    real = drawn(200, 1)
    precision, recall = precision_and_recall(real[:1] + drawn(100, 2) / 1000, real)
    assert precision == 1
    assert recall < 0.05


def test_it_makes_no_difference_how_many_rows_are_looked_at_at_a_time(monkeypatch: pytest.MonkeyPatch):
    fake, real = drawn(50, 1, 0.5), drawn(40, 2)
    at_once = precision_and_recall(fake, real)
    monkeypatch.setattr(coverage, "_ROWS", 7)
    assert precision_and_recall(fake, real) == at_once
