"""A convolution to few features, made for four outputs at once, since vectors have room for more than three."""

import torch
from torch import Tensor
from torch.nn import functional as F


def convolve_in_squares(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Convolve by a larger kernel that makes squares of 2 x 2 outputs; up to rounding the result is PyTorch's.

    Args:
        x: (N, C, H, W), padded already.
        weight: (features, C, K, K).
        bias: (features).

    Returns:
        (N, features, H - K + 1, W - K + 1), both of which must be even.
    """
    features, channels, side, _ = weight.shape
    shifted = [F.pad(weight, (right, 1 - right, below, 1 - below)) for below in (0, 1) for right in (0, 1)]
    larger = torch.stack(shifted, 1).view(4 * features, channels, side + 1, side + 1)
    biases = None if bias is None else bias.repeat_interleave(4)
    return F.pixel_shuffle(F.conv2d(x, larger, biases, stride=2), 2)
