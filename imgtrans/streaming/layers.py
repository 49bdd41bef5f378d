"""Steps that a kernel makes: which ones these are, and which rows and columns of its input it reads where."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from imgtrans.kernels import convolution
from imgtrans.kernels.convolution import Integers
from imgtrans.kernels.direct import Direct, Phase
from imgtrans.kernels.team import Floats
from imgtrans.kernels.winograd import DOUBLED, ENLARGED, HALVED, WHOLE, Winograd
from imgtrans.streaming.program import Normalisation, Op
from imgtrans.streaming.steps import Convolution, Padding, Transposed

if TYPE_CHECKING:
    from imgtrans.kernels.library import Library


@dataclass(frozen=True)
class Layer:
    """A convolution by a kernel.

    Attributes:
        kernel: It.
        padding: Of its input.
        larger: How often each pixel of the input is repeated first, both ways.
        stride: Rows and columns of the padded input from one row or column of the output to the next.
        step: Those of the output from one to the next in the padded input, where there are more of them.
        reach: Rows and columns of the padded input that one group of the output needs.
        lead: How many of them are before the one that it begins with.
    """

    kernel: convolution.Convolution
    padding: Padding
    larger: int = 1
    stride: tuple[int, int] = (1, 1)
    step: tuple[int, int] = (1, 1)
    reach: tuple[int, int] = (3, 3)
    lead: tuple[int, int] = (0, 0)

    def rows(self, height: int) -> Integers:
        """Return for each row of the padded input, the lead included, the row of the input that it is; -1 for zeros."""
        edges, around = (self.padding.top, self.padding.bottom), (self.lead[0], self.reach[0])
        return _table(self.padding.kind, edges, height, self.larger, around)

    def columns(self, width: int) -> Integers:
        """Return the same for columns."""
        edges, around = (self.padding.left, self.padding.right), (self.lead[1], self.reach[1])
        return _table(self.padding.kind, edges, width, self.larger, around)

    def window(self, start: int, stop: int) -> tuple[int, int]:
        """Return from and to which entry of :meth:`rows` some rows of the output are made; ``start`` begins a group."""
        first = start // self.step[0] * self.stride[0]
        return first, ((stop - 1) // self.step[0]) * self.stride[0] + self.reach[0]


@lru_cache(maxsize=256)  # pictures come in few sizes
def _table(kind: str, edges: tuple[int, int], length: int, larger: int, around: tuple[int, int]) -> Integers:
    """Return which row or column of a map each of the padded one is; -1 for zeros."""
    length *= larger
    at = np.arange(-edges[0], length + edges[1])
    if kind == "reflect":
        at = np.abs(at)
        at = np.where(at >= length, 2 * length - 2 - at, at)
    elif kind == "replicate":
        at = np.clip(at, 0, length - 1)
    else:
        at = np.where((at < 0) | (at >= length), -1, at)
    at = np.where(at < 0, -1, at // larger)
    found = np.concatenate([np.full(around[0], -1), at, np.full(around[1] + 8, -1)]).astype(np.int64)
    found.flags.writeable = False
    return found


def layers_of(program: Sequence[Op], library: "Library") -> dict[int, Layer]:
    """Return the operations of a program that kernels can make, by their places; PyTorch makes the others."""
    found = {}
    for at, op in enumerate(program):
        normalised = at + 1 < len(program) and isinstance(program[at + 1], Normalisation)
        layer = None
        if isinstance(op, Convolution):
            layer = _convolution(op, library, last=not normalised)
        elif isinstance(op, Transposed):
            layer = _transposed(op, library)
        if layer is not None:
            found[at] = layer
    return found


def _convolution(op: Convolution, library: "Library", *, last: bool) -> Layer | None:
    if op.groups != 1 or op.dilation != (1, 1):
        return None
    padding = op.padding
    if op.columns:
        padding = Padding("zeros", op.columns, op.columns, padding.top, padding.bottom)
    weight, bias = _floats(op.weight), _floats(op.bias)
    h, w = op.weight.shape[2:]
    scheme = {(1, 1): WHOLE, (2, 2): HALVED}.get(op.stride)
    if scheme and (h, w) == (3, 3) and _fills_vectors(op.weight, library):
        return Layer(Winograd(library, weight, bias, scheme), padding, stride=op.stride)
    kernel = Direct(library, [Phase(weight)], bias, op.stride, last=last)
    return Layer(kernel, padding, stride=op.stride, reach=(h, w + kernel.together))


def _transposed(op: Transposed, library: "Library") -> Layer | None:
    if op.groups != 1:
        return None
    if op.doubled is not None and _fills_vectors(op.doubled, library):
        kernel = Winograd(library, _floats(op.doubled), _floats(op.bias), ENLARGED)
        return Layer(kernel, Padding("zeros", 1, 1, 1, 1), larger=2)
    weight = _floats(op.weight.transpose(0, 1))
    shape = (tuple(op.weight.shape[2:]), op.stride, op.cut)
    if shape == ((3, 3), (2, 2), (1, 1)) and _fills_vectors(op.weight, library):
        kernel = Winograd(library, weight, _floats(op.bias), DOUBLED)
        return Layer(kernel, op.padding, step=op.stride, reach=(2, 2))
    down, across = (_phases(op.weight.shape[2 + axis], op.stride[axis], op.cut[axis]) for axis in (0, 1))
    lead = max(0, *(-first for _, first in down)), max(0, *(-first for _, first in across))
    phases = [
        Phase(np.ascontiguousarray(weight[:, :, rows][:, :, :, columns]), top + lead[0], left + lead[1], y, x)
        for y, (rows, top) in enumerate(down)
        for x, (columns, left) in enumerate(across)
    ]
    direct = Direct(library, phases, _floats(op.bias), step=op.stride)
    reach = [max(first + len(taps) for taps, first in those) for those in (down, across)]
    return Layer(direct, op.padding, step=op.stride, reach=(reach[0] + lead[0], reach[1] + lead[1]), lead=lead)


def _phases(kernel: int, stride: int, cut: int) -> list[tuple[list[int], int]]:
    """Return for each phase of a transposed convolution its taps, and the first row of the input that they are for.

    To the output's row ``stride * q + phase`` the input's row ``i`` contributes by the tap that makes
    ``stride * i + tap`` that row, and what is cut off before it.
    """
    found = []
    for phase in range(stride):
        taps = list(range((phase + cut) % stride, kernel, stride))[::-1]
        found.append((taps, (phase + cut - taps[0]) // stride))
    return found


def _fills_vectors(weight: Tensor, library: "Library") -> bool:
    lanes = library.machine.lanes
    return weight.shape[0] % lanes == weight.shape[1] % lanes == 0


def _floats(values: Tensor | None) -> Floats:
    if values is None:
        return None  # type: ignore[return-value]
    floats: Floats = values.detach().to("cpu", torch.float32).numpy()
    return floats
