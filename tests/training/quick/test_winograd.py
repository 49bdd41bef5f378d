"""Convolutions with fewer products, and their gradients, are PyTorch's to 1e-5 of the largest value."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from imgtrans.training.quick.norm import normalise
from imgtrans.training.quick.squares import convolve_in_squares
from imgtrans.training.quick.winograd import convolve, convolve_enlarged

SIZES = [(1, 16, 16, 32, 32), (2, 64, 32, 16, 12), (3, 5, 7, 9, 14), (1, 128, 128, 7, 2), (2, 1, 1, 4, 5)]


def together(x: Tensor) -> Tensor:
    """Return a map with its channels last."""
    return x.permute(0, 2, 3, 1).contiguous()


def apart(x: Tensor) -> Tensor:
    return x.permute(0, 3, 1, 2)


def farthest(
    plain: Callable[[Tensor, Tensor], Tensor], quick: Callable[[Tensor, Tensor], Tensor], x: Tensor, weight: Tensor
) -> float:
    """Return the largest difference of results and gradients, each as a share of its largest value."""
    told = []
    for way in (plain, quick):
        given = x.clone().requires_grad_(), weight.clone().requires_grad_()
        y = way(*given)
        upstream = torch.randn(y.shape, generator=torch.Generator().manual_seed(1))
        told.append((y, *torch.autograd.grad(y, given, upstream)))
    return max(((one - other).abs().max() / one.abs().max()).item() for one, other in zip(*told, strict=True))


@pytest.mark.parametrize("size", SIZES)
def test_a_convolution_by_tiles_is_pytorchs(size: tuple[int, int, int, int, int]) -> None:
    n, channels, features, height, width = size
    x, weight = torch.randn(n, channels, height, width), torch.randn(features, channels, 3, 3)
    difference = farthest(
        lambda x, w: F.conv2d(x, w, padding=1),
        lambda x, w: apart(convolve(F.pad(together(x), (0, 0, 1, 1, 1, 1)), w, None)),
        x, weight,
    )  # fmt: skip
    assert difference < 2e-5


@pytest.mark.parametrize("size", SIZES)
def test_so_is_one_of_a_doubled_map(size: tuple[int, int, int, int, int]) -> None:
    n, channels, features, height, width = size
    x, weight = torch.randn(n, channels, height, width), torch.randn(features, channels, 3, 3)
    difference = farthest(
        lambda x, w: F.conv2d(F.interpolate(x, scale_factor=2.0), w, padding=1),
        lambda x, w: apart(convolve_enlarged(F.pad(together(x), (0, 0, 1, 1, 1, 1)), w, None)),
        x, weight,
    )  # fmt: skip
    assert difference < 2e-5


@pytest.mark.parametrize(("height", "width"), [(18, 18), (12, 30)])
def test_one_in_squares_differs_by_rounding_only(height: int, width: int) -> None:
    x, weight, bias = torch.randn(2, 8, height, width), torch.randn(3, 8, 7, 7), torch.randn(3)
    difference = farthest(lambda x, w: F.conv2d(x, w, bias), lambda x, w: convolve_in_squares(x, w, bias), x, weight)
    assert difference < 5e-6


@pytest.mark.parametrize("relu", [True, False])
def test_a_normalisation_and_its_relu_differ_by_rounding_only(relu: bool) -> None:
    x = torch.randn(2, 8, 12, 9) * torch.arange(1.0, 9)[:, None, None] + 3

    def plain(x: Tensor, factor: Tensor) -> Tensor:
        return factor * (F.instance_norm(x).relu() if relu else F.instance_norm(x))

    difference = farthest(
        plain, lambda x, factor: factor * apart(normalise(together(x), 1e-5, relu=relu)), x, torch.tensor(2.0)
    )
    assert difference < 1e-5


def test_a_bias_that_a_normalisation_takes_away_has_a_gradient_of_zero() -> None:
    bias = torch.ones(16, requires_grad=True)
    convolve(torch.randn(1, 6, 6, 16), torch.randn(16, 16, 3, 3), bias).sum().backward()
    assert bias.grad is not None
    assert not bias.grad.any()
