"""What goes wrong with a generator is seen in what it makes, and what goes well is not called trouble."""

import pytest
import torch
from torch import Tensor, nn

from imgtrans.training.guards.outputs import YOUNG, Look, OutputGuard, look_at
from tests.training.guards.pictures import scenes


class Stuck(nn.Module):
    """A generator whose last layer has died: it makes one picture of all."""

    def forward(self, pictures: Tensor) -> Tensor:
        return pictures[:1].expand_as(pictures) * 0.9 + 0.02 * pictures


def look(make: nn.Module) -> Look:
    real = scenes(seed=1)
    with torch.no_grad():
        return look_at(real, make(real), scenes(seed=2))


def negative() -> nn.Module:
    """A real convolution that has learnt to make negatives."""
    layer = nn.Conv2d(3, 3, 1)
    nn.init.zeros_(layer.bias)
    layer.weight.data = -0.9 * torch.eye(3).view(3, 3, 1, 1)
    return nn.Sequential(layer, nn.Tanh())


def overdriven() -> nn.Module:
    """The same with weights that drive tanh to its ends."""
    network = negative()
    network[0].weight.data *= -100
    return network


@pytest.mark.parametrize(
    ("generator", "sign"), [(negative(), "inverted"), (overdriven(), "saturated"), (Stuck(), "collapsed")]
)
def test_a_generator_in_trouble_shows_it(generator: nn.Module, sign: str):
    assert look(generator).signs() == {sign}


def test_a_generator_that_leaves_pictures_alone_or_changes_their_light_is_in_no_trouble():
    assert look(nn.Identity()).signs() == set()
    real = scenes(seed=1)
    for fake in (real * 0.5 - 0.4, real * 0.5 + 0.45, real.flip(1), real.mean(1, keepdim=True).expand_as(real)):
        assert look_at(real, fake, scenes(seed=2)).signs() == set()


def test_pictures_that_are_black_and_white_by_nature_may_be_made_so():
    drawings = scenes(seed=3).sign()
    assert look_at(drawings, drawings, drawings).signs() == set()


def test_targets_that_differ_little_need_not_be_made_to_differ_more():
    real, fog = scenes(seed=1), scenes(seed=2) * 0.1
    assert "collapsed" not in look_at(real, real * 0.05, fog).signs()


def test_one_look_alone_is_no_trouble_and_two_on_end_are_until_it_is_over():
    guard, bad, well = OutputGuard(), {"G_AB": look(negative())}, {"G_AB": look(nn.Identity())}
    assert guard.hear(200, bad) == [] and not guard.is_clean
    assert guard.hear(300, well) == [] and guard.is_clean
    assert guard.hear(400, bad) == []
    (trouble,) = guard.hear(500, bad)
    assert (trouble.kind, trouble.step) == ("inverted", 500)
    assert "generator G_AB turns light into dark" in trouble.said and "--identity-weight" in trouble.hint
    assert guard.hear(600, bad) == [] and guard.standing == [trouble]  # said once
    assert guard.hear(700, well) == [] and guard.standing == []


def test_generators_that_have_just_begun_are_not_judged():
    guard = OutputGuard()
    for step in (1, 2, YOUNG - 1):
        assert guard.hear(step, {"G_AB": look(negative())}) == []
    assert guard.is_clean
