"""What the kernels at both ends of a network do, said in PyTorch."""

import torch
from torch import Tensor
from torch.nn import functional as F

from imgtrans.cuda.ends import GATHERED, First, Last, as_map, as_pictures
from imgtrans.cuda.normalising import padded
from imgtrans.streaming.steps import Step


class EndsByPyTorch:
    """See :class:`imgtrans.cuda.ends.Ends`."""

    def enter(self, pictures: Tensor, first: First, kind: torch.dtype) -> Tensor:
        x = F.pad(padded(as_map(pictures), first.op.padding), (0, 2, 0, 2), "replicate")
        rows, columns = first.size(*pictures.shape[1:3])
        seen = [
            x[:, :, row : row + 2 * rows : 2, column : column + 2 * columns : 2][:, :, :rows, :columns]
            for row in (0, 1)
            for column in range(first.across)
        ]
        gathered = torch.cat(seen, dim=1)
        return F.pad(gathered, (0, 0, 0, 0, 0, GATHERED - gathered.shape[1])).to(kind)

    def leave(self, given: Tensor, last: Last, *, tanh: bool, pictures: Tensor) -> None:
        n, height, width, colours = pictures.shape
        down, across = last.block.down, last.block.across
        numbers = given.float()[:, : last.taps * down * across * colours].unflatten(1, (last.taps, -1))
        rows = height // down
        y = sum(numbers[:, tap, :, tap : tap + rows] for tap in range(last.taps))
        y = y.unflatten(1, (down, across, colours)).permute(0, 3, 4, 1, 5, 2).reshape(n, colours, height, width)
        if last.bias is not None:
            y = y + last.bias.view(1, -1, 1, 1)
        as_pictures(y.tanh() if tanh else y, pictures)


def through(program, x: Tensor) -> Tensor:  # type: ignore[no-untyped-def]
    """Return what a program makes of a map, (N, C, H, W), in float32."""
    with torch.inference_mode():
        given = x.permute(0, 2, 3, 1).contiguous()
        height, width = program.size(*x.shape[2:])
        colours = [op.channels or x.shape[1] for op in program._ops if isinstance(op, Step)]
        made = torch.empty(len(x), height, width, (colours or [x.shape[1]])[-1])
        program(given, made)
        return made.permute(0, 3, 1, 2)
