"""How long a training takes is known before, near enough, and finding it out changes nothing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from imgtrans.training.forecast import SMALL, forecast_of, seconds_per_step
from imgtrans.training.options import TrainOptions
from imgtrans.training.state import TrainingState
from imgtrans.training.state import new_state as state_of


def ticking(*ticks: float) -> Callable[[], float]:
    return iter(ticks).__next__


@pytest.mark.parametrize(("identity_weight", "seconds"), [(0.5, 18 * 2 + 16 * 0.5), (0.0, 12 * 2 + 16 * 0.5)])
def test_a_step_is_counted_in_passes(
    tiny: dict[str, Any], new_state: Callable[[TrainOptions], TrainingState], identity_weight: float, seconds: float
):
    options = TrainOptions(**{**tiny, "identity_weight": identity_weight})
    assert seconds_per_step(new_state(options).objective, options, ticking(0, 3, 5, 7, 10, 10.5, 11, 12)) == seconds


def test_finding_it_out_draws_no_number_and_changes_no_weight(
    tiny: dict[str, Any], new_state: Callable[[TrainOptions], TrainingState]
):
    state = new_state(TrainOptions(**tiny))
    before, drawn = (
        {k: v.clone() for k, v in state.objective.networks()["G_AB"].state_dict().items()},
        torch.get_rng_state(),
    )
    assert 0 < seconds_per_step(state.objective, state.options) < 10
    assert torch.equal(torch.get_rng_state(), drawn)
    assert all(
        torch.equal(tensor, before[key]) for key, tensor in state.objective.networks()["G_AB"].state_dict().items()
    )


def test_a_step_of_several_batches_takes_as_many_times_as_long(
    tiny: dict[str, Any], new_state: Callable[[TrainOptions], TrainingState]
):
    options = TrainOptions(**{**tiny, "accumulate": 3})
    assert seconds_per_step(new_state(options).objective, options, ticking(0, 3, 5, 7, 10, 10.5, 11, 12)) == 3 * 44


def test_memory_and_files_are_foreseen(tiny: dict[str, Any], tmp_path: Path):
    options = TrainOptions(**{**tiny, "pool_size": 0})
    cost = forecast_of(options)
    state = state_of(options, torch.device("cpu"))
    state.save(tmp_path / "checkpoint.pt", "")
    assert cost.weights == 4 * sum(one.numel() for one in state.objective.generators()["G_AB"].parameters())
    assert cost.checkpoint == state.bytes_to_save()
    larger = forecast_of(TrainOptions(**{**tiny, "pool_size": 0, "crop": 64}))
    assert larger.memory > cost.memory and larger.weights == cost.weights


def test_the_small_beginning_is_the_preset():
    assert TrainOptions(ngf=32, crop=128, steps=2000) == SMALL
