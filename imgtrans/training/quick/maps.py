"""Normalisation, ReLU, sums and reflected edges of maps on a card, each a pass or two there and back."""

import os
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from imgtrans.cuda.compiling import kept_compiled

PLAIN, PHASED, MOVED = range(3)  # kinds of maps; see the kernels

_TILE = 2048  # numbers that one program of a kernel holds at a time
_MOST_WIDE = 64  # channels of them
_LEAST_EACH, _MOST_PARTS = 128, 512  # pixels of a part that sums are taken of; parts of a map


def is_here(x: Tensor) -> bool:
    """Whether kernels compute for a tensor: it is on a card, or Triton interprets them."""
    return x.is_cuda or os.environ.get("TRITON_INTERPRET") == "1"


def why_not(device: torch.device) -> str:
    """Say why kernels cannot compute on a device; "" if they can, which is tried on a small map."""
    try:
        kept_compiled()
        x = torch.arange(2 * 16 * 6 * 8.0, device=device).sin().view(2, 16, 6, 8).requires_grad_()
        with torch.enable_grad():
            made, expected = normalise(x, 1e-5, Shape(padding=1)), F.pad(F.instance_norm(x), (1,) * 4, mode="reflect")
            gradients = [torch.autograd.grad(one.square().sum(), x)[0] for one in (made.sin(), expected.sin())]
        torch.testing.assert_close(made, expected, rtol=1e-3, atol=1e-3)
        torch.testing.assert_close(*gradients, rtol=1e-3, atol=1e-3)
    except Exception as error:  # a compiler may fail in any way, and plain PyTorch goes on without it
        return f"Triton's kernels cannot be had here ({' '.join(str(error).split())[:200] or type(error).__name__})"
    return ""


@dataclass(frozen=True)
class Shape:
    """What a pass does to a map, and how it lies in memory.

    Attributes:
        padding: Rows and columns that are reflected on each side.
        given: The kind of the map.
        made: The kind of what is made.
        slope: Of what is below zero; 1 changes nothing.
    """

    padding: int = 0
    given: int = PLAIN
    made: int = PLAIN
    slope: float = 1.0

    def sides(self, x: Tensor) -> tuple[int, int, int, int]:
        """Return N, channels, height and width of a map, whatever its kind."""
        n, channels, height, width = x.shape
        if self.given == PLAIN:
            return n, channels, height, width
        less = int(self.given == MOVED)
        return n, channels // 4, 2 * (height - less), 2 * (width - less)


def normalise(x: Tensor, epsilon: float, shape: Shape, before: Tensor | None = None) -> Tensor:
    """Bring each channel of each picture to a mean of 0 and a deviation of 1, as ``nn.InstanceNorm2d`` does, and more.

    Args:
        x: (N, C, H, W), or phased (N, 4 C, ...).
        epsilon: Added to the variance.
        shape: What is done then: the slope below zero, and the padding.
        before: Added to it before it is padded, (N, C, H, W).

    Returns:
        (N, C, H + 2 padding, W + 2 padding), its channels together in memory, or phased.
    """
    made: Tensor = _Normalise.apply(x, before, epsilon, shape)
    return made


def reflect(x: Tensor, padding: int) -> Tensor:
    """Reflect the edges of a map (N, C, H, W), as ``nn.ReflectionPad2d`` does; its channels then lie together."""
    made: Tensor = _Reflect.apply(x, Shape(padding))
    return made


def mean_excess(x: Tensor, usual: float, epsilon: float) -> Tensor:
    """Return the mean square of what the normalised values of a map (N, C, H, W) are beyond the usual.

    Args:
        x: The map.
        usual: How far from zero a value may be.
        epsilon: Added to the deviation.
    """
    made: Tensor = _Excess.apply(x, usual, epsilon)
    return made


class _Normalise(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, before: Tensor | None, epsilon: float, shape: Shape) -> Tensor:
        x = _by_pixel(x)
        kernels = _Kernels(x, shape)
        settled = kernels.settled(epsilon, 0)
        ctx.save_for_backward(x, settled)
        ctx.shape, ctx.added = shape, before is not None
        return kernels.forward(settled, None if before is None else _by_pixel(before))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor | None, None, None]:
        x, settled = ctx.saved_tensors
        gradient = _by_pixel(gradients[0])
        made = _Kernels(x, ctx.shape).backward(gradient, settled)
        return made, gradient if ctx.added else None, None, None


class _Reflect(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, shape: Shape) -> Tensor:
        x = _by_pixel(x)
        ctx.shape, ctx.like = shape, (x.shape, x.dtype)
        return _Kernels(x, shape).forward(None, None)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (shape, dtype), gradient = ctx.like, _by_pixel(gradients[0])
        like = torch.empty(shape, dtype=dtype, device=gradient.device, memory_format=torch.channels_last)
        return _Kernels(like, ctx.shape).backward(gradient, None), None


class _Excess(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, usual: float, epsilon: float) -> Tensor:
        x = _by_pixel(x)
        kernels = _Kernels(x, Shape(slope=usual))
        settled = kernels.settled(epsilon, 1)
        ctx.save_for_backward(x, settled)
        ctx.usual, ctx.epsilon = usual, epsilon
        return kernels.excess(settled) / x.numel()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        x, settled = ctx.saved_tensors
        each = gradients[0].float() * (2 / x.numel())
        kernels = _Kernels(x, Shape(slope=ctx.usual))
        return kernels.backward(each, settled, spikes=True, epsilon=ctx.epsilon), None, None


class _Kernels:
    """The kernels, for one map.

    Args:
        x: The map, its channels together.
        shape: What is done to it.
    """

    def __init__(self, x: Tensor, shape: Shape) -> None:
        from imgtrans.training.quick import backcode, code  # noqa: PLC0415 - Triton is not everywhere

        self._code: Any = code
        self._back: Any = backcode
        self._x, self._shape = x, shape
        self._n, self._channels, self._height, self._width = shape.sides(x)
        wide = max(16, min(_MOST_WIDE, 1 << (self._channels - 1).bit_length()))
        self._groups, self._pixels = -(-self._channels // wide), _TILE // wide
        self._tile = {"PIXELS": self._pixels, "CHANNELS": wide}
        self._sides = self._height, self._width, self._channels
        pixels = self._height * self._width
        # These depend on nothing but the size of the map: so do the bits that come out.
        self._each = max(_LEAST_EACH, -(-pixels // (_MOST_PARTS * self._pixels)) * self._pixels)
        self._parts = -(-pixels // self._each)

    def settled(self, epsilon: float, what: int) -> Tensor:
        """Return mean and scale, (N, 2, C); see the kernel of that name for ``what``."""
        partial = self._floats(self._parts, 2)
        self._code.moments[self._grid_of_parts](
            self._x, partial, *self._sides, self._each, KIND=self._shape.given, **self._tile
        )
        return self._settle(partial, epsilon, what)

    def forward(self, settled: Tensor | None, before: Tensor | None) -> Tensor:
        """Return what is made of the map, normalised if there is a mean and a scale."""
        shape, padding = self._shape, 2 * self._shape.padding
        height, width = self._height + padding, self._width + padding
        made = self._map(shape.made, height, width)
        self._code.forward[(-(-height * width // self._pixels), self._groups, self._n)](
            self._x, self._x if settled is None else settled, self._x if before is None else before, made,
            *self._sides, shape.slope,
            NORMED=settled is not None, BENT=shape.slope != 1, ADDED=before is not None, PADDING=shape.padding,
            KIND=shape.given, MADE=shape.made, **self._tile,
        )  # fmt: skip
        return made

    def backward(
        self, gradient: Tensor, settled: Tensor | None, *, spikes: bool = False, epsilon: float = 0.0
    ) -> Tensor:
        """Return the gradient of the map, of that of what :meth:`forward` made of it, or of one number."""
        shape = self._shape
        how = {"SPIKES": spikes, "PADDING": shape.padding, "KIND": shape.given, "MADE": shape.made, **self._tile}
        how["BENT"] = not spikes and shape.slope != 1
        means = settled
        if settled is not None:
            partial = self._floats(self._parts, 2)
            self._back.back_moments[self._grid_of_parts](
                gradient, self._x, settled, partial, *self._sides, self._each, shape.slope, **how
            )
            means = self._settle(partial, 0.0, 2)
        # What a moved map has too much of is nobody's output, and gets no gradient.
        made = torch.zeros_like(self._x) if shape.given == MOVED else torch.empty_like(self._x)
        self._back.backward[(-(-self._height * self._width // self._pixels), self._groups, self._n)](
            gradient, self._x, self._x if settled is None else settled, self._x if means is None else means, made,
            *self._sides, shape.slope, epsilon, NORMED=settled is not None, **how,
        )  # fmt: skip
        return made

    def excess(self, settled: Tensor) -> Tensor:
        """Return the sum of the squares of what is beyond the usual."""
        partial = self._floats(self._parts)
        self._code.excess[self._grid_of_parts](
            self._x, settled, partial, *self._sides, self._each, self._shape.slope, **self._tile
        )
        return partial.sum()

    def _settle(self, partial: Tensor, epsilon: float, what: int) -> Tensor:
        made = self._floats(2)
        self._code.settle[(self._groups, self._n)](
            self._x, partial, made, self._parts, *self._sides, epsilon,
            WHAT=what, KIND=self._shape.given, PARTS=32, CHANNELS=self._tile["CHANNELS"],
        )  # fmt: skip
        return made

    @property
    def _grid_of_parts(self) -> tuple[int, int, int]:
        return self._parts, self._groups, self._n

    def _floats(self, *shape: int) -> Tensor:
        return torch.empty(self._n, *shape, self._channels, dtype=torch.float32, device=self._x.device)

    def _map(self, kind: int, height: int, width: int) -> Tensor:
        shape = (self._channels, height, width) if kind == PLAIN else (4 * self._channels, height // 2, width // 2)
        made = torch.empty(
            self._n, *shape, dtype=self._x.dtype, device=self._x.device, memory_format=torch.channels_last
        )
        return made


def _by_pixel(x: Tensor) -> Tensor:
    return x.contiguous(memory_format=torch.channels_last)
