"""Both ends of a network: pictures to what its first convolution takes, and what its last one makes to pictures.

A convolution of few channels leaves most of a matrix unit empty. The first one is given, of two rows at a time, all
that 2x2 pixels see, and makes these at once; the last one makes several pixels at once, and of those sums of each row
of its kernel, which are added afterwards. The products are the same.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from imgtrans.cuda.normalising import PHASED, Held
from imgtrans.streaming.steps import Convolution, Padding

FEW = 4  # channels: so few leave most of a matrix unit empty
MANY = 16  # channels: from so many on the last layer has something to gain
GATHERED = 64  # numbers that the first convolution is given of each 2x2 pixels, at most: 48 for three colours and 7x7
ALIGNED = 64  # channels that a matrix unit likes a multiple of: measured, 48 take 0.108 ms where 64 take 0.093

PIXELS, NUMBERS = 64, 1024  # that one program of a kernel makes at a time


@dataclass(frozen=True)
class Block:
    """How many pixels the last convolution makes at once.

    Attributes:
        down: Rows.
        across: Columns.
        rowwise: Whether sums of each row of the kernel are added afterwards; ``down`` is 1 then.
    """

    down: int
    across: int
    rowwise: bool


# The choice depends on nothing, since bytes may depend on it.
LAST = Block(1, 2, rowwise=True)


class Ends(Protocol):
    """Makes maps of pictures and pictures of maps, whose channels lie together."""

    def enter(self, pictures: Tensor, first: "First", kind: torch.dtype) -> Tensor:
        """Return what the first convolution takes, (N, GATHERED, rows, columns), of (N, H, W, C)."""
        ...

    def leave(self, given: Tensor, last: "Last", *, tanh: bool, pictures: Tensor) -> None:
        """Fill pictures, (N, H, W, C), with what the last convolution made of them."""
        ...


@dataclass
class First:
    """The first convolution, which makes 2x2 pixels at once.

    Attributes:
        op: It.
        weight: (4 channels out, GATHERED, rows, 1).
        bias: None where a normalisation follows.
    """

    op: Convolution
    weight: Tensor

    @property
    def across(self) -> int:
        """Pixels beside one another that 2x2 pixels see."""
        return self.op.weight.shape[3] + 1

    def fits(self, height: int, width: int) -> bool:
        """Whether it makes pictures of a size so."""
        made, padding = self.op.size(height, width), self.op.padding
        return not any(side % 2 for side in made) and min(height, width) >= padding.least()

    def size(self, height: int, width: int) -> tuple[int, int]:
        """Return rows and columns of what it takes."""
        made = self.op.size(height, width)
        return made[0] // 2 + self.weight.shape[2] - 1, made[1] // 2

    def __call__(self, pictures: Tensor, ends: Ends) -> Held:
        """Return the map that it makes of pictures."""
        return Held(F.conv2d(ends.enter(pictures, self, self.weight.dtype), self.weight), phased=PHASED)


@dataclass
class Last:
    """The last convolution, which makes several pixels at once.

    Attributes:
        op: It.
        block: How many.
        weight: (channels out, channels in times what ``across`` stand beside one another, h, w).
        bias: In float32, or None.
    """

    op: Convolution
    block: Block
    weight: Tensor
    bias: Tensor | None

    @property
    def taps(self) -> int:
        """Sums that are added afterwards."""
        return self.op.weight.shape[2] if self.block.rowwise else 1

    def fits(self, given: Held) -> bool:
        """Whether it makes pictures of a map so."""
        height, width = self.op.size(*given.shape[2:])
        whole = given.padding == self.op.padding and given.whole.shape[3] % self.block.across == 0
        return whole and height % self.block.down == 0 and width % self.block.across == 0

    def __call__(self, given: Held, ends: Ends, *, tanh: bool, pictures: Tensor) -> None:
        """Fill pictures, (N, H, W, C)."""
        x = given.whole.contiguous(memory_format=torch.channels_last).permute(0, 2, 3, 1)
        n, height, width, channels = x.shape
        across = self.block.across
        x = x.reshape(n, height, width // across, across * channels).permute(0, 3, 1, 2)
        made = F.conv2d(x.to(self.weight.dtype), self.weight, stride=(self.block.down, 1))
        ends.leave(made, self, tanh=tanh, pictures=pictures)


def first_weight(op: Convolution) -> Tensor | None:
    """Return the weight of :class:`First`, or None where a convolution is of another kind."""
    out, colours, h, w = op.weight.shape
    regular = op.stride == op.dilation == (1, 1) and op.groups == 1 and not op.columns
    if not regular or (op.padding.kind == "zeros" and op.padding != Padding()) or 2 * (w + 1) * colours > GATHERED:
        return None
    made = op.weight.new_zeros(2, 2, out, (h + 2) // 2, 2, w + 1, colours)  # ..., rows, either row, columns, colours
    for down in (0, 1):
        for row in range(h):
            seen, which = divmod(row + down, 2)
            for right in (0, 1):
                made[down, right, :, seen, which, right : right + w] = op.weight[:, :, row].movedim(1, 2)
    gathered = made.flatten(4).movedim(4, 3).flatten(0, 2)
    return F.pad(gathered, (0, 0, 0, GATHERED - gathered.shape[1])).unsqueeze(3)


def last_weight(op: Convolution, block: Block) -> Tensor | None:
    """Return the weight of :class:`Last`, or None where a convolution is of another kind."""
    out, channels, h, w = op.weight.shape
    regular = op.stride == op.dilation == (1, 1) and op.groups == 1 and not op.columns
    if not regular or out > FEW or channels < MANY:
        return None
    taps, down, across = (h if block.rowwise else 1), block.down, block.across
    wide = -(-(w + across - 1) // across) * across
    made = op.weight.new_zeros(taps, down, across, out, channels, h // taps + down - 1, wide)
    for row in range(h):
        for lower in range(down):
            for right in range(across):
                tap, seen = (row, 0) if block.rowwise else (0, row + lower)
                made[tap, lower, right, :, :, seen, right : right + w] = op.weight[:, :, row]
    made = made.flatten(0, 3)
    made = made.view(*made.shape[:3], -1, across).movedim(4, 1).flatten(1, 2)
    return F.pad(made, (0, 0, 0, 0, 0, 0, 0, -len(made) % ALIGNED))


class EndsByTriton:
    """A kernel each.

    Raises:
        ImportError: If there is no Triton.
    """

    def __init__(self) -> None:
        from imgtrans.cuda import code_ends  # noqa: PLC0415 - where there is no Triton, nobody asks for it

        self._code: Any = code_ends

    def enter(self, pictures: Tensor, first: First, kind: torch.dtype) -> Tensor:
        """See :class:`Ends`."""
        assert pictures.is_contiguous()
        n, height, width, colours = pictures.shape
        rows, columns = first.size(height, width)
        made = torch.empty(
            n, GATHERED, rows, columns, dtype=kind, device=pictures.device, memory_format=torch.channels_last
        )
        padding = first.op.padding
        self._code.enter[(-(-rows * columns // PIXELS), n)](
            pictures, made, half(pictures), height, width, padding.top, padding.left, rows, columns,
            WHOLE=not pictures.is_floating_point(), REFLECTED=padding.kind != "replicate", COLOURS=colours,
            ACROSS=first.across, PIXELS=PIXELS, CHANNELS=GATHERED, enable_fp_fusion=False,
        )  # fmt: skip
        return made

    def leave(self, given: Tensor, last: Last, *, tanh: bool, pictures: Tensor) -> None:
        """See :class:`Ends`."""
        assert pictures.is_contiguous()
        given = given.contiguous(memory_format=torch.channels_last)
        n, height, width, colours = pictures.shape
        _, channels, rows, columns = given.shape
        self._code.leave[(-(-height * width * colours // NUMBERS), n)](
            given, given if last.bias is None else last.bias, pictures, half(pictures), height, width,
            rows, columns, channels,
            WHOLE=not pictures.is_floating_point(), TANH=tanh, BIASED=last.bias is not None, COLOURS=colours,
            TAPS=last.taps, DOWN=last.block.down, ACROSS=last.block.across, NUMBERS=NUMBERS, enable_fp_fusion=False,
        )  # fmt: skip


def half(pictures: Tensor) -> float:
    """Return half of the largest whole number; 1 for pictures that are in [-1, 1] already."""
    return 1.0 if pictures.is_floating_point() else torch.iinfo(pictures.dtype).max / 2


def as_map(pictures: Tensor) -> Tensor:
    """Return pictures, (N, H, W, C), as a map, (N, C, H, W), in float32 and in [-1, 1]."""
    x = pictures.permute(0, 3, 1, 2).to(torch.float32)
    return x if pictures.is_floating_point() else x.div_(half(pictures)).sub_(1.0)


def as_pictures(y: Tensor, pictures: Tensor) -> None:
    """Fill pictures, (N, H, W, C), with a map, (N, C, H, W); rounding is that of every backend."""
    y = y.float()
    if not pictures.is_floating_point():
        y = y.add(1.0).mul_(half(pictures)).round_().clamp_(0, 2 * half(pictures)).to(pictures.dtype)
    pictures.copy_(y.permute(0, 2, 3, 1).contiguous())
