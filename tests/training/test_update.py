"""A step is what the objective yields, in its order; several batches for one step are one larger batch."""

import contextlib
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from imgtrans.training.options import TrainOptions
from imgtrans.training.state import TrainingState
from imgtrans.training.update import take_step

NewState = Callable[[TrainOptions], TrainingState]


def pictures(count: int) -> tuple[Tensor, Tensor]:
    return torch.rand(count, 3, 32, 32) * 2 - 1, torch.rand(count, 3, 32, 32) * 2 - 1


@pytest.fixture
def options(tiny: dict[str, Any]) -> TrainOptions:
    return TrainOptions(**{**tiny, "batch_size": 4, "pool_size": 0})


def test_two_batches_for_a_step_give_losses_and_gradients_of_one_of_twice_the_size(
    new_state: NewState, options: TrainOptions
):
    whole, halves = new_state(options).objective, new_state(options).objective
    a, b = pictures(4)
    at_once = take_step(whole, [(a, b)], contextlib.nullcontext())
    in_halves = take_step(halves, [(a[:2], b[:2]), (a[2:], b[2:])], contextlib.nullcontext())
    torch.testing.assert_close(in_halves, at_once, rtol=1e-5, atol=1e-5)
    for name, network in whole.networks().items():
        for one, other in zip(network.parameters(), halves.networks()[name].parameters(), strict=True):
            assert one.grad is not None and other.grad is not None
            torch.testing.assert_close(other.grad, one.grad, rtol=1e-3, atol=1e-5)


def test_the_second_update_comes_after_the_first(new_state: NewState, options: TrainOptions):
    objective = new_state(options).objective
    generators, discriminators = objective.optimizers()
    order: list[str] = []
    generators.register_step_post_hook(lambda *_: order.append("G"))
    discriminators.register_step_post_hook(lambda *_: order.append("D"))
    losses = take_step(objective, [pictures(2)], contextlib.nullcontext())
    assert order == ["G", "D"]
    assert losses.shape == (len(objective.loss_names()),)
    assert not losses.requires_grad
