"""The U-Net generator of pix2pix: halvings down to a map of one pixel, doublings back, and a skip at every level."""

from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

NORMS = ("batch", "instance", "none")
FEWEST_DOWNS = 5
_EPSILON = 1e-5


class Style(NamedTuple):
    """What all levels of a U-Net have in common.

    Attributes:
        norm: ``batch`` (by the running statistics), ``instance`` (by each picture's own) or ``none``.
        affine: Whether normalisation has a learnt scale and shift.
        tracked: Whether it holds running statistics, used or not.
        bias: Whether the convolutions have a bias; the last always has.
    """

    norm: str
    affine: bool
    tracked: bool
    bias: bool


class Norm(nn.Module):
    """Normalises every channel; what it holds and what it goes by are separate choices.

    PyTorch's own layers tie the two together, but a checkpoint with running statistics is normalised by either.

    Args:
        features: Channels.
        style: See :class:`Style`.

    Shape:
        (N, features, H, W) to the same; for ``instance``, H * W is at least 2.
    """

    weight: Tensor | None
    bias: Tensor | None
    running_mean: Tensor | None
    running_var: Tensor | None

    def __init__(self, features: int, style: Style) -> None:
        super().__init__()
        self._norm = style.norm
        self.register_parameter("weight", nn.Parameter(torch.ones(features)) if style.affine else None)
        self.register_parameter("bias", nn.Parameter(torch.zeros(features)) if style.affine else None)
        self.register_buffer("running_mean", torch.zeros(features) if style.tracked else None)
        self.register_buffer("running_var", torch.ones(features) if style.tracked else None)

    def forward(self, x: Tensor) -> Tensor:
        """Return the normalised map."""
        if self._norm == "batch":
            return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, eps=_EPSILON)
        if self._norm == "instance":
            return F.instance_norm(x, weight=self.weight, bias=self.bias, eps=_EPSILON)
        return x


class Level(nn.Module):
    """One level of the U-Net and, inside it, all that are deeper.

    Source: Isola et al., CVPR 2017, section 6.1.1; the places in ``model``, which the state dict's keys are made
    of, are those of the authors' PyTorch code.

    Args:
        outside: Channels of the map that it gets from the level around it, and adds to it.
        inside: Channels of the map that it halves that to.
        style: See :class:`Style`.
        deeper: The level inside; None in the innermost.

    Shape:
        (N, outside, H, W) to (N, 2 * outside, H, W): what came in, then what was made of it.
    """

    def __init__(self, outside: int, inside: int, style: Style, deeper: "Level | None") -> None:
        super().__init__()
        layers: list[nn.Module] = [
            nn.LeakyReLU(0.2),
            nn.Conv2d(outside, inside, 4, stride=2, padding=1, bias=style.bias),
        ]
        if deeper is not None:
            layers += [Norm(inside, style), deeper]
        layers += [
            nn.ReLU(inplace=True),
            nn.ConvTranspose2d(
                inside if deeper is None else 2 * inside, outside, 4, stride=2, padding=1, bias=style.bias
            ),
            Norm(outside, style),
        ]
        # In training, dropout comes last here; it has no weights, and does nothing in evaluation mode.
        self.model = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Return the map and what the level makes of it."""
        return torch.cat([x, self.model(x)], 1)


class _Outermost(nn.Module):
    """The level that pictures go into and come out of: no skip, no normalisation, values in [-1, 1]."""

    def __init__(self, channels: int, channels_out: int, ngf: int, style: Style, deeper: Level) -> None:
        super().__init__()
        self.model = nn.Sequential(
            nn.Conv2d(channels, ngf, 4, stride=2, padding=1, bias=style.bias),
            deeper,
            nn.ReLU(inplace=True),
            nn.ConvTranspose2d(2 * ngf, channels_out, 4, stride=2, padding=1),
            nn.Tanh(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Translate a batch of pictures."""
        translated: Tensor = self.model(x)
        return translated


class GeneratorUNet(nn.Module):
    """The U-Net generator of pix2pix, for inference.

    Source: Isola et al., "Image-to-Image Translation with Conditional Adversarial Networks", CVPR 2017.

    Args:
        channels: Of the pictures that go in.
        channels_out: Of the pictures that come out.
        ngf: Channels after the first halving; they double twice more for the next three, up to ``8 * ngf``.
        downs: Halvings, at least 5: 7 in ``unet_128``, 8 in ``unet_256``.
        style: See :class:`Style`.

    Shape:
        (N, channels, H, W) to (N, channels_out, H, W), H and W multiples of ``2 ** downs``. Values are in [-1, 1].
    """

    def __init__(self, channels: int, channels_out: int, ngf: int, downs: int, style: Style) -> None:
        super().__init__()
        widths = [ngf * 2 ** min(level, 3) for level in range(downs)]
        deeper: Level | None = None
        for outside, inside in reversed([*pairwise(widths)]):
            deeper = Level(outside, inside, style, deeper)
        assert deeper is not None
        self.model = _Outermost(channels, channels_out, ngf, style, deeper)

    def forward(self, x: Tensor) -> Tensor:
        """Translate a batch of pictures."""
        translated: Tensor = self.model(x)
        return translated
