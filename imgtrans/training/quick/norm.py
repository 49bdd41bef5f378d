"""Instance normalisation, and ReLU behind it, of maps whose channels lie together."""

from typing import Any

import torch
from torch import Tensor


def normalise(y: Tensor, epsilon: float, *, relu: bool) -> Tensor:
    """Bring each channel of each picture to a mean of 0 and a deviation of 1, as ``nn.InstanceNorm2d`` does.

    Args:
        y: (N, H, W, C).
        epsilon: Added to the variance.
        relu: Whether what is below zero becomes zero then.
    """
    z: Tensor = _Normalise.apply(y, epsilon, relu)
    return z


class _Normalise(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, y: Tensor, epsilon: float, relu: bool) -> Tensor:
        centred = y - _mean(y)
        scale = _mean(centred.square()).add_(epsilon).rsqrt_()
        ctx.relu = relu
        z = centred.mul_(scale)
        ctx.save_for_backward(z, scale)
        return z.relu() if relu else z

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        z, scale = ctx.saved_tensors
        gradient = torch.ops.aten.threshold_backward(gradients[0], z, 0) if ctx.relu else gradients[0]
        of_y = torch.addcmul(gradient - _mean(gradient), z, _mean(gradient * z), value=-1).mul_(scale)
        return of_y, None, None


def _mean(y: Tensor) -> Tensor:
    """Return the mean of each channel, (N, 1, 1, C)."""
    return y.mean((1, 2), keepdim=True)
