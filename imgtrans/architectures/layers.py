"""Layers that PyTorch does not have: anti-aliased resampling, separable convolution, statistics that are not used."""

from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

PaddingMode = Literal["zeros", "reflect", "replicate"]  # as convolutions call it


def _binomial(side: int, channels: int) -> Tensor:
    """Return a blur of sum 1 for each channel, (channels, 1, side, side): the binomial coefficients, both ways."""
    row = torch.ones(1)
    for _ in range(side - 1):
        row = F.pad(row, (1, 0)) + F.pad(row, (0, 1))
    kernel = torch.outer(row, row) / row.sum() ** 2
    return kernel.expand(channels, 1, side, side).clone()


class BlurDown(nn.Module):
    """Halves a map without aliasing: a 3x3 blur at every second place, with reflection at the edge.

    Source: Zhang, "Making convolutional networks shift-invariant again", ICML 2019, as CUT uses it.

    Shape:
        (N, channels, H, W) to (N, channels, H / 2, W / 2), rounded up.
    """

    filt: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("filt", _binomial(3, channels))

    def forward(self, x: Tensor) -> Tensor:
        """Return the smaller map."""
        return F.conv2d(F.pad(x, (1, 1, 1, 1), "reflect"), self.filt, stride=2, groups=x.shape[1])


class BlurUp(nn.Module):
    """Doubles a map without aliasing: zeros between, then a 4x4 blur, with the edge repeated.

    Source: as :class:`BlurDown`.

    Shape:
        (N, channels, H, W) to (N, channels, 2 H, 2 W).
    """

    filt: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("filt", 4 * _binomial(4, channels))

    def forward(self, x: Tensor) -> Tensor:
        """Return the larger map."""
        padded = F.pad(x, (1, 1, 1, 1), "replicate")
        return F.conv_transpose2d(padded, self.filt, stride=2, padding=2, groups=x.shape[1])[:, :, 1:-1, 1:-1]


class SeparableConv2d(nn.Module):
    """A 3x3 convolution of each channel alone, instance normalisation, and a 1x1 convolution across channels.

    Source: Li et al., "GAN Compression", CVPR 2020.

    Shape:
        (N, features_in, H, W) to (N, features_out, H - 2 + 2 padding, W - 2 + 2 padding).
    """

    def __init__(
        self, features_in: int, features_out: int, padding: int, bias: bool, padding_mode: PaddingMode = "zeros"
    ) -> None:
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(
                features_in, features_in, 3, padding=padding, padding_mode=padding_mode, groups=features_in, bias=bias
            ),
            nn.InstanceNorm2d(features_in),
            nn.Conv2d(features_in, features_out, 1, bias=bias),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the convolved map."""
        convolved: Tensor = self.conv(x)
        return convolved


class OwnStatistics2d(nn.InstanceNorm2d):
    """Instance normalisation that has running statistics in its state dict and goes by each picture's own.

    Args:
        features: Channels.
        affine: Whether there is a learnt scale and shift.

    Shape:
        (N, features, H, W) to the same.
    """

    def __init__(self, features: int, *, affine: bool) -> None:
        super().__init__(features, affine=affine)
        self.register_buffer("running_mean", torch.zeros(features))
        self.register_buffer("running_var", torch.ones(features))

    def forward(self, input: Tensor) -> Tensor:
        """Return the normalised map."""
        return F.instance_norm(input, weight=self.weight, bias=self.bias, eps=self.eps)

    def _load_from_state_dict(self, *args: Any, **kwargs: Any) -> None:
        nn.Module._load_from_state_dict(self, *args, **kwargs)  # PyTorch's own refuses the statistics
