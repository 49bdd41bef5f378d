"""The parameters of the ResNet generators: all that tells one from another, with the deck's values as defaults."""

from dataclasses import MISSING, dataclass, fields
from typing import Any

from imgtrans.protocols import Parameters

UPSAMPLINGS = ("nearest", "transpose", "blur")
DOWNSAMPLINGS = ("stride", "blur")
NORMS = ("instance", "batch", "weight", "none")
PADDINGS = ("reflect", "replicate", "zero")
PLACES = ("stem", "down", "block1", "block2", "up", "head")

_CHOICES = {
    "upsampling": UPSAMPLINGS,
    "downsampling": DOWNSAMPLINGS,
    "norm": NORMS,
    "padding": PADDINGS,
    "down_padding": ("zero", "reflect"),
}

# A checkpoint that promises more than this is refused before memory is taken for it.
_LIMITS = {
    "channels": (1, 16),
    "channels_out": (0, 16),
    "ngf": (1, 512),
    "blocks": (0, 64),
    "depth": (1, 5),
    "kernel": (3, 4),
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
        upsampling: ``nearest`` (then a convolution; the deck), ``transpose`` (a strided transposed convolution; the
            paper's reference code) or ``blur`` (anti-aliased, then a convolution; CUT).
        channels_out: Of the pictures that come out; 0 for as many as go in.
        depth: How often the picture is halved before the trunk, and doubled behind it.
        stem: Whether there is a 7x7 convolution at either end; without, the resampling layers are the ends.
        kernel: Side of the kernels that resample, 3 or 4.
        downsampling: ``stride`` (of the convolution) or ``blur`` (convolution, then anti-aliased reduction; CUT).
        norm: ``instance``, ``batch`` (by its running statistics), ``weight`` (of the convolutions) or ``none``.
        affine: Whether instance normalisation has a learnt scale and shift.
        padding: Of the residual blocks.
        down_padding: Of the convolutions that reduce.
        block_convs: Convolutions in a residual block, 1 or 2.
        block_relu: Whether a ReLU follows each residual block.
        separable: Whether the trunk's convolutions are depthwise and pointwise ones (GAN Compression).
        unbiased: The places (of :data:`PLACES`) whose convolutions have no bias.
        unnormalised: The places that have no normalisation.
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
    downsampling: str = "stride"
    norm: str = "instance"
    affine: bool = False
    padding: str = "reflect"
    down_padding: str = "zero"
    block_convs: int = 2
    block_relu: bool = False
    separable: bool = False
    unbiased: tuple[str, ...] = ()
    unnormalised: tuple[str, ...] = ()
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
        made = cls(**values)
        if made.widths and len(made.widths) != len(made.regular_widths()):
            raise ValueError(f"widths are {len(made.widths)} numbers; this network has {len(made.regular_widths())}")
        if made.block_widths and len(made.block_widths) != made.blocks:
            raise ValueError(f"block_widths are {len(made.block_widths)} numbers for {made.blocks} blocks")
        return made

    def plain(self) -> Parameters:
        """Return them as plain values for a card: the four that every card has, and what differs from the deck."""
        values = {field.name: (getattr(self, field.name), field.default) for field in fields(self)}
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, (value, default) in values.items()
            if value != default
        }

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
    elif name in ("unbiased", "unnormalised"):
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
