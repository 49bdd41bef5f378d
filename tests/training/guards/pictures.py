"""Smooth, distinct pictures as tensors."""

import torch
from torch import Tensor
from torch.nn import functional as F


def scenes(seed: int, count: int = 4, side: int = 32) -> Tensor:
    """Return smooth pictures (count, 3, side, side) in [-1, 1]."""
    coarse = torch.rand(count, 3, 4, 4, generator=torch.Generator().manual_seed(seed)) * 1.9 - 0.95
    return F.interpolate(coarse, size=side, mode="bilinear")
