"""Discriminators of the families in use are told from generators, whatever their layers are called."""

from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

from imgtrans.architectures.discriminator import Discriminator
from imgtrans.architectures.resnet import GeneratorResNet
from imgtrans.checkpoint import describe_network


def patches(
    norm: Callable[[int], nn.Module] = nn.InstanceNorm2d,
    wrap: Callable[[nn.Module], nn.Module] = lambda module: module,
    widths: tuple[int, ...] = (8, 16, 32, 64),
    channels: int = 3,
) -> nn.Sequential:
    layers: list[nn.Module] = []
    for before, after in pairwise((channels, *widths)):
        layers += [wrap(nn.Conv2d(before, after, 4, 2, 1)), norm(after), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, wrap(nn.Conv2d(widths[-1], 1, 4, 1, 1)))


class Pixels(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Conv2d(3, 64, 1), nn.ReLU(), nn.Conv2d(64, 128, 1), nn.ReLU(), nn.Conv2d(128, 1, 1))


class Named(nn.Module):
    """Its last layer comes first in the alphabet."""

    def __init__(self) -> None:
        super().__init__()
        self.z_first = nn.Conv2d(3, 64, 4)
        self.final = nn.Conv2d(64, 1, 4)


DISCRIMINATORS = {
    "the deck's": (lambda: Discriminator((3, 64, 64)), "PatchGAN, 5 convolutions"),
    "batch norm": (lambda: patches(nn.BatchNorm2d), "PatchGAN, 5 convolutions"),
    "affine instance norm": (lambda: patches(lambda width: nn.InstanceNorm2d(width, affine=True)), "PatchGAN"),
    "spectral norm": (lambda: patches(wrap=nn.utils.spectral_norm), "PatchGAN, 5 convolutions"),
    "spectral norm of today": (lambda: patches(wrap=parametrizations.spectral_norm), "PatchGAN, 5 convolutions"),
    "weight norm of today": (lambda: patches(wrap=parametrizations.weight_norm), "PatchGAN, 5 convolutions"),
    "of pairs of pictures": (lambda: patches(channels=6), "PatchGAN, 5 convolutions"),
    "of gray pictures": (lambda: patches(channels=1), "PatchGAN, 5 convolutions"),
    "three scales": (lambda: nn.ModuleList([patches() for _ in range(3)]), "PatchGAN, 3 scales"),
    "with odd names": (Named, "PatchGAN, 2 convolutions"),
    "of single pixels": (Pixels, "of single pixels"),
}


def described(network: nn.Module) -> str:
    return describe_network({name: tuple(tensor.shape) for name, tensor in network.state_dict().items()})


@pytest.mark.parametrize("name", DISCRIMINATORS)
def test_a_discriminator_is_called_one(name: str):
    make, what = DISCRIMINATORS[name]
    assert described(make()).startswith("a discriminator (")
    assert what in described(make())


def test_anti_aliasing_filters_are_no_convolutions():
    shapes = {name: tuple(tensor.shape) for name, tensor in patches().state_dict().items()}
    assert "5 convolutions" in describe_network({**shapes, "1.filt": (64, 1, 3, 3)})


def u_net(channels: int) -> nn.Sequential:
    widths = (channels, 8, 16, 32, 64, 64, 64)
    down = [nn.Conv2d(a, b, 4, 2, 1) for a, b in pairwise(widths)]
    up = [nn.ConvTranspose2d(2 * a, b, 4, 2, 1) for a, b in pairwise(widths[:0:-1])]
    return nn.Sequential(*down, *up, nn.Upsample(2), nn.Conv2d(16, channels, 4, padding=1))


@pytest.mark.parametrize(
    "make",
    [
        lambda: GeneratorResNet((3, 0, 0), 1, ngf=8),
        lambda: GeneratorResNet((1, 0, 0), 6, ngf=8),
        lambda: u_net(3),
        lambda: u_net(1),
        lambda: nn.Sequential(nn.Conv2d(3, 64, 3), nn.Conv2d(64, 1, 3)),
        lambda: nn.Linear(8, 1),
        nn.Identity,
    ],
    ids=["generator", "gray generator", "U-Net", "gray U-Net", "classifier", "linear", "nothing"],
)
def test_other_networks_are_not_taken_for_discriminators(make: Callable[[], nn.Module]):
    with torch.device("meta"):
        assert described(make()) == ""
