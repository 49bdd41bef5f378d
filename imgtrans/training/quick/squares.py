"""Squares of 2 x 2 pixels as one pixel of four times the channels, so that few channels leave less room empty."""

from itertools import product

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


def in_squares(x: Tensor) -> Tensor:
    """Lay squares of 2 x 2 pixels beside one another in the channels: (N, C, 2 h, 2 w) to (N, 4 C, h, w)."""
    n, channels, height, width = x.shape
    squares = x.reshape(n, channels, height // 2, 2, width // 2, 2).permute(0, 3, 5, 1, 2, 4)
    return squares.reshape(n, 4 * channels, height // 2, width // 2)


def squares_to_squares(weight: Tensor) -> Tensor:
    """Return the weight that makes squares of squares: (O, C, K, K), K odd, to (4 O, 4 C, (K + 1) / 2, (K + 1) / 2)."""
    moved = [F.pad(weight, (right, 1 - right, down, 1 - down)) for down, right in product((0, 1), (0, 1))]
    return in_squares(torch.cat(moved))


def nearest_to_squares(weight: Tensor) -> Tensor:
    """Return the weight by which a map becomes what a 3x3 one makes of it doubled: (O, C, 3, 3) to (4 O, C, 2, 2).

    Of two rows of one value each, a kernel's three taps are two: rows of squares that stand first see the row before
    and their own, and those that stand second their own and the next.
    """
    first, second, third = weight.unbind(2)
    rows = (torch.stack((first, second + third), 2), torch.stack((first + second, third), 2))
    made = []
    for row in rows:
        first, second, third = row.unbind(3)
        made += [torch.stack((first, second + third), 3), torch.stack((first + second, third), 3)]
    return torch.cat(made)
