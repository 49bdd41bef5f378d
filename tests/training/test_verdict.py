"""A generator that makes no pictures is no model."""

import pytest
import torch
from torch import Tensor, nn

from imgtrans.architectures.resnet import GeneratorResNet, weights_init_normal
from imgtrans.errors import UnavailableError
from imgtrans.training.verdict import check_generator


class Made(nn.Module):
    """Makes what it is told to."""

    def __init__(self, made: Tensor) -> None:
        super().__init__()
        self.made = made

    def forward(self, pictures: Tensor) -> Tensor:
        return self.made.expand_as(pictures)


@pytest.fixture
def pictures() -> Tensor:
    return torch.rand(4, 3, 32, 32) * 1.6 - 0.8


@pytest.mark.parametrize(
    ("made", "what"),
    [
        (torch.tensor(float("nan")), "not finite"),
        (torch.tensor(1.0), "black and white"),
        (torch.sign(torch.randn(4, 3, 32, 32)), "black and white"),
        (torch.tensor(0.2), "the same flat colour"),
    ],
)
def test_what_is_no_picture_is_refused_and_named(pictures: Tensor, made: Tensor, what: str):
    with pytest.raises(UnavailableError, match=f"night2day is no model, it makes .*{what}"):
        check_generator(Made(made), "night2day", pictures, pictures)


def test_a_generator_that_has_learnt_little_is_taken(pictures: Tensor):
    network = GeneratorResNet((3, 32, 32), 1, ngf=4).apply(weights_init_normal)
    check_generator(network, "a", pictures, pictures)


def test_silhouettes_are_black_and_white_by_right(pictures: Tensor):
    silhouettes = torch.sign(torch.randn(4, 3, 32, 32))
    check_generator(Made(silhouettes), "a", pictures, silhouettes)


def test_one_picture_of_whatever_it_gets_is_no_flat_colour(pictures: Tensor):
    check_generator(Made(pictures[:1]), "a", pictures, pictures)
