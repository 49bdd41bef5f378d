"""3x3 convolutions with fewer products: each a sum over tiles, there and back."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

# Winograd's F(4, 3): four outputs from six inputs and three weights in six products. Source: Lavin and Gray, "Fast
# algorithms for convolutional neural networks", CVPR 2016.
_DATA = torch.tensor(
    [[4, 0, -5, 0, 1, 0], [0, -4, -4, 1, 1, 0], [0, 4, -4, -1, 1, 0],
     [0, -2, -1, 2, 1, 0], [0, 2, -1, -2, 1, 0], [0, 4, 0, -5, 0, 1]], dtype=torch.float64,
)  # fmt: skip
_WEIGHT = torch.tensor(
    [[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]], dtype=torch.float64
) / 24  # fmt: skip
_RESULT = torch.tensor(
    [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]], dtype=torch.float64
)
# The six inputs where each was doubled before: of the products one is always zero, and five are left.
_DOUBLED = torch.tensor(
    [[1, 0, 0, 0], [0, 1, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 1, 0], [0, 0, 0, 1]], dtype=torch.float64
)
_LEFT = [0, 1, 3, 4, 5]
_TILE = 4  # outputs of a tile's side


@dataclass(frozen=True)
class Tiling:
    """How a convolution is cut into tiles.

    Attributes:
        data: (P, side * side), from the values of a tile of the input to what is multiplied.
        weight: (P, 9), the same for the weights.
        result: (16, P), from the products to the 4 x 4 values of a tile of the output.
        side: Of a tile of the input, its values shared with its neighbours included.
        step: From one tile to the next; what is shared is two values.
    """

    data: Tensor
    weight: Tensor
    result: Tensor
    side: int
    step: int

    def count(self, length: int) -> int:
        """Return how many tiles so long an input has, which is without its two values of padding."""
        return -(-length // self.step)


def _tiling(data: Tensor, weight: Tensor, result: Tensor, step: int) -> Tiling:
    def both(matrix: Tensor) -> Tensor:
        return torch.kron(matrix, matrix).float()

    return Tiling(both(data), both(weight), both(result), data.shape[1], step)


PLAIN = _tiling(_DATA, _WEIGHT, _RESULT, step=4)
ENLARGED = _tiling((_DATA @ _DOUBLED)[_LEFT], _WEIGHT[_LEFT], _RESULT[:, _LEFT], step=2)


def convolve(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Convolve what is padded by one value already.

    Args:
        x: (N, H + 2, W + 2, C), contiguous.
        weight: (features, C, 3, 3).
        bias: (features), which is left out and has a gradient of 0, as is right before an instance normalisation.

    Returns:
        (N, H, W, features); of plain PyTorch's result it differs by 1e-5 of the largest value.
    """
    return _convolve(x, weight, bias, PLAIN)


def convolve_enlarged(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Double a picture by its nearest values, pad it by one zero, and convolve.

    Args:
        x: (N, H + 2, W + 2, C), contiguous, with zeros around it, before it is doubled.
        weight: (features, C, 3, 3).
        bias: (features), which is left out and has a gradient of 0, as is right before an instance normalisation.

    Returns:
        (N, 2 H, 2 W, features); of plain PyTorch's result it differs by 1e-5 of the largest value.
    """
    return _convolve(x, weight, bias, ENLARGED)


def _convolve(x: Tensor, weight: Tensor, bias: Tensor | None, tiling: Tiling) -> Tensor:
    height, width = x.shape[1:3]
    down, across = tiling.count(height - 2), tiling.count(width - 2)
    missing = down * tiling.step + 2 - height, across * tiling.step + 2 - width
    if any(missing):
        x = F.pad(x, (0, 0, 0, missing[1], 0, missing[0]))
    y: Tensor = _Convolution.apply(x, weight, bias, tiling)
    scale = _TILE // tiling.step
    return y[:, : scale * (height - 2), : scale * (width - 2)] if any(missing) else y


class _Convolution(torch.autograd.Function):
    """The products of tiles, and the same backwards: each of the three is linear, so its gradient is its transpose."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, tiling: Tiling) -> Tensor:
        """Return (N, 4 tiles down, 4 tiles across, features)."""
        n, height, width, channels = x.shape
        features = len(weight)
        down, across = tiling.count(height - 2), tiling.count(width - 2)
        row, column = x.stride(1), x.stride(2)
        tiles = x.as_strided(
            (tiling.side, tiling.side, n, down, across, channels),
            (row, column, x.stride(0), tiling.step * row, tiling.step * column, 1),
        )
        data = _each(tiling.data, _gathered(tiles))
        products = torch.bmm(data, _weights(weight, tiling).transpose(1, 2))
        ctx.save_for_backward(data, weight)
        ctx.tiling, ctx.shape = tiling, (n, down, across)
        y = _each(tiling.result, products)[:, :-1].view(_TILE, _TILE, n, down, across, features)
        return y.permute(2, 3, 0, 4, 1, 5).reshape(n, _TILE * down, _TILE * across, features)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None, None]:
        """Return the gradients of the input, the weights and the bias."""
        data, weight = ctx.saved_tensors
        tiling, (n, down, across) = ctx.tiling, ctx.shape
        (features, channels), points, step = weight.shape[:2], len(data), tiling.step
        tiles = gradients[0].reshape(n, down, _TILE, across, _TILE, features).permute(2, 4, 0, 1, 3, 5)
        products = _each(tiling.result.T, _gathered(tiles))
        of_weight = of_x = None
        of_bias = weight.new_zeros(features) if ctx.needs_input_grad[2] else None
        if ctx.needs_input_grad[1]:
            of_weights = torch.bmm(products.transpose(1, 2), data).view(points, -1)
            of_weight = (tiling.weight.T @ of_weights).T.view(features, channels, 3, 3)
        if ctx.needs_input_grad[0]:
            of_tiles = _each(tiling.data.T, torch.bmm(products, _weights(weight, tiling)))[:, :-1]
            of_tiles = of_tiles.view(tiling.side, tiling.side, n, down, across, channels).permute(2, 3, 0, 4, 1, 5)
            # What tiles share is the sum of both.
            whole = of_tiles.new_zeros(n, down + 1, step, across + 1, step, channels)
            whole[:, :-1, :, :-1] = of_tiles[:, :, :step, :, :step]
            whole[:, 1:, :2, :-1] += of_tiles[:, :, step:, :, :step]
            whole[:, :-1, :, 1:, :2] += of_tiles[:, :, :step, :, step:]
            whole[:, 1:, :2, 1:, :2] += of_tiles[:, :, step:, :, step:]
            whole = whole.view(n, step * (down + 1), step * (across + 1), channels)
            of_x = whole[:, : step * down + 2, : step * across + 2]
        return of_x, of_weight, of_bias, None


def _gathered(tiles: Tensor) -> Tensor:
    """Return tiles (down, across, N, Y, X, C) as (down * across, N * Y * X + 1, C), the last of them zeros.

    Without the last one, the values of a tile would mostly be a power of two apart, and so in few places of a cache:
    depending on which pages they happen to be in, a product of them took twice as long.
    """
    (down, across), channels = tiles.shape[:2], tiles.shape[-1]
    count = tiles.shape[2:5].numel()
    gathered = tiles.new_empty(down, across, count + 1, channels)
    gathered[:, :, :-1].view(tiles.shape).copy_(tiles)
    gathered[:, :, -1].zero_()
    return gathered.view(down * across, count + 1, channels)


def _each(matrix: Tensor, values: Tensor) -> Tensor:
    """Return (Q, T, C) of (P, T, C) by (Q, P)."""
    return (matrix @ values.view(len(values), -1)).view(-1, *values.shape[1:])


def _weights(weight: Tensor, tiling: Tiling) -> Tensor:
    """Return what data are multiplied with, (P, features, channels): four times the weights, so it is made twice."""
    return (tiling.weight @ weight.reshape(-1, 9).T).view(-1, *weight.shape[:2])
