"""Whose code spells the keys of a ResNet generator how: one row of a table for each."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from imgtrans.architectures.parameters import ResNetParameters
from imgtrans.architectures.spelling import Slot, Spelling

# Where the first layer of a place stands among the layers that are numbered: (parameters, place, index) -> number.
Numbering = Callable[[ResNetParameters, str, int], int]


@dataclass(frozen=True, kw_only=True)
class Dialect(Spelling):
    """How one code base spells the keys of its generators.

    A template stands for the name of a layer: ``{n}`` is its number by ``numbering`` and ``{m}`` the one after; ``{i}``
    counts within its place from 0, ``{one}`` from 1, ``{two}`` from 2; in a residual block ``{k}`` and ``{l}``
    are the numbers of a convolution and its normalisation.

    Attributes:
        stem: Templates of convolution and normalisation of the first layer, where there is one.
        down: Of the layers that reduce.
        blocks: Of each convolution of a residual block.
        up: Of the layers that enlarge.
        head: Of the last convolution.
        blur: Of layers that resample without aliasing, where there can be some.
        numbering: What ``{n}`` is.
    """

    down: tuple[str, str]
    blocks: tuple[tuple[str, str], ...]
    up: tuple[str, str]
    head: str
    stem: tuple[str, str] = ("", "")
    blur: str = ""
    numbering: Numbering = lambda p, place, index: 0

    @property
    def blurs(self) -> bool:
        """Whether it has a template for them."""
        return bool(self.blur)

    def layers(self, p: ResNetParameters) -> Iterator[tuple[Slot, str]]:
        """Yield a network's layers that may have weights, in the order of the forward pass, with their names."""

        def named(place: str, i: int, parts: Sequence[str], templates: Sequence[str], k: int = 0) -> Iterator[Any]:
            n = self.numbering(p, place, i)
            for part, template in zip(parts, templates, strict=True):
                numbers = {"n": n, "m": n + 1, "i": i, "one": i + 1, "two": i + 2, "k": k, "l": k + 1}
                yield Slot(place, i, part), template.format(**numbers)

        layer, blur = ("convolution", "norm"), (("blur",), (self.blur,))
        if p.stem:
            yield from named("stem", 0, layer, self.stem)
        for i in range(p.depth):
            yield from named("down", i, layer, self.down)
            if p.downsampling == "blur":
                yield from named("blur down", i, *blur)
        places = ("block1", "block2")[: p.block_convs]
        for i in range(p.blocks):
            for place, (convolution, norm), k in zip(places, self.blocks, self.inner(p), strict=False):
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


def _in_sequence(name: str, block: str, **rest: Any) -> Dialect:
    blocks = (f"model.{{n}}.{block}.{{k}}", f"model.{{n}}.{block}.{{l}}")
    layer = ("model.{n}", "model.{m}")
    return Dialect(
        name=name,
        stem=layer,
        down=layer,
        blocks=(blocks, blocks),
        up=layer,
        head=layer[0],
        blur=layer[0],
        numbering=flat,
        **rest,
    )


def _nested(name: str, sequence: str, block: str, *, dropout: bool = False) -> Dialect:
    layer = (f"{sequence}.{{n}}.0", f"{sequence}.{{n}}.1")
    inner, last = f"{sequence}.{{n}}.{block}", 3 + dropout
    return Dialect(
        name=name,
        stem=layer,
        down=layer,
        blocks=((f"{inner}.1.0", f"{inner}.1.1"), (f"{inner}.{last}", f"{inner}.{last + 1}")),
        up=layer,
        head=f"{sequence}.{{n}}",
        numbering=nested,
        dropout=dropout,
        fixed={"pad_layers": True},
    )


def _units(name: str, trunk: str, places: tuple[str, str, str, str], inner: str, unit: str, **rest: Any) -> Dialect:
    """Return a dialect of modules that are convolution, norm and activation, called ``unit.0`` and ``unit.1``."""
    stem, down, up, head = places
    layers = (f"{unit}.0", f"{unit}.1")
    return Dialect(
        name=name,
        stem=(f"{stem}.0", f"{stem}.1"),
        down=(f"{down}.{layers[0]}", f"{down}.{layers[1]}"),
        blocks=tuple(
            (f"{trunk}.{{i}}.{inner}.{k}.{layers[0]}", f"{trunk}.{{i}}.{inner}.{k}.{layers[1]}") for k in (0, 1)
        ),
        up=(f"{up}.{layers[0]}", f"{up}.{layers[1]}"),
        head=head,
        fixed={"pad_layers": True},
        **rest,
    )


def _course(name: str, **rest: Any) -> Dialect:
    down, up = ("conv{one}.0", "conv{one}.1"), ("deconv{one}.0", "deconv{one}.1")
    return Dialect(name=name, down=down, up=up, head=up[0], **rest)


_REFLECTED = {"padding": "reflect", "down_padding": "reflect", "up_padding": "reflect", "end_padding": "reflect"}

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
    *(
        _units(
            f"aladdinpersson/Machine-Learning-Collection{said}",
            trunk,
            ("initial", "down_blocks.{i}", "up_blocks.{i}", "last"),
            "block",
            "conv",
            assumed=_REFLECTED,
        )
        for trunk, said in (("res_blocks", ""), ("residual_blocks", ", its blocks called residual_blocks"))
    ),
    _nested("LynnHo/CycleGAN-PyTorch", "ls", "ls"),
    _nested("arnab39/cycleGAN-PyTorch", "res_model", "res_block"),
    _nested("arnab39/cycleGAN-PyTorch with dropout", "res_model", "res_block", dropout=True),
    Dialect(
        name="the GAN specialisation of DeepLearning.AI",
        stem=("upfeature.conv", "upfeature.instancenorm"),
        down=("contract{one}.conv1", "contract{one}.instancenorm"),
        blocks=(("res{i}.conv1", "res{i}.instancenorm"), ("res{i}.conv2", "res{i}.instancenorm")),
        up=("expand{two}.conv1", "expand{two}.instancenorm"),
        head="downfeature.conv",
        fixed={"pad_layers": True},
        assumed={**_REFLECTED, "unnormalised": ["stem"], "unactivated": ["stem"]},
    ),
    Dialect(
        name="an encoder, residual blocks and a decoder of layers",
        stem=("encoder.0.layers.0", "encoder.0.layers.1"),
        down=("encoder.{one}.layers.0", "encoder.{one}.layers.1"),
        blocks=tuple(
            (f"residual_blocks.{{i}}.layers.{k}.layers.0", f"residual_blocks.{{i}}.layers.{k}.layers.1") for k in (0, 1)
        ),
        up=("decoder.{i}.layers.0", "decoder.{i}.layers.1"),
        head="decoder.{i}.layers.0",
        fixed={"pad_layers": True},
        assumed={**_REFLECTED, "unnormalised": ["stem"], "block_relu": True},
    ),
    _course(
        "the University of Toronto's CSC321 course",
        blocks=(("resnet_block.conv_layer.0", "resnet_block.conv_layer.1"),),
        fixed={"stem": False, "pad_layers": False, "block_convs": 1},
        assumed={"norm": "none", "padding": "zero", "block_relu": True},
    ),
    _course(
        "Udacity's deep learning course",
        blocks=(
            ("res_blocks.{i}.conv_layer1.0", "res_blocks.{i}.conv_layer1.1"),
            ("res_blocks.{i}.conv_layer2.0", "res_blocks.{i}.conv_layer2.1"),
        ),
        fixed={"stem": False, "pad_layers": False},
        assumed={"norm": "none", "padding": "zero"},
    ),
)
