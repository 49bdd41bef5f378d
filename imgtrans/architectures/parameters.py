"""The parameters of the ResNet generators: all that tells one from another, with the deck's values as defaults."""

import math
from dataclasses import MISSING, dataclass, fields
from typing import Any

from imgtrans.protocols import Parameters

RESIZINGS = ("nearest", "bilinear", "bilinear_aligned", "bicubic")  # of maps, none of which leaves a trace in a file
UPSAMPLINGS = (*RESIZINGS, "transpose", "blur")
SHOWN_UPSAMPLINGS = ("nearest", "transpose", "blur")  # those that names and shapes tell apart
DOWNSAMPLINGS = ("stride", "blur")
NORMS = ("instance", "batch", "weight", "none")
STATISTICS = ("running", "own")
PADDINGS = ("reflect", "replicate", "zero")
ACTIVATIONS = ("relu", "leaky_relu:SLOPE", "elu", "gelu", "silu")
HEADS = ("tanh", "sigmoid", "none")
PLACES = ("stem", "down", "block1", "block2", "up", "head")

_LEAKY = "leaky_relu"
_CHOICES = {
    "upsampling": UPSAMPLINGS,
    "downsampling": DOWNSAMPLINGS,
    "norm": NORMS,
    "statistics": STATISTICS,
    "padding": PADDINGS,
    "down_padding": PADDINGS,
    "up_padding": PADDINGS,
    "end_padding": PADDINGS,
    "head": HEADS,
}
_PLACES = ("unbiased", "unnormalised", "unactivated")

# A checkpoint that promises more than this is refused before memory is taken for it.
_LIMITS = {
    "channels": (1, 16),
    "channels_out": (0, 16),
    "ngf": (1, 512),
    "blocks": (0, 64),
    "depth": (1, 5),
    "kernel": (3, 4),
    "up_kernel": (0, 4),
    "block_convs": (1, 2),
}
_LARGEST_WIDTH = 4096


@dataclass(frozen=True)
class ResNetParameters:
    """What a ResNet generator is built from.

    Attributes:
        channels: Of the pictures that go in.
        ngf: Channels after the first convolution; the trunk has ``2 ** depth`` times as many.
        blocks: Residual blocks.
        upsampling: ``nearest`` (then a convolution; the deck), the same ``bilinear``, ``bilinear_aligned`` (corners to
            corners) or ``bicubic``, ``transpose`` (a strided transposed convolution; the paper's reference code) or
            ``blur`` (anti-aliased, then a convolution; CUT).
        channels_out: Of the pictures that come out; 0 for as many as go in.
        depth: How often the picture is halved before the trunk, and doubled behind it.
        stem: Whether there is a 7x7 convolution at either end; without, the resampling layers are the ends.
        kernel: Side of the kernels that resample, 3 or 4.
        up_kernel: Side of those of transposed convolutions, 2 to 4; 0 for the same.
        downsampling: ``stride`` (of the convolution) or ``blur`` (convolution, then anti-aliased reduction; CUT).
        norm: ``instance``, ``batch``, ``weight`` (of the convolutions) or ``none``.
        affine: Whether instance normalisation has a learnt scale and shift.
        tracked: Whether instance normalisation has kept running statistics; batch normalisation always has.
        statistics: By which of them pictures are normalised where there are both, ``running`` (of the training), or
            ``own`` (each picture's).
        padding: Of the residual blocks.
        pad_layers: Whether that is a layer of its own in each block, which has a number, or done by the convolution.
        down_padding: Of the convolutions that reduce.
        up_padding: Of the convolutions behind an enlargement.
        end_padding: Of the 7x7 convolutions.
        activation: ``relu``, ``leaky_relu:`` and its slope below zero, ``elu``, ``gelu`` or ``silu``.
        head: What stands at the end: ``tanh`` (-1 to 1), ``sigmoid`` (0 to 1) or ``none``.
        residual_output: Whether what the network makes is added to its input (and cut to what the head can make).
        block_convs: Convolutions in a residual block, 1 or 2.
        block_relu: Whether an activation follows each residual block.
        separable: Whether the trunk's convolutions are depthwise and pointwise ones (GAN Compression).
        unbiased: The places (of :data:`PLACES`) whose convolutions have no bias.
        unnormalised: The places that have no normalisation.
        unactivated: The places that have no activation.
        widths: Channels after each convolution outside the trunk but the last, where they are not what ``ngf`` says.
        block_widths: Channels within each residual block, where they are not the trunk's.
    """

    channels: int
    ngf: int
    blocks: int
    upsampling: str
    channels_out: int = 0
    depth: int = 2
    stem: bool = True
    kernel: int = 3
    up_kernel: int = 0
    downsampling: str = "stride"
    norm: str = "instance"
    affine: bool = False
    tracked: bool = False
    statistics: str = "running"
    padding: str = "reflect"
    pad_layers: bool = True
    down_padding: str = "zero"
    up_padding: str = "zero"
    end_padding: str = "reflect"
    activation: str = "relu"
    head: str = "tanh"
    residual_output: bool = False
    block_convs: int = 2
    block_relu: bool = False
    separable: bool = False
    unbiased: tuple[str, ...] = ()
    unnormalised: tuple[str, ...] = ()
    unactivated: tuple[str, ...] = ()
    widths: tuple[int, ...] = ()
    block_widths: tuple[int, ...] = ()

    @classmethod
    def parse(cls, parameters: Parameters) -> "ResNetParameters":
        """Return parameters from plain values, which may come from anybody's card.

        Raises:
            ValueError: If some are missing, unknown, of a wrong type or beyond what anybody trains.
        """
        names = {field.name for field in fields(cls)}
        if unknown := sorted(parameters.keys() - names):
            raise ValueError(f"{unknown[0]} is no parameter of a ResNet generator")
        values: dict[str, Any] = {}
        for field in fields(cls):
            value = parameters.get(field.name, None if field.default is MISSING else field.default)
            values[field.name] = _checked(field.name, value)
        if not {"pad_layers", "activation"} & parameters.keys():  # a card from before there was the choice
            values["pad_layers"] = values["padding"] != "zero"
        made = cls(**values)
        if made.widths and len(made.widths) != len(made.regular_widths()):
            raise ValueError(f"widths are {len(made.widths)} numbers; this network has {len(made.regular_widths())}")
        if made.block_widths and len(made.block_widths) != made.blocks:
            raise ValueError(f"block_widths are {len(made.block_widths)} numbers for {made.blocks} blocks")
        for name in _PLACES:
            if missing := {*getattr(made, name)} - {*made.places()}:
                raise ValueError(f"{name} is {min(missing)!r}, which this network has not; it has {made.places()}")
        if made.residual_output and made.channels_out not in (0, made.channels):
            raise ValueError(f"residual_output adds {made.channels_out} channels to {made.channels}")
        if made.up_kernel == 1:
            raise ValueError("up_kernel is 1, which reaches no further than its pixel")
        return made

    def plain(self) -> Parameters:
        """Return them as plain values for a card: the four that every card has, and what differs from the deck."""
        values = {field.name: (getattr(self, field.name), field.default) for field in fields(self)}
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, (value, default) in values.items()
            if value != default or (name == "pad_layers" and self.padding == "zero")
        }

    def places(self) -> tuple[str, ...]:
        """Return which of :data:`PLACES` the network has."""
        here = {"down", "head", *(["stem"] if self.stem else []), *(["up"] if self.stem or self.depth > 1 else [])}
        if self.blocks:
            here |= {"block1", "block2"} if self.block_convs == 2 else {"block1"}
        return tuple(place for place in PLACES if place in here)

    @property
    def slope(self) -> float:
        """Of a leaky ReLU below zero."""
        return float(self.activation.partition(":")[2])

    def regular_widths(self) -> tuple[int, ...]:
        """Return what ``widths`` are where ``ngf`` tells them: of the stem, then down, then up again."""
        down = [self.ngf * 2**level for level in range(self.depth + self.stem)]
        return (*down, *reversed(down[:-1]))

    def all_widths(self) -> tuple[int, ...]:
        """Return the channels after each convolution outside the trunk but the last."""
        return self.widths or self.regular_widths()

    @property
    def trunk(self) -> int:
        """Channels of the trunk."""
        return self.all_widths()[self.depth + self.stem - 1]


def _checked(name: str, value: Any) -> Any:
    """Return one parameter, as the dataclass has it.

    Raises:
        ValueError: If it is no such thing.
    """
    if name in _LIMITS:
        least, most = _LIMITS[name]
        if type(value) is not int or not least <= value <= most:  # True is an int, too
            raise ValueError(f"{name} is {value!r}, which is no whole number from {least} to {most}")
    elif name in _CHOICES:
        if value not in _CHOICES[name]:
            raise ValueError(f"{name} is {value!r}, which is none of {', '.join(_CHOICES[name])}")
    elif name == "activation":
        if not _is_activation(value):
            raise ValueError(f"{name} is {value!r}, which is none of {', '.join(ACTIVATIONS)}, as leaky_relu:0.2")
    elif name in _PLACES:
        if not isinstance(value, list | tuple) or not {*value} <= {*PLACES}:
            raise ValueError(f"{name} is {value!r}, which are not of {', '.join(PLACES)}")
        return tuple(place for place in PLACES if place in value)
    elif name in ("widths", "block_widths"):
        if not isinstance(value, list | tuple) or any(
            type(n) is not int or not 1 <= n <= _LARGEST_WIDTH for n in value
        ):
            raise ValueError(f"{name} is {value!r}, which are no whole numbers from 1 to {_LARGEST_WIDTH}")
        return tuple(value)
    elif type(value) is not bool:
        raise ValueError(f"{name} is {value!r}, which is neither true nor false")
    return value


def _is_activation(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    name, _, slope = value.partition(":")
    if name != _LEAKY:
        return value in ACTIVATIONS
    try:
        return math.isfinite(float(slope)) and 0 < float(slope) < 1
    except ValueError:
        return False
