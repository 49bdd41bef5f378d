"""Generators whose layers compute with fewer products, for as long as they are trained on a CPU."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from imgtrans.training.quick.norm import normalise
from imgtrans.training.quick.squares import convolve_in_squares
from imgtrans.training.quick.winograd import convolve, convolve_enlarged

_LEAST_CHANNELS = 16  # below them tiles cost more than they spare
_FEW_FEATURES = 4  # up to which four times as many fit into a vector


@contextmanager
def quick_layers(*networks: nn.Module) -> Iterator[None]:
    """Have generators compute with fewer products, where they do it on a CPU.

    Three kinds of convolution do: that to few features, several outputs at once; and where all is in float32, 3x3 with
    reflected edges, and 3x3 of a map that is doubled by its nearest values, by Winograd's algorithm. Maps between these
    have their channels together. The bias of a convolution before an instance normalisation, which takes it away again,
    gets a gradient of exactly 0. Results and gradients differ from plain PyTorch's by 1e-5 of the largest value.

    Args:
        networks: What is changed; weights stay where they are, and all is plain again at the end.
    """
    # A layer becomes one of another class and no other layer, so that who has it, or copies it, needs to know nothing.
    before = [(module, type(module)) for network in networks for module in network.modules()]
    try:
        for network in networks:
            for sequence in network.modules():
                if type(sequence) is nn.Sequential:
                    _quicken([*sequence])
        yield
    finally:
        for module, kind in before:
            module.__class__ = kind


class _PassedPad(nn.ReflectionPad2d):
    """One whose work the convolution behind it does."""

    def forward(self, input: Tensor) -> Tensor:
        return input


class _PassedUpsample(nn.Upsample):
    """One whose work the convolution behind it does."""

    def forward(self, input: Tensor) -> Tensor:
        return input


class _PassedReLU(nn.ReLU):
    """One whose work the normalisation before it does."""

    def forward(self, input: Tensor) -> Tensor:
        return input


class _FirstPad(nn.ReflectionPad2d):
    """The one that begins, and lays channels together."""

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input.contiguous(memory_format=torch.channels_last) if _is_plain(input) else input)


class _Reflected(nn.Conv2d):
    """One that also reflects the edges of its input."""

    def forward(self, input: Tensor) -> Tensor:
        if not _is_plain(input):
            return super().forward(F.pad(input, (1, 1, 1, 1), mode="reflect"))
        x = input.contiguous(memory_format=torch.channels_last)
        padded = F.pad(x, (1, 1, 1, 1), mode="reflect").permute(0, 2, 3, 1).contiguous()
        return convolve(padded, self.weight, self.bias).permute(0, 3, 1, 2)


class _Enlarged(nn.Conv2d):
    """One that also doubles its input by its nearest values."""

    def forward(self, input: Tensor) -> Tensor:
        if not _is_plain(input):
            return super().forward(F.interpolate(input, scale_factor=2.0))
        padded = F.pad(input.permute(0, 2, 3, 1), (0, 0, 1, 1, 1, 1)).contiguous()
        return convolve_enlarged(padded, self.weight, self.bias).permute(0, 3, 1, 2)


class _InSquares(nn.Conv2d):
    """One to few features."""

    def forward(self, input: Tensor) -> Tensor:
        odd = any((length - self.kernel_size[0]) % 2 == 0 for length in input.shape[2:])
        if input.device.type != "cpu" or odd:
            return super().forward(input)
        return convolve_in_squares(input, self.weight, self.bias)


class _Normalised(nn.InstanceNorm2d):
    """One that may also do the work of the ReLU behind it."""

    relu = False

    def forward(self, input: Tensor) -> Tensor:
        if not _is_plain(input):
            result = super().forward(input)
            return result.relu() if self.relu else result
        return normalise(input.permute(0, 2, 3, 1).contiguous(), self.eps, relu=self.relu).permute(0, 3, 1, 2)


class _NormalisedReLU(_Normalised):
    relu = True


def _quicken(layers: list[nn.Module]) -> None:
    behind: nn.Module
    for first, layer, behind in zip(layers[:-1], layers[1:], [*layers[2:], nn.Identity()], strict=True):
        if type(layer) is nn.Conv2d and _is_usual(layer):
            if type(behind) is nn.InstanceNorm2d and _is_bare(behind) and _suits_tiles(layer):
                if type(first) is nn.ReflectionPad2d and first.padding == (1,) * 4 and layer.padding == (0, 0):
                    first.__class__, layer.__class__ = _PassedPad, _Reflected
                elif type(first) is nn.Upsample and _doubles(first) and layer.padding == (1, 1):
                    first.__class__, layer.__class__ = _PassedUpsample, _Enlarged
            elif layer.stride == (1, 1) and layer.out_channels <= _FEW_FEATURES and layer.padding == (0, 0):
                layer.__class__ = _InSquares
            elif type(first) is nn.ReflectionPad2d:
                first.__class__ = _FirstPad
        elif type(layer) is nn.InstanceNorm2d and _is_bare(layer):
            layer.__class__ = _Normalised
            if type(behind) is nn.ReLU:
                layer.__class__, behind.__class__ = _NormalisedReLU, _PassedReLU


def _is_usual(layer: nn.Conv2d) -> bool:
    return (layer.dilation, layer.groups, layer.padding_mode) == ((1, 1), 1, "zeros")


def _suits_tiles(layer: nn.Conv2d) -> bool:
    small = (layer.kernel_size, layer.stride) == ((3, 3), (1, 1))
    return small and min(layer.in_channels, layer.out_channels) >= _LEAST_CHANNELS


def _is_bare(layer: nn.InstanceNorm2d) -> bool:
    return not layer.affine and not layer.track_running_stats


def _doubles(layer: nn.Upsample) -> bool:
    return layer.mode == "nearest" and layer.size is None and layer.scale_factor in (2, (2, 2))


def _is_plain(x: Tensor) -> bool:
    """Whether something is computed on a CPU in float32."""
    return x.device.type == "cpu" and x.dtype == torch.float32 and not torch.is_autocast_enabled("cpu")
