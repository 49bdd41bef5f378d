"""Convolutions of few pixels, as of one small picture, by a kernel that takes the statistics of what it makes, too."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from imgtrans.cuda.normalising import Counters, Held
from imgtrans.cuda.stages import Convolve
from imgtrans.streaming.program import Normalisation

# Numbers that a convolution makes, at most: more keep a card busy with the tiles that cuDNN has. 0 leaves all to cuDNN.
MOST = 0
KIND = torch.bfloat16  # of maps and weights

PIXELS, AT_ONCE = 64, 64  # of a tile; channels that are taken at a time
WIDE, NARROW = 128, 64  # channels of a tile: few of them where there are few in all
STAGES, WARPS, PARTS = 3, 4, 32


@dataclass
class Few:
    """A convolution with the statistics that its normalisation needs, where that makes few pixels; else as it is.

    Attributes:
        usual: The convolution as it is.
        norm: What follows it.
        weight: (h, w, channels in, channels out).
        counters: What programs count with.
    """

    usual: Convolve
    norm: Normalisation
    weight: Tensor
    counters: Counters

    def __call__(self, given: Held, blocks: list[Held]) -> Held:
        """See :class:`imgtrans.cuda.stages.Stage`."""
        from imgtrans.cuda import code_few  # noqa: PLC0415 - where there is no Triton, nobody makes one

        code: Any = code_few
        down, across, taken, channels = self.weight.shape
        n, (height, width) = given.shape[0], self.usual.op.size(*given.shape[2:])
        if n * height * width * channels > MOST or given.padding != self.usual.op.padding:
            return self.usual(given, blocks)
        x = given.whole.to(self.weight.dtype, memory_format=torch.channels_last)
        made = torch.empty(
            n, channels, height, width, dtype=x.dtype, device=x.device, memory_format=torch.channels_last
        )
        wide = WIDE if channels >= 2 * WIDE else NARROW
        parts, groups = -(-height * width // PIXELS), channels // wide
        partial = torch.empty(n, parts, 2, channels, dtype=torch.float32, device=x.device)
        affine = torch.empty(n, 2, channels, dtype=torch.float32, device=x.device)
        scale, shift = self.norm.weight, self.norm.bias
        learnt = scale is not None and shift is not None
        code.convolve[(parts, groups, n)](
            x, self.weight, made, partial, self.counters.at_least(n * groups, x.device),
            scale if learnt else affine, shift if learnt else affine, affine, height, width, self.norm.epsilon,
            LEARNT=learnt, DOWN=down, ACROSS=across, TAKEN=taken, CHANNELS=channels,
            PIXELS=PIXELS, MADE=wide, AT_ONCE=AT_ONCE, STAGES=STAGES, PARTS=PARTS, num_warps=WARPS,
        )  # fmt: skip
        return Held(made, affine=affine)


def few(usual: Convolve, norm: Normalisation) -> Few | None:
    """Return a convolution that has such a kernel, or None where it is of another kind.

    Args:
        usual: The convolution, ready.
        norm: What follows it, on its device.
    """
    op, weight = usual.op, usual.weight
    regular = op.stride == op.dilation == (1, 1) and op.groups == 1 and not op.columns
    whole = weight.shape[1] % AT_ONCE == 0 and weight.shape[0] % NARROW == 0 and weight.shape[1] == op.weight.shape[1]
    if not (regular and whole and weight.dtype is KIND):
        return None
    return Few(usual, norm, weight.permute(2, 3, 1, 0).contiguous(), Counters())
