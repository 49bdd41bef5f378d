"""Instance normalisation with what stands around it, over whole maps: by PyTorch, or by Triton's kernels."""

from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from imgtrans.streaming.program import Normalisation
from imgtrans.streaming.steps import Padding

NOTHING = Padding()
MODES = {"zeros": "constant", "reflect": "reflect", "replicate": "replicate"}

WHOLE, PHASED, MOVED = 0, 1, 2  # how a map lies; see Held

TILE = 4096  # numbers that one program of a kernel holds at a time
# Programs that take sums, of which a processor of a card has several, and parts of a map, so few that one program adds
# them up. Measured on an H100: twice as many take 25 microseconds for a map instead of 22, four times as many 38.
PROGRAMS, MOST_PARTS = 1024, 256
PARTS = 32  # that it reads at a time
COUNTERS = 1024  # that are made at a time


@dataclass(frozen=True)
class Held:
    """A map, padded already or not.

    Attributes:
        whole: (N, channels, H, W), with its padding.
        padding: That it has.
        phased: ``WHOLE``, or ``PHASED``: four maps of a quarter of its size beside one another in the channels, of even
            and odd rows, and of these even and odd columns; or ``MOVED``: the same, where those of odd rows begin one
            further down, and of odd columns one further right, as of :class:`imgtrans.cuda.stages.Phased`.
    """

    whole: Tensor
    padding: Padding = NOTHING
    phased: int = WHOLE

    @property
    def inner(self) -> Tensor:
        """The map without its padding."""
        p = self.padding
        height, width = self.whole.shape[2:]
        return self.whole[:, :, p.top : height - p.bottom, p.left : width - p.right]

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """N, channels, height and width of the map without its padding."""
        n, channels, height, width = self.whole.shape
        if self.phased:
            less = self.phased == MOVED
            return n, channels // 4, 2 * (height - less), 2 * (width - less)
        p = self.padding
        return n, channels, height - p.top - p.bottom, width - p.left - p.right


class Normalise(Protocol):
    """Normalises a map.

    Attributes:
        by_pixel: Whether maps lie pixel by pixel in memory (channels last), and may be phased.
    """

    by_pixel: bool

    def __call__(
        self, given: Held, norm: Normalisation, before: Held | None, relu: bool, padding: Padding, kind: torch.dtype
    ) -> Held:
        """Normalise a map, add another, keep what is above zero, and pad the result.

        Args:
            given: The map.
            norm: How; its own ``relu`` is not asked.
            before: The map that is added, if there is one.
            relu: Whether only what is above zero is kept, in the end.
            padding: That the result gets, reflected or replicated, or none.
            kind: Of the result.
        """
        ...


def padded(x: Tensor, padding: Padding) -> Tensor:
    """Return a map with something around it."""
    sides = (padding.left, padding.right, padding.top, padding.bottom)
    return F.pad(x, sides, MODES[padding.kind]) if any(sides) else x


class ByPyTorch:
    """One operation after the other."""

    by_pixel = False

    def __call__(
        self, given: Held, norm: Normalisation, before: Held | None, relu: bool, padding: Padding, kind: torch.dtype
    ) -> Held:
        """See :class:`Normalise`."""
        weight, bias = (None if one is None else one.to(given.whole) for one in (norm.weight, norm.bias))
        y = F.instance_norm(given.inner, weight=weight, bias=bias, eps=norm.epsilon)
        if before is not None:
            y = before.inner + y
        if relu:
            y = y.relu()
        return Held(padded(y, padding).to(kind), padding)


class ByTriton:
    """Two kernels: sums and what is made of them, and all the rest at once.

    Args:
        narrowest: Channels of the narrowest map that is normalised; with one size of kernel for all, few are compiled.

    Raises:
        ImportError: If there is no Triton.
    """

    by_pixel = True

    def __init__(self, narrowest: int) -> None:
        from imgtrans.cuda import code  # noqa: PLC0415 - where there is no Triton, nobody asks for it

        self._code: Any = code
        self._channels = max(16, min(64, 1 << (narrowest.bit_length() - 1)))
        self._counters = Counters()

    def __call__(
        self, given: Held, norm: Normalisation, before: Held | None, relu: bool, padding: Padding, kind: torch.dtype
    ) -> Held:
        """See :class:`Normalise`."""
        n, channels, height, width = given.shape
        x = given.whole.contiguous(memory_format=torch.channels_last)
        groups, pixels = -(-channels // self._channels), TILE // self._channels
        affine = self._affine(given, x, norm)
        out = (height + padding.top + padding.bottom, width + padding.left + padding.right)
        made = torch.empty(n, channels, *out, dtype=kind, device=x.device, memory_format=torch.channels_last)
        added, inner = (x, x) if before is None else _by_pixel(before)
        self._code.apply[(-(-out[0] * out[1] // pixels), groups, n)](
            x, affine, inner, made, height, width, channels, added.shape[2], added.shape[3],
            padding.top, padding.left, *out,
            ADDED=before is not None, RELU=relu, REFLECTED=padding.kind != "replicate", PHASED=given.phased,
            PIXELS=pixels, CHANNELS=self._channels,
        )  # fmt: skip
        return Held(made, padding)

    def _affine(self, given: Held, x: Tensor, norm: Normalisation) -> Tensor:
        """Return what a map is multiplied with, and what is added then, (N, 2, channels)."""
        n, channels, height, width = given.shape
        groups, pixels = -(-channels // self._channels), TILE // self._channels
        # These depend on nothing but the size of a batch: so do the bytes that come out.
        wanted = max(1, min(MOST_PARTS, PROGRAMS // (n * groups)))
        each = -(-height * width // (wanted * pixels)) * pixels
        parts = -(-height * width // each)
        partial = torch.empty(n, parts, 2, channels, dtype=torch.float32, device=x.device)
        affine = torch.empty(n, 2, channels, dtype=torch.float32, device=x.device)
        learnt = norm.weight is not None and norm.bias is not None
        self._code.sums[(parts, groups, n)](
            x, partial, self._counters.at_least(n * groups, x.device),
            norm.weight if learnt else affine, norm.bias if learnt else affine, affine,
            height, width, channels, each, norm.epsilon,
            LEARNT=learnt, MOVED=given.phased == MOVED, PIXELS=pixels, CHANNELS=self._channels, PARTS=PARTS,
        )  # fmt: skip
        return affine


class Counters:
    """Zeros that programs of a kernel count with, who leave zeros again; all are kept, since recordings know them."""

    def __init__(self) -> None:
        self.kept: list[Tensor] = []

    def at_least(self, count: int, device: torch.device) -> Tensor:
        """Return so many, at least."""
        if not self.kept or self.kept[-1].numel() < count or self.kept[-1].device != device:
            self.kept.append(torch.zeros(max(count, COUNTERS), dtype=torch.int32, device=device))
        return self.kept[-1]


def _by_pixel(held: Held) -> tuple[Tensor, Tensor]:
    """Return a map whose channels lie together, and the same from its first pixel behind the padding on."""
    whole = held.whole.contiguous(memory_format=torch.channels_last)
    return whole, whole[:, :, held.padding.top :, held.padding.left :]
