"""Mean and variance of each channel of a map that comes in strips."""

import torch
from torch import Tensor


class Statistics:
    """Gathers count, mean and sum of squared deviations in float64, and merges strips by Chan's formula.

    Source: Chan, Golub, LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances", 1979.

    Args:
        channels: Of the map.
        device: Where it is.
    """

    def __init__(self, channels: int, device: torch.device) -> None:
        self._count = 0
        self._mean = torch.zeros(channels, dtype=torch.float64, device=device)
        self._squares = torch.zeros_like(self._mean)

    def add(self, rows: Tensor) -> None:
        """Take in a strip, (1, channels, rows, width)."""
        flat = rows.float().flatten(2)[0]
        count = flat.shape[1]
        mean = flat.mean(dim=1)
        # Twice over a strip that is still in the cache is quicker than PyTorch's one pass, and as precise.
        squares = torch.linalg.vector_norm(flat - mean[:, None], dim=1).double().square()
        apart = mean.double() - self._mean
        total = self._count + count
        self._mean += apart * (count / total)
        self._squares += squares + apart.square() * (self._count * count / total)
        self._count = total

    def affine(self, epsilon: float, weight: Tensor | None, bias: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return what a channel is multiplied with and what is added, to normalise it: float32, (1, channels, 1, 1).

        Args:
            epsilon: Added to the variance.
            weight: Scale behind the normalisation, (channels), or None.
            bias: Shift behind it, (channels), or None.
        """
        scale = (self._squares / self._count + epsilon).rsqrt()
        if weight is not None:
            scale = scale * weight.to(scale)
        shift = -self._mean * scale
        if bias is not None:
            shift = shift + bias.to(shift)
        return scale.float().view(1, -1, 1, 1), shift.float().view(1, -1, 1, 1)
