"""The stages of one pass, put together: from the map that was stored last to the next normalisation."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from imgtrans.streaming.maps import Map
from imgtrans.streaming.planning import Pass, Plan, heights
from imgtrans.streaming.program import Begin, End, Normalisation, Op, Pointwise
from imgtrans.streaming.stages import Fork, Kept, Made, Normalised, Stage, Stepped, Stored, Sum, Through

Affine = Mapping[int, tuple[Tensor, Tensor]]


class Chain:
    """The stages of one pass.

    Args:
        program: The network.
        how: The plan.
        part: The pass.
        stored: The map it begins with; None for the picture.
        inputs: Of the blocks that this map is within, the outermost first.
        source: Gives rows of the picture.
        affine: What each normalisation before multiplies with and adds.
        new_map: Makes room for the map before an operation.
        precision: Of the maps.

    Attributes:
        stage: The last stage.
        inputs: Of the blocks that the result is within, stored as the pass goes on.
    """

    def __init__(
        self,
        program: Sequence[Op],
        how: Plan,
        part: Pass,
        *,
        stored: Map | None,
        inputs: Sequence[Map],
        source: Callable[[int, int], Tensor],
        affine: Affine,
        new_map: Callable[[int], Map],
        precision: torch.dtype,
    ) -> None:
        self._keep = part.keep
        self._readings: list[Stored] = []
        rows = heights(program, how.shapes, part)
        stage = Made(how.shapes[0], source) if stored is None else self._reading(stored)
        open_blocks: list[Map | Stage] = [*inputs]
        closed = closed_within(program, part)
        for at, op in enumerate(program[part.first : part.last], part.first):
            if isinstance(op, Normalisation):
                stage = Normalised(stage, *affine[at], op.relu)
            elif isinstance(op, Pointwise):
                stage = Through(stage, op.function)
            elif isinstance(op, Begin) and at in closed:
                fork = Fork(stage)
                open_blocks.append(fork.ends[0])
                stage = fork.ends[1]
            elif isinstance(op, Begin):
                kept = new_map(at)
                open_blocks.append(kept)
                stage = Kept(stage, kept)
            elif isinstance(op, End):
                before = open_blocks.pop()
                stage = Sum(stage, self._reading(before) if isinstance(before, Map) else before, op.relu)
            else:
                stage = Stepped(stage, op, rows[at - part.first], precision)
        self.stage = stage
        self.inputs = [block for block in open_blocks if isinstance(block, Map)]

    def _reading(self, stored: Map) -> Stage:
        self._readings.append(Stored(stored, self._keep))
        return self._readings[-1]

    def close(self) -> None:
        """Free the rows that were given last."""
        for reading in self._readings:
            reading.close()


def closed_within(program: Sequence[Op], part: Pass) -> set[int]:
    """Return where those blocks begin that begin and end in a pass."""
    begun: list[int] = []
    closed = set()
    for at, op in enumerate(program[part.first : part.last], part.first):
        if isinstance(op, Begin):
            begun.append(at)
        elif isinstance(op, End) and begun:
            closed.add(begun.pop())
    return closed
