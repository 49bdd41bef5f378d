"""Whose code spells the keys of a ResNet generator how: one row of a table for each."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from imgtrans.architectures.parameters import ResNetParameters
from imgtrans.protocols import Parameters


class Slot(NamedTuple):
    """A layer's place in the network: where, its number there, and what it does."""

    place: str
    number: int
    part: str


# Where the first layer of a place stands among the layers that are numbered: (parameters, place, index) -> number.
Numbering = Callable[[ResNetParameters, str, int], int]


@dataclass(frozen=True)
class Dialect:
    """How one code base spells the keys of its generators, and what follows from the spelling.

    A template stands for the name of a layer: ``{n}`` is its number by ``numbering`` and ``{m}`` the one after; ``{i}``
    counts within its place from 0, ``{one}`` from 1; in a residual block ``{k}`` and ``{l}`` are the numbers of a
    convolution and its normalisation.

    Attributes:
        name: The code base, for people to read.
        stem: Templates of convolution and normalisation of the first layer, where there is one.
        down: Of the layers that reduce.
        blocks: Of each convolution of a residual block.
        up: Of the layers that enlarge.
        head: Of the last convolution.
        blur: Of layers that resample without aliasing, where there can be some.
        numbering: What ``{n}`` is.
        dropout: Whether a layer of no weights stands in the middle of each residual block.
        fixed: Parameters that the spelling says.
        assumed: What it has by default of the parameters that leave no trace in a file.
    """

    name: str
    down: tuple[str, str]
    blocks: tuple[tuple[str, str], ...]
    up: tuple[str, str]
    head: str
    stem: tuple[str, str] = ("", "")
    blur: str = ""
    numbering: Numbering = lambda p, place, index: 0
    dropout: bool = False
    fixed: Parameters = field(default_factory=dict)
    assumed: Parameters = field(default_factory=dict)

    def layers(self, p: ResNetParameters) -> Iterator[tuple[Slot, str]]:
        """Yield a network's layers that may have weights, in the order of the forward pass, with their names."""

        def named(place: str, i: int, parts: Sequence[str], templates: Sequence[str], k: int = 0) -> Iterator[Any]:
            n = self.numbering(p, place, i)
            for part, template in zip(parts, templates, strict=True):
                yield Slot(place, i, part), template.format(n=n, m=n + 1, i=i, one=i + 1, k=k, l=k + 1)

        layer, blur = ("convolution", "norm"), (("blur",), (self.blur,))
        if p.stem:
            yield from named("stem", 0, layer, self.stem)
        for i in range(p.depth):
            yield from named("down", i, layer, self.down)
            if p.downsampling == "blur":
                yield from named("blur down", i, *blur)
        places = ("block1", "block2")[: p.block_convs]
        for i in range(p.blocks):
            for place, (convolution, norm), k in zip(places, self.blocks, self._inner(p), strict=False):
                if p.separable:
                    yield from named(
                        place, i, ("depthwise", "convolution"), [f"{convolution}.conv.{n}" for n in (0, 2)], k
                    )
                else:
                    yield from named(place, i, ("convolution",), (convolution,), k)
                yield from named(place, i, ("norm",), (norm,), k)
        ups = p.depth if p.stem else p.depth - 1
        for i in range(ups):
            if p.upsampling == "blur":
                yield from named("blur up", i, *blur)
            yield from named("up", i, layer, self.up)
        yield from named("head", ups, ("convolution",), (self.head,))

    def _inner(self, p: ResNetParameters) -> list[int]:
        """Return the convolutions' numbers in a residual block: padding, convolution, norm, ReLU, dropout, again."""
        pad = int(p.padding != "zero")
        return [pad, 2 * pad + 3 + self.dropout]


def flat(p: ResNetParameters, place: str, index: int) -> int:
    """Number all layers of the network in one sequence, as junyanz and the deck do."""
    before_down = 4 if p.stem else 0  # padding, convolution, norm, ReLU
    per_down = 4 if p.downsampling == "blur" else 3
    per_up = 3 if p.upsampling == "transpose" else 4
    trunk = before_down + p.depth * per_down
    behind = trunk + p.blocks
    return {
        "stem": 1,
        "down": before_down + index * per_down,
        "blur down": before_down + index * per_down + 3,
        "block1": trunk + index,
        "block2": trunk + index,
        "blur up": behind + index * per_up,
        "up": behind + index * per_up + per_up - 3,
        "head": behind + index * per_up + (1 if p.stem else per_up - 3),
    }[place]


def nested(p: ResNetParameters, place: str, index: int) -> int:
    """Number convolution, norm and ReLU as one layer of the outer sequence, as LynnHo does."""
    trunk = 2 + p.depth
    behind = trunk + p.blocks
    # Behind the last upsampling stands a padding.
    starts = {"stem": 1, "down": 2, "block1": trunk, "block2": trunk, "up": behind, "head": behind + 1}
    return starts[place] + index


def _in_sequence(name: str, block: str, **rest: object) -> Dialect:
    blocks = (f"model.{{n}}.{block}.{{k}}", f"model.{{n}}.{block}.{{l}}")
    layer = ("model.{n}", "model.{m}")
    return Dialect(name, layer, (blocks, blocks), layer, layer[0], layer, layer[0], flat, **rest)  # type: ignore[arg-type]


def _course(name: str, **rest: object) -> Dialect:
    down, up = ("conv{one}.0", "conv{one}.1"), ("deconv{one}.0", "deconv{one}.1")
    return Dialect(name, down, up=up, head=up[0], **rest)  # type: ignore[arg-type]


# How the networks here are spelled themselves, and the deck's files, and those of PyTorch-GAN and vintagify.
DECK = _in_sequence("the deck", "block")

JUNYANZ = _in_sequence("junyanz/pytorch-CycleGAN-and-pix2pix", "conv_block")

DIALECTS = (
    DECK,
    JUNYANZ,  # and CUT and aitorzip/PyTorch-CycleGAN
    _in_sequence("junyanz/pytorch-CycleGAN-and-pix2pix with dropout", "conv_block", dropout=True),
    _in_sequence(
        "mit-han-lab/gan-compression mobile_resnet",
        "conv_block",
        dropout=True,
        fixed={"separable": True},
    ),
    Dialect(
        "aladdinpersson/Machine-Learning-Collection",
        down=("down_blocks.{i}.conv.0", "down_blocks.{i}.conv.1"),
        blocks=(
            ("res_blocks.{i}.block.0.conv.0", "res_blocks.{i}.block.0.conv.1"),
            ("res_blocks.{i}.block.1.conv.0", "res_blocks.{i}.block.1.conv.1"),
        ),
        up=("up_blocks.{i}.conv.0", "up_blocks.{i}.conv.1"),
        head="last",
        stem=("initial.0", "initial.1"),
        fixed={"padding": "reflect", "down_padding": "reflect"},
    ),
    Dialect(
        "LynnHo/CycleGAN-PyTorch",
        down=("ls.{n}.0", "ls.{n}.1"),
        blocks=(("ls.{n}.ls.1.0", "ls.{n}.ls.1.1"), ("ls.{n}.ls.3", "ls.{n}.ls.4")),
        up=("ls.{n}.0", "ls.{n}.1"),
        head="ls.{n}",
        stem=("ls.1.0", "ls.1.1"),
        numbering=nested,
        fixed={"padding": "reflect"},
    ),
    _course(
        "the University of Toronto's CSC321 course",
        blocks=(("resnet_block.conv_layer.0", "resnet_block.conv_layer.1"),),
        fixed={"stem": False, "padding": "zero", "block_convs": 1, "block_relu": True},
        assumed={"norm": "none"},
    ),
    _course(
        "Udacity's deep learning course",
        blocks=(
            ("res_blocks.{i}.conv_layer1.0", "res_blocks.{i}.conv_layer1.1"),
            ("res_blocks.{i}.conv_layer2.0", "res_blocks.{i}.conv_layer2.1"),
        ),
        fixed={"stem": False, "padding": "zero"},
        assumed={"norm": "none"},
    ),
)
