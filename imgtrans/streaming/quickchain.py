"""The stages of one pass where kernels make some of them; as :mod:`imgtrans.streaming.chain`, which PyTorch makes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from imgtrans.kernels.team import Team
from imgtrans.streaming.chain import closed_within
from imgtrans.streaming.layers import Layer
from imgtrans.streaming.maps import Map
from imgtrans.streaming.planning import Pass, Plan, heights
from imgtrans.streaming.program import Begin, End, Normalisation, Op, Pointwise
from imgtrans.streaming.quick import Added, Affine, InPlace, OfMap, OfStage, Quick, before_of
from imgtrans.streaming.stages import Fork, Kept, Made, Normalised, Stage, Stepped, Sum, Through

if TYPE_CHECKING:
    from imgtrans.kernels.library import Library


@dataclass
class Kernels:
    """What makes the steps that are made by kernels.

    Attributes:
        library: The kernels.
        layers: The steps, by their places in the program.
        team: Who does the work.
    """

    library: "Library"
    layers: Mapping[int, Layer]
    team: Team


class QuickChain:
    """The stages of one pass; arguments and attributes as of :class:`imgtrans.streaming.chain.Chain`."""

    def __init__(
        self,
        program: Sequence[Op],
        how: Plan,
        part: Pass,
        *,
        kernels: Kernels,
        stored: Map | None,
        inputs: Sequence[Map],
        source: Callable[[int, int], Tensor],
        affine: Mapping[int, Affine],
        new_map: Callable[[int], Map],
    ) -> None:
        self._keep, self._kernels = part.keep, kernels
        self._readings: list[OfMap | InPlace] = []
        # What no stage has read yet,
        self._map: OfMap | InPlace | None = None if stored is None else self._reading(stored)
        self._norm: tuple[Affine, bool] | None = None  # and how it is normalised
        self._stage: Stage = Made(how.shapes[0], source)
        rows = heights(program, how.shapes, part)
        open_blocks: list[Map | Stage] = [*inputs]
        closed = closed_within(program, part)
        for at, op in enumerate(program[part.first : part.last], part.first):
            most = rows[at - part.first]
            if at in kernels.layers:
                norm = (None, False) if self._norm is None else self._norm
                before = before_of(norm[0], how.shapes[at][0], norm[1])
                given = self._map or OfStage(self._read(), most)
                self._map = self._norm = None
                summed = at + 1 == part.last < len(program)
                shape = how.shapes[at + 1]
                self._stage = Quick(given, kernels.layers[at], shape, before, kernels.team, summed=summed)
            elif isinstance(op, Normalisation):
                self._normalise(affine[at], op.relu)
            elif isinstance(op, Pointwise):
                self._stage = Through(self._read(), op.function)
            elif isinstance(op, Begin) and at in closed:
                fork = Fork(self._read())
                open_blocks.append(fork.ends[0])
                self._stage = fork.ends[1]
            elif isinstance(op, Begin) and (taken := self._in_place()) is not None:
                open_blocks.append(taken)
            elif isinstance(op, Begin):
                kept = new_map(at)
                open_blocks.append(kept)
                self._stage = Kept(self._read(), kept)
            elif isinstance(op, End):
                self._end(open_blocks.pop(), op.relu)
            else:
                self._stage = Stepped(self._read(), op, most, torch.float32)
        self.stage = self._read()
        self.inputs = [block for block in open_blocks if isinstance(block, Map)]

    def _reading(self, stored: Map) -> OfMap:
        reading = OfMap(stored, self._keep)
        self._readings.append(reading)
        return reading

    def _in_place(self) -> Map | None:
        """Return the map that no stage has read yet, as a block's input, if it can become that where it is."""
        found = self._map
        if isinstance(found, InPlace) and self._norm is None and not found.kept:
            found.kept = True
            return found.into
        if isinstance(found, OfMap) and self._norm is not None and not self._keep:
            terms = before_of(self._norm[0], found.shape[0], self._norm[1])
            self._readings.remove(found)
            self._map = InPlace(found.stored, None, terms, self._kernels.library, self._kernels.team)
            self._norm = None
            return found.stored
        return None

    def _normalise(self, affine: Affine, relu: bool) -> None:
        if self._map is not None and self._norm is None:
            self._norm = affine, relu  # whoever reads it will
        else:
            self._stage = _normalised(self._read(), affine, relu)

    def _end(self, before: Map | Stage, relu: bool) -> None:
        if isinstance(before, Map) and self._map is not None and not (self._norm and self._norm[1]):
            terms = before_of(self._norm and self._norm[0], before.shape[0], relu)
            library, team = self._kernels.library, self._kernels.team
            if self._keep:
                added = Added(self._reading(before), self._map, terms, library, team)
                self._map = self._norm = None
                self._stage = added
            else:
                self._map, self._norm = InPlace(before, self._map, terms, library, team), None
                self._readings.append(self._map)
        else:
            other = _Stored(self._reading(before)) if isinstance(before, Map) else before
            self._stage = Sum(self._read(), other, relu)

    def _read(self) -> Stage:
        """Return the last stage, which reads what is not read yet."""
        if self._map is not None:
            self._stage = self._map if isinstance(self._map, InPlace) else _Stored(self._map)
            self._map = None
            if self._norm is not None:
                self._stage = _normalised(self._stage, *self._norm)
                self._norm = None
        return self._stage

    def close(self) -> None:
        """Free the rows that were given last."""
        for reading in self._readings:
            reading.close()


def _normalised(source: Stage, affine: Affine, relu: bool) -> Stage:
    """Return what PyTorch normalises."""
    scale, shift = (torch.from_numpy(values).view(1, -1, 1, 1) for values in affine)
    return Normalised(source, scale, shift, relu)


class _Stored(Stage):
    """The rows of a stored map, one strip after the other."""

    def __init__(self, rows: OfMap) -> None:
        self.shape = rows.shape
        self._rows = rows
        self._done = 0

    def take(self, stop: int) -> Tensor:
        """Return the next rows."""
        start, self._done = self._done, stop
        self._rows.free(start)
        return self._rows.stored.read(start, stop)
