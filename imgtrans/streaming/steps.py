"""Layers that look at neighbouring rows: which rows of the input a strip of the output needs, and how it is made."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import functional as F

FEW_CHANNELS = 4


@dataclass(frozen=True)
class Padding:
    """What is put around a map; strips get it at the picture's own edges only.

    Attributes:
        kind: ``zeros``, ``reflect`` or ``replicate``.
        left: Columns before the first.
        right: Columns behind the last.
        top: Rows above the first.
        bottom: Rows below the last.
    """

    kind: str = "zeros"
    left: int = 0
    right: int = 0
    top: int = 0
    bottom: int = 0

    def least(self) -> int:
        """Return how many rows and columns a map must have at least to be padded so."""
        return 1 + max(self.left, self.right, self.top, self.bottom) if self.kind == "reflect" else 1


class Step(ABC):
    """A layer that makes each row of its output from a few rows of its padded input.

    Attributes:
        padding: What its input is padded with before.
        channels: Of its output; 0 for those of its input.
    """

    padding: Padding
    channels: int

    @abstractmethod
    def size(self, height: int, width: int) -> tuple[int, int]:
        """Return height and width of the output for those of the input, not padded yet."""

    @abstractmethod
    def needs(self, start: int, stop: int) -> tuple[int, int]:
        """Return from and to which row of the padded input the rows ``start`` to ``stop`` of the output are made."""

    @abstractmethod
    def make(self, rows: Tensor, start: int, stop: int) -> Tensor:
        """Return rows ``start`` to ``stop`` of the output, made from the rows that they need, (1, C, rows, W)."""

    @abstractmethod
    def work(self, channels: int) -> float:
        """Return multiplications for each pixel of the output, for channels of the input."""

    def to(self, device: torch.device, precision: torch.dtype) -> None:  # noqa: B027 - some have none
        """Move what weights there are."""

    def span(self, rows: int) -> int:
        """Return the most rows of the padded input that so many rows of the output need."""
        return max(hi - lo for lo, hi in (self.needs(start, start + rows) for start in range(8, 16)))


@dataclass
class Convolution(Step):
    """A convolution, anti-aliased reduction included.

    Attributes:
        weight: (channels out, channels in / groups, h, w).
        bias: (channels out) or None.
        stride: Vertical and horizontal.
        dilation: Vertical and horizontal.
        groups: Of channels.
        columns: Zeros at either side that are not in ``padding``: PyTorch adds those without a copy.
    """

    weight: Tensor
    bias: Tensor | None
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1
    columns: int = 0
    padding: Padding = field(default_factory=Padding)
    _paired: Tensor | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.channels = self.weight.shape[0]

    def size(self, height: int, width: int) -> tuple[int, int]:
        """Return height and width of the output."""
        p = self.padding
        (h, w), d, s = self.weight.shape[2:], self.dilation, self.stride
        return (
            (height + p.top + p.bottom - d[0] * (h - 1) - 1) // s[0] + 1,
            (width + p.left + p.right + 2 * self.columns - d[1] * (w - 1) - 1) // s[1] + 1,
        )

    def needs(self, start: int, stop: int) -> tuple[int, int]:
        """Return from and to which row of the padded input."""
        reach = self.dilation[0] * (self.weight.shape[2] - 1) + 1
        return start * self.stride[0], (stop - 1) * self.stride[0] + reach

    def make(self, rows: Tensor, start: int, stop: int) -> Tensor:
        """Return rows of the output."""
        width = rows.shape[3] - self.weight.shape[3] + 1
        if self._paired is not None and (stop - start) % 2 == 0 and width % 2 == 0:
            bias = None if self.bias is None else self.bias.repeat_interleave(4)
            return F.pixel_shuffle(F.conv2d(rows, self._paired, bias, stride=2), 2)
        return F.conv2d(rows, self.weight, self.bias, self.stride, (0, self.columns), self.dilation, self.groups)

    def work(self, channels: int) -> float:
        """Return multiplications for each pixel of the output."""
        return self.weight.numel()

    def to(self, device: torch.device, precision: torch.dtype) -> None:
        """Move the weights."""
        self.weight = self.weight.to(device, precision).contiguous()
        self.bias = None if self.bias is None else self.bias.to(device, precision)
        self._paired = self._pair()

    def _pair(self) -> Tensor | None:
        """Return a kernel that makes 2x2 pixels at once, where there are so few channels that vectors stay empty.

        Measured for the last layer, 64 to 3 channels: 2.5 times as fast on a CPU, and the same sums.
        """
        alone = self.stride == self.dilation == (1, 1) and self.groups == 1 and not self.columns
        out, channels, h, w = self.weight.shape
        if not alone or out > FEW_CHANNELS or channels < 8 or self.weight.device.type != "cpu":
            return None
        paired = self.weight.new_zeros(out, 2, 2, channels, h + 1, w + 1)
        for y in (0, 1):
            for x in (0, 1):
                paired[:, y, x, :, y : y + h, x : x + w] = self.weight
        return paired.flatten(0, 2)


@dataclass
class Transposed(Step):
    """A transposed convolution, anti-aliased enlargement included.

    Attributes:
        weight: (channels in, channels out / groups, h, w).
        bias: (channels out) or None.
        stride: Vertical and horizontal.
        cut: Rows and columns that are cut off all around: what PyTorch calls its padding.
        extra: Rows and columns more at bottom and right: what PyTorch calls output padding.
        groups: Of channels.
        doubled: Of the convolution behind a doubling that this is the same as, (channels out, channels in, 3, 3).
    """

    weight: Tensor
    bias: Tensor | None
    stride: tuple[int, int]
    cut: tuple[int, int]
    extra: tuple[int, int] = (0, 0)
    groups: int = 1
    padding: Padding = field(default_factory=Padding)
    doubled: Tensor | None = None

    def __post_init__(self) -> None:
        self.channels = self.weight.shape[1] * self.groups

    def size(self, height: int, width: int) -> tuple[int, int]:
        """Return height and width of the output."""
        p = self.padding
        whole = (height + p.top + p.bottom, width + p.left + p.right)
        sides = [
            (whole[axis] - 1) * self.stride[axis] - 2 * self.cut[axis] + self.weight.shape[2 + axis] + self.extra[axis]
            for axis in (0, 1)
        ]
        return sides[0], sides[1]

    def needs(self, start: int, stop: int) -> tuple[int, int]:
        """Return from and to which row of the padded input."""
        s, cut, kernel = self.stride[0], self.cut[0], self.weight.shape[2]
        # Output row o is the sum over input rows i with 0 <= o + cut - i s < kernel.
        return max(0, -(-(start + cut - kernel + 1) // s)), (stop - 1 + cut) // s + 1

    def make(self, rows: Tensor, start: int, stop: int) -> Tensor:
        """Return rows of the output."""
        begin = start + self.cut[0] - self.needs(start, stop)[0] * self.stride[0]
        behind = (rows.shape[2] - 1) * self.stride[0] + self.weight.shape[2] - begin - (stop - start)
        cut = max(0, min(begin, behind))  # PyTorch cuts as much at either side
        made = F.conv_transpose2d(
            rows,
            self.weight,
            self.bias,
            self.stride,
            (cut, self.cut[1]),
            (max(0, -behind), self.extra[1]),
            groups=self.groups,
        )
        return made[:, :, begin - cut :][:, :, : stop - start]

    def work(self, channels: int) -> float:
        """Return multiplications for each pixel of the output."""
        return self.weight.numel() / (self.stride[0] * self.stride[1])

    def to(self, device: torch.device, precision: torch.dtype) -> None:
        """Move the weights."""
        self.weight = self.weight.to(device, precision).contiguous()
        self.bias = None if self.bias is None else self.bias.to(device, precision)


@dataclass
class Enlargement(Step):
    """Each pixel repeated, ``factor`` times both ways."""

    factor: int
    padding: Padding = field(default_factory=Padding)
    channels: int = 0

    def size(self, height: int, width: int) -> tuple[int, int]:
        """Return height and width of the output."""
        return height * self.factor, width * self.factor

    def needs(self, start: int, stop: int) -> tuple[int, int]:
        """Return from and to which row of the padded input."""
        return start // self.factor, (stop - 1) // self.factor + 1

    def make(self, rows: Tensor, start: int, stop: int) -> Tensor:
        """Return rows of the output."""
        begin = start % self.factor
        return F.interpolate(rows, scale_factor=self.factor)[:, :, begin : begin + stop - start]

    def work(self, channels: int) -> float:
        """Return multiplications for each pixel of the output."""
        return channels


@dataclass
class Interpolation(Step):
    """A map doubled both ways by weighing neighbours, those at the edge repeated.

    Attributes:
        mode: ``bilinear`` or ``bicubic``.
        reach: How many pixels away neighbours are weighed.
    """

    mode: str
    reach: int
    channels: int = 0

    def __post_init__(self) -> None:
        self.padding = Padding("replicate", self.reach, self.reach, self.reach, self.reach)

    def size(self, height: int, width: int) -> tuple[int, int]:
        """Return height and width of the output."""
        return 2 * height, 2 * width

    def needs(self, start: int, stop: int) -> tuple[int, int]:
        """Return from and to which row of the padded input."""
        return start // 2, (stop - 1) // 2 + 2 * self.reach + 1

    def make(self, rows: Tensor, start: int, stop: int) -> Tensor:
        """Return rows of the output."""
        larger = F.interpolate(rows, scale_factor=2, mode=self.mode, align_corners=False)
        begin, edge = start % 2 + 2 * self.reach, 2 * self.reach
        return larger[:, :, begin : begin + stop - start, edge:-edge]

    def work(self, channels: int) -> float:
        """Return multiplications for each pixel of the output."""
        return channels * 4 * self.reach**2


@dataclass
class Padded(Step):
    """Padding and nothing else, where no convolution follows that could take it."""

    padding: Padding
    channels: int = 0

    def size(self, height: int, width: int) -> tuple[int, int]:
        """Return height and width of the output."""
        p = self.padding
        return height + p.top + p.bottom, width + p.left + p.right

    def needs(self, start: int, stop: int) -> tuple[int, int]:
        """Return from and to which row of the padded input."""
        return start, stop

    def make(self, rows: Tensor, start: int, stop: int) -> Tensor:
        """Return rows of the output."""
        return rows

    def work(self, channels: int) -> float:
        """Return multiplications for each pixel of the output."""
        return channels
