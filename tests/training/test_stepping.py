"""The fastest way to take a step is the same step as plain PyTorch's, up to rounding."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from imgtrans.training.options import TrainOptions
from imgtrans.training.state import TrainingState
from imgtrans.training.stepping import Stepping

NewState = Callable[[TrainOptions], TrainingState]


def rows(folder: Path) -> torch.Tensor:
    with (folder / "losses.csv").open(newline="") as file:
        return torch.tensor([[float(value) for value in row[1:]] for row in [*csv.reader(file)][1:]])


@pytest.mark.parametrize("changed", [{}, {"batch_size": 2, "spike_weight": 5.0}, {"upsampling": "transpose"}])
def test_the_fastest_way_gives_the_losses_of_plain_pytorch(
    data: Path, tmp_path: Path, tiny: dict[str, Any], train_in: Callable[..., TrainingState], changed: dict[str, Any]
) -> None:
    for backend in ("eager", "auto"):
        train_in(data, tmp_path / backend, {**tiny, "ngf": 16, "steps": 6, "backend": backend, **changed})
    plain, fastest = rows(tmp_path / "eager"), rows(tmp_path / "auto")
    torch.testing.assert_close(fastest[:1], plain[:1], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(fastest, plain, rtol=0.02, atol=0.02)  # each step begins where the last one ended


@pytest.mark.parametrize(
    ("changed", "quick"),
    [({}, True), ({"backend": "eager"}, False), ({"precision": "bfloat16"}, True)],
)
def test_layers_are_quick_on_a_cpu_until_the_run_ends(
    new_state: NewState, tiny: dict[str, Any], changed: dict[str, Any], quick: bool
) -> None:
    state = new_state(TrainOptions(**{**tiny, **changed}))
    kinds = [type(layer) for layer in state.objective.generators()["G_AB"].modules()]
    stepping = Stepping(state)
    assert ([type(layer) for layer in state.objective.generators()["G_AB"].modules()] != kinds) is quick
    stepping.close()
    assert [type(layer) for layer in state.objective.generators()["G_AB"].modules()] == kinds
