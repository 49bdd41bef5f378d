"""What a network's program is made of where whole maps are computed: convolutions, and what stands between them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from imgtrans.cuda.normalising import MOVED, NOTHING, Held, Normalise, padded
from imgtrans.streaming.program import Normalisation
from imgtrans.streaming.steps import Convolution, Padding, Step, Transposed

LEAST_IN = 8  # channels that a matrix unit takes, at least, going in: 16 bytes in bfloat16


class Stage(Protocol):
    """One operation."""

    def __call__(self, given: Held, blocks: list[Held]) -> Held:
        """Return the next map.

        Args:
            given: The map.
            blocks: Those that are added later, the outermost first.
        """
        ...


@dataclass
class Convolve:
    """A convolution.

    Attributes:
        op: It.
        weight: As it is computed with; it may be for more channels than come in, the others of which are zero.
        bias: The same; None, too, where a normalisation follows, which takes it off again.
        layout: Of maps.
    """

    op: Convolution
    weight: Tensor
    bias: Tensor | None
    layout: torch.memory_format

    def __call__(self, given: Held, blocks: list[Held]) -> Held:
        """See :class:`Stage`."""
        x, around = _ready(given, self.op.padding, self.op.columns)
        op = self.op
        if (more := self.weight.shape[1] * op.groups - x.shape[1]) > 0:
            x = F.pad(x, (0, 0, 0, 0, 0, more))
        x = x.to(self.weight.dtype, memory_format=self.layout)
        return Held(F.conv2d(x, self.weight, self.bias, op.stride, around, op.dilation, op.groups))


@dataclass
class Phased:
    """A transposed convolution that doubles a map, as an ordinary one that makes each pixel's four at once.

    Pixels in even rows see other taps of the kernel than those in odd ones. Either see two rows of the map, odd ones a
    row further down. So there are four kernels of 2x2, and their maps, of H + 1 rows each, stand beside one another
    in the channels. Row i of the result is row i // 2 + i % 2 of those for even or odd rows; columns likewise.

    Attributes:
        weight: (4 channels out, channels in, 2, 2): for each of even and odd rows, and of these even and odd columns.
    """

    weight: Tensor

    def __call__(self, given: Held, blocks: list[Held]) -> Held:
        """See :class:`Stage`."""
        x = given.inner.to(self.weight.dtype, memory_format=torch.channels_last)
        return Held(F.conv2d(x, self.weight, padding=1), phased=MOVED)


@dataclass
class Transpose:
    """A transposed convolution as PyTorch has it; attributes as of :class:`Convolve`."""

    op: Transposed
    weight: Tensor
    bias: Tensor | None
    layout: torch.memory_format

    def __call__(self, given: Held, blocks: list[Held]) -> Held:
        """See :class:`Stage`."""
        op = self.op
        whole = given.whole if given.padding == op.padding else padded(given.inner, op.padding)
        x = whole.to(self.weight.dtype, memory_format=self.layout)
        return Held(F.conv_transpose2d(x, self.weight, self.bias, op.stride, op.cut, op.extra, op.groups))


@dataclass
class Make:
    """Any other step."""

    op: Step

    def __call__(self, given: Held, blocks: list[Held]) -> Held:
        """See :class:`Stage`."""
        height = self.op.size(*given.shape[2:])[0]
        first, last = self.op.needs(0, height)
        return Held(self.op.make(padded(given.inner, self.op.padding)[:, :, first:last], 0, height))


@dataclass
class Norm:
    """A normalisation, and what follows it up to the next convolution.

    Attributes:
        how: Who computes it.
        norm: It.
        ends: Whether a block ends behind it.
        relu: Whether only what is above zero is kept then.
        padding: Of the convolution that follows.
        kind: Of the result.
    """

    how: Normalise
    norm: Normalisation
    ends: bool
    relu: bool
    padding: Padding
    kind: torch.dtype

    def __call__(self, given: Held, blocks: list[Held]) -> Held:
        """See :class:`Stage`."""
        before = blocks.pop() if self.ends else None
        return self.how(given, self.norm, before, self.relu, self.padding, self.kind)


@dataclass
class Through:
    """A function of each pixel alone, in float32."""

    function: Callable[[Tensor], Tensor]

    def __call__(self, given: Held, blocks: list[Held]) -> Held:
        """See :class:`Stage`."""
        return Held(self.function(given.inner.float()))


class Open:
    """The map is added later."""

    def __call__(self, given: Held, blocks: list[Held]) -> Held:
        """See :class:`Stage`."""
        blocks.append(given)
        return given


@dataclass
class Close:
    """The map of the matching :class:`Open` is added."""

    relu: bool

    def __call__(self, given: Held, blocks: list[Held]) -> Held:
        """See :class:`Stage`."""
        y = blocks.pop().inner + given.inner
        return Held(y.relu() if self.relu else y)


def widened(op: Convolution) -> Tensor:
    """Return a weight for at least ``LEAST_IN`` channels, of which those that are not there count nothing."""
    channels = op.weight.shape[1]
    if op.groups != 1 or channels >= LEAST_IN:
        return op.weight
    return F.pad(op.weight, (0, 0, 0, 0, 0, LEAST_IN - channels))


def phases(op: Transposed) -> Tensor | None:
    """Return the weight of :class:`Phased`, or None where a transposed convolution is of another kind."""
    kernel, (cut, _), regular = op.weight.shape[2], op.cut, op.groups == 1 and op.padding == NOTHING
    square = op.weight.shape[3] == kernel and op.stride == (2, 2) and op.cut == (cut, cut)
    doubles = all(kernel + extra - 2 * cut == 2 for extra in op.extra)
    if not (regular and square and doubles and cut <= 1 and kernel <= cut + 3):
        return None
    channels, out = op.weight.shape[:2]
    made = op.weight.new_zeros(2, 2, out, channels, 2, 2)
    taps = [(odd, seen, cut + 2 - odd - 2 * seen) for odd in (0, 1) for seen in (0, 1)]
    for down, y, row in taps:
        for right, x, column in taps:
            if 0 <= row < kernel and 0 <= column < kernel:
                made[down, right, :, :, y, x] = op.weight[:, :, row, column].T
    return made.flatten(0, 2)


def _ready(given: Held, padding: Padding, columns: int) -> tuple[Tensor, tuple[int, int]]:
    """Return a map for a convolution, and the rows and columns of zeros that it adds itself."""
    if given.padding == padding:
        return given.whole, (0, columns)
    symmetric = padding.top == padding.bottom and padding.left == padding.right
    if padding.kind == "zeros" and symmetric:
        return given.inner, (padding.top, padding.left + columns)
    return padded(given.inner, padding), (0, columns)
