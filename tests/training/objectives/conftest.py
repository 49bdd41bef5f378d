"""Objectives of tiny generators, and how to look at their updates."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from imgtrans.protocols import Objective, Setup
from imgtrans.registry import implementation
from imgtrans.training.options import TrainOptions
from imgtrans.training.state import generator_of

SMALL: dict[str, Any] = {"ngf": 4, "blocks": 2, "crop": 64, "device": "cpu", "steps": 8}


def made(given: dict[str, Any]) -> Objective:
    """An objective as it is made for a run with some options."""
    options = TrainOptions.chosen({**SMALL, **given})
    torch.manual_seed(options.seed)
    setup = Setup(options, torch.device("cpu"), generator_of(options))
    objective: Objective = implementation("imgtrans.objectives", options.objective)(setup)
    for name, generator in objective.generators().items():
        nn.init.normal_(generator.model[-2].weight, 0, 0.1)  # so that fakes are no flat gray
        assert name in ("G_AB", "G_BA")
    return objective


@pytest.fixture
def make() -> Callable[[dict[str, Any]], Objective]:
    return made


def in_steps(objective: Objective, a: Tensor, b: Tensor) -> tuple[list[Tensor], Tensor]:
    """Take a step, and return what was minimised, in its order, and the losses."""
    minimised, turn = [], objective.step(a, b)
    while True:
        try:
            update = next(turn)
        except StopIteration as ended:
            return minimised, ended.value
        update.optimizer.zero_grad()
        update.loss.backward()
        update.optimizer.step()
        minimised.append(update.loss.detach())


def close(one: Tensor, other: Tensor | float) -> None:
    torch.testing.assert_close(one, torch.as_tensor(other, dtype=one.dtype), rtol=1e-5, atol=1e-5)


def stepped(networks: Sequence[nn.Module], loss: Tensor, rate: float = 2e-4) -> None:
    """Take the first step of the paper's Adam, written out: whatever the gradient's size, by the learning rate."""
    parameters = [p for network in networks for p in network.parameters() if p.requires_grad]
    for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
        with torch.no_grad():
            parameter.sub_(rate * gradient / (gradient.abs() + 1e-8))
