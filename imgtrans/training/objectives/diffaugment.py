"""DiffAugment: discriminators see pictures changed at random, so that they do not learn a few of them by heart."""

import torch
from torch import Tensor
from torch.nn import functional as F

_SHIFT = 1 / 8  # of a side, at the most
_HOLE = 1 / 2  # of a side


class DiffAugment:
    """Changes colour and place of pictures, and cuts a hole; gradients pass through.

    Source: Zhao et al., "Differentiable augmentation for data-efficient GAN training", NeurIPS 2020: their policies
    colour, translation and cutout.

    Args:
        seed: Of the random numbers, which are drawn on the CPU.
    """

    def __init__(self, seed: int) -> None:
        self.random = torch.Generator().manual_seed(seed)

    def __call__(self, pictures: Tensor) -> Tensor:
        """Change pictures (N, C, H, W), each in its own way."""
        return self._with_hole(self._moved(self._coloured(pictures)))

    def _coloured(self, x: Tensor) -> Tensor:
        brightness, saturation, contrast = (self._draw(x) for _ in range(3))
        x = x + (brightness - 0.5)
        gray = x.mean(1, keepdim=True)
        x = (x - gray) * (2 * saturation) + gray
        mean = x.mean((1, 2, 3), keepdim=True)
        return (x - mean) * (contrast + 0.5) + mean

    def _moved(self, x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        most_y, most_x = int(height * _SHIFT + 0.5), int(width * _SHIFT + 0.5)
        padded = F.pad(x, (most_x, most_x, most_y, most_y))
        tops, lefts = self._places(len(x), 2 * most_y + 1), self._places(len(x), 2 * most_x + 1)
        moved = [
            one[:, top : top + height, left : left + width] for one, top, left in zip(padded, tops, lefts, strict=True)
        ]
        return torch.stack(moved)

    def _with_hole(self, x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        high, wide = int(height * _HOLE + 0.5), int(width * _HOLE + 0.5)
        kept = torch.ones(len(x), 1, height, width)
        centres = zip(self._places(len(x), height + 1), self._places(len(x), width + 1), strict=True)
        for one, (y, left) in zip(kept, centres, strict=True):
            one[:, max(0, y - high // 2) : y + high - high // 2, max(0, left - wide // 2) : left + wide - wide // 2] = 0
        return x * kept.to(x.device, x.dtype)

    def _draw(self, x: Tensor) -> Tensor:
        return torch.rand(len(x), 1, 1, 1, generator=self.random).to(x.device, x.dtype)

    def _places(self, count: int, most: int) -> list[int]:
        drawn: list[int] = torch.randint(most, (count,), generator=self.random).tolist()
        return drawn
