"""Generators that are plain sequences of layers, whatever the sequences are called: named by the file itself."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product

from imgtrans.architectures.parameters import ResNetParameters
from imgtrans.architectures.spelling import Slot, Spelling
from imgtrans.protocols import Parameters

# A layer of a residual block: the sequence of blocks, a block's number, its own sequence, the layer's number in that.
_IN_BLOCK = re.compile(r"(?P<trunk>(?:\w+\.)*?)(?P<block>\d+)\.(?P<inner>(?:[A-Za-z_]\w*\.)?)(?P<number>\d+)")
_OUTSIDE = re.compile(r"(?P<sequence>(?:[A-Za-z_]\w*\.)*)(?P<number>\d+)")
_NUMBER = re.compile(r"(?<![^.])\d+(?=\.)")
_ALONE = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")

# Names by which a code base is known, and what it has that leaves no trace. The first: of the sequences outside the
# trunk, in their order; of the one that the blocks are in; of the one in a block.
_KNOWN: dict[tuple[tuple[str, ...], str, str], tuple[str, Parameters]] = {
    (("model0.", "model1.", "model3.", "model4."), "model2.", "conv_block."): (
        "carolineec/informative-drawings",
        {"head": "sigmoid", "value_range": [0.0, 1.0]},
    ),
}


@dataclass(frozen=True, kw_only=True)
class Sequences(Spelling):
    """Layers that are numbered in one sequence or in several, each counted from 0.

    Attributes:
        outside: For each convolution outside the trunk, the sequence that it is in, with a dot at the end; without one,
            it stands alone under that name.
        trunk: The sequence that the residual blocks are in.
        block: The sequence within each block.
        unit: Where convolution, normalisation and activation are one layer of the sequence, the convolution's name in
            that, with a dot before it.
        last: The same of the last convolution.
        end_pads: Whether the 7x7 convolutions' padding is a layer of its own.
        stem_norm: Whether there is a layer for the first convolution's normalisation.
    """

    outside: tuple[str, ...]
    trunk: str = ""
    block: str = ""
    unit: str = ""
    last: str = ""
    end_pads: bool = True
    stem_norm: bool = True

    @property
    def blurs(self) -> bool:
        """There can be."""
        return True

    def layers(self, p: ResNetParameters) -> Iterator[tuple[Slot, str]]:
        """Yield a network's layers that may have weights; see :meth:`Spelling.layers`."""
        if len(self.outside) != 2 * p.depth + 2 or not p.stem:
            return
        used: Counter[str] = Counter()  # layers of each sequence
        sequences = iter(self.outside)

        def unit(place: str, i: int, before: int = 0, layers: int = 3) -> Iterator[tuple[Slot, str]]:
            """Yield a convolution with its normalisation, which take so many layers and stand behind some others."""
            sequence = next(sequences)
            n = used[sequence] + before
            used[sequence] = n + (1 if self.unit else layers)
            alone = not sequence.endswith(".")
            convolution = sequence if alone else f"{sequence}{n}{self.last if place == 'head' else self.unit}"
            yield Slot(place, i, "convolution"), convolution
            if place != "head":
                there = not alone and (self.stem_norm or place != "stem")
                norm = self._norm(f"{sequence}{n}", f"{sequence}{n + 1}") if there else f"none behind {convolution}"
                yield Slot(place, i, "norm"), norm

        pad = int(self.end_pads)
        yield from unit("stem", 0, pad, 2 + self.stem_norm)
        for i in range(p.depth):
            yield from unit("down", i)
            if p.downsampling == "blur":
                sequence = self.outside[1 + i]
                yield Slot("blur down", i, "blur"), f"{sequence}{used[sequence]}"
                used[sequence] += 1
        for i in range(p.blocks):
            yield from self._block(p, i, f"{self.trunk}{used[self.trunk]}.{self.block}")
            used[self.trunk] += 1
        larger = int(p.upsampling != "transpose" and not self.unit)
        for i in range(p.depth):
            sequence = self.outside[1 + p.depth + i]
            if p.upsampling == "blur":
                yield Slot("blur up", i, "blur"), f"{sequence}{used[sequence]}"
            yield from unit("up", i, larger)
        yield from unit("head", p.depth, pad)

    def _block(self, p: ResNetParameters, i: int, prefix: str) -> Iterator[tuple[Slot, str]]:
        for place, k in zip(("block1", "block2"), self.inner(p), strict=True):
            yield Slot(place, i, "convolution"), f"{prefix}{k}{self.unit}"
            yield Slot(place, i, "norm"), self._norm(f"{prefix}{k}", f"{prefix}{k + 1}")

    def inner(self, p: ResNetParameters) -> list[int]:
        """Return the convolutions' numbers in a residual block, which may be layers with all that belongs to them."""
        pad = int(p.pad_layers)
        return [pad, 2 * pad + 1 + self.dropout] if self.unit else super().inner(p)

    def _norm(self, convolution: str, behind: str) -> str:
        """Return the name of a normalisation: of the next layer, or beside the convolution."""
        if not self.unit:
            return behind
        return f"{convolution}{self.unit[:-1]}1" if self.unit.endswith("0") else f"{convolution}.norm"


def sequences_in(layers: Iterable[str]) -> Iterator[Sequences]:
    """Yield the spellings by which convolutions of these names could be a generator of plain sequences.

    Args:
        layers: Their names, in the order of the forward pass.
    """
    names = [*layers]
    for unit in dict.fromkeys(("", *(names[0][match.end() :] for match in _NUMBER.finditer(names[0])))):
        last = unit if names[-1].endswith(unit) else ""
        places = _placed([name.removesuffix(unit) for name in names])
        if not places:
            continue
        outside, trunk, block = places
        whole = (tuple(dict.fromkeys(outside)), trunk, block)
        name, assumed = _KNOWN.get(whole, (f"plain sequences ({_said(*whole)})", {}))
        # Whether a norm is left out shows where layers are counted on behind it.
        shows = not unit and outside[0] in (*outside[1:], trunk)
        for end_pads, stem_norm, dropout in product((True, False), (True, False) if shows else (True,), (False, True)):
            yield Sequences(
                name=name + _differences(end_pads, stem_norm, dropout),
                outside=outside,
                trunk=trunk,
                block=block,
                unit=unit,
                last=last,
                dropout=dropout,
                end_pads=end_pads,
                stem_norm=stem_norm,
                # Layers that are not there cannot reflect.
                assumed={**({} if end_pads else {"end_padding": "zero"}), **assumed},
                fixed={} if stem_norm else {"unnormalised": ["stem"]},
            )


def _placed(names: Iterable[str]) -> tuple[tuple[str, ...], str, str] | None:
    """Return the sequences that convolutions are in: outside the trunk, of the trunk, and within its blocks."""
    outside: list[str] = []
    trunks = set()
    for name in names:
        if inside := _IN_BLOCK.fullmatch(name):
            trunks.add((inside["trunk"], inside["inner"]))
        elif numbered := _OUTSIDE.fullmatch(name):
            outside.append(numbered["sequence"])
        elif _ALONE.fullmatch(name):
            outside.append(name)
        else:
            return None
    if len(trunks) > 1 or not outside:
        return None
    return tuple(outside), *(trunks.pop() if trunks else ("", ""))


def _said(places: tuple[str, ...], trunk: str, block: str) -> str:
    names = ", ".join(place.rstrip(".") or "no name" for place in dict.fromkeys((*places, trunk) if trunk else places))
    return f"{names}; blocks of {block.rstrip('.')}" if block else names


def _differences(end_pads: bool, stem_norm: bool, dropout: bool) -> str:
    said = [
        *([] if end_pads else ["without padding layers at the ends"]),
        *([] if stem_norm else ["without a norm in the first layer"]),
        *(["with dropout"] if dropout else []),
    ]
    return f" {' and '.join(said)}" if said else ""
