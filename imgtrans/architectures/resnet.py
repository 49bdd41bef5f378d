"""The generators: a ResNet between down- and upsampling convolutions, as the deck, the paper and their kin have it."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from imgtrans.architectures.layers import BlurDown, BlurUp, OwnStatistics2d, PaddingMode, SeparableConv2d
from imgtrans.architectures.parameters import UPSAMPLINGS, ResNetParameters

_DECK = ResNetParameters(channels=3, ngf=64, blocks=9, upsampling="nearest")
_PADS = {"reflect": nn.ReflectionPad2d, "replicate": nn.ReplicationPad2d, "zero": nn.ZeroPad2d}
_MODES: dict[str, PaddingMode] = {"reflect": "reflect", "replicate": "replicate", "zero": "zeros"}
_HEADS = {"tanh": nn.Tanh, "sigmoid": nn.Sigmoid, "none": nn.Identity}
_LIMITS = {"tanh": (-1.0, 1.0), "sigmoid": (0.0, 1.0)}


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with normalisation, added to their input.

    Source: the deck's ``ResidualBlock``; Johnson et al., ECCV 2016.

    Args:
        in_features: Channels in and out.
        inner_features: Channels between the two convolutions; as many by default.
        variant: Whose blocks these are; the deck's by default.

    Shape:
        (N, in_features, H, W) to the same, H and W at least 2 (reflection needs a neighbour).
    """

    def __init__(
        self, in_features: int, *, inner_features: int | None = None, variant: ResNetParameters = _DECK
    ) -> None:
        super().__init__()
        inner = inner_features or in_features
        layers = _block_half(variant, "block1", in_features, inner if variant.block_convs == 2 else in_features)
        if variant.block_convs == 2:
            layers += [_activation(variant, "block1"), *_block_half(variant, "block2", inner, in_features)]
        self.block = nn.Sequential(*layers)
        self.behind = _activation(variant, "block2") if variant.block_relu else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x + block(x)``, activated where the variant says so."""
        y: Tensor = self.behind(x + self.block(x))
        return y


class ResNet(nn.Module):
    """A generator: convolution, downsamplings, residual blocks, upsamplings, convolution.

    Source: Zhu et al., ICCV 2017, appendix 7.2, and the public code that descends from it. State-dict keys are the
    deck's (``model.N.weight``, ``model.N.block.K.weight``).

    Args:
        parameters: Which of them; see :class:`ResNetParameters`.

    Shape:
        (N, channels, H, W) to (N, channels out, H, W) for H and W that are multiples of ``2 ** depth``, at least two of
        them; other sizes come out rounded up, or are refused where the output is added to the input. Values that come
        out are in the range of the head.
    """

    def __init__(self, parameters: ResNetParameters) -> None:
        super().__init__()
        p, widths = parameters, [*parameters.all_widths()]
        features, channels_out = p.channels, p.channels_out or p.channels
        layers: list[nn.Module] = []

        def convolve(place: str, convolution: nn.Module, features_out: int) -> None:
            layers.extend((_weight_normed(p, place, convolution), _norm(p, place, features_out), _activation(p, place)))

        if p.stem:
            # The deck pads by the number of channels, which is right for three only: 7 // 2 keeps the size for any.
            layers.append(_PADS[p.end_padding](7 // 2))
            convolve("stem", nn.Conv2d(features, widths[0], 7, bias="stem" not in p.unbiased), widths[0])
            features = widths.pop(0)
        for _ in range(p.depth):
            wider = widths.pop(0)
            convolve("down", _down(p, features, wider), wider)
            if p.downsampling == "blur":
                layers.append(BlurDown(wider))
            features = wider
        for block in range(p.blocks):
            inner = p.block_widths[block] if p.block_widths else None
            layers.append(ResidualBlock(features, inner_features=inner, variant=p))
        for narrower in widths:
            *before, up = _up(p, "up", features, narrower)
            layers += before
            convolve("up", up, narrower)
            features = narrower
        if p.stem:
            head = nn.Conv2d(features, channels_out, 7, bias="head" not in p.unbiased)
            layers += [_PADS[p.end_padding](7 // 2), _weight_normed(p, "head", head)]
        else:
            *before, up = _up(p, "head", features, channels_out)
            layers += [*before, _weight_normed(p, "head", up)]
        self.model = nn.Sequential(*layers, _HEADS[p.head]())
        self.residual = p.residual_output
        self.limit = nn.Hardtanh(*_LIMITS[p.head]) if p.residual_output and p.head in _LIMITS else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Translate a batch of pictures."""
        translated: Tensor = self.model(x)
        return self.limit(x + translated) if self.residual else translated


class GeneratorResNet(ResNet):
    """CycleGAN's generator: 7x7 convolution, two downsamplings, residual blocks, two upsamplings, 7x7 convolution.

    Source: the deck's ``GeneratorResNet``; Zhu et al., ICCV 2017, appendix 7.2. State-dict keys
    are the deck's (``model.N.weight``, ``model.N.block.K.weight``).

    Args:
        input_shape: ``(channels, height, width)``; only the channels matter to the network.
        num_residual_blocks: Residual blocks in the trunk (the paper: 9 from 256 pixels up, 6 below).
        ngf: Channels after the first convolution; the trunk has four times as many.
        upsampling: ``nearest`` (the deck: Upsample, then a 3x3 convolution), ``transpose`` (the paper's reference
            code: a strided transposed convolution), ``blur`` (CUT: anti-aliased, then a 3x3 convolution), or another
            of :data:`imgtrans.architectures.parameters.UPSAMPLINGS`.

    Shape:
        (N, channels, H, W) to (N, channels, H, W) for H and W that are multiples of 4, at least 8;
        other sizes come out rounded up to a multiple of 4. Values in and out are in [-1, 1].

    Raises:
        ValueError: If ``upsampling`` is none of these.
    """

    def __init__(
        self,
        input_shape: Sequence[int],
        num_residual_blocks: int,
        *,
        ngf: int = 64,
        upsampling: str = "nearest",
    ) -> None:
        if upsampling not in UPSAMPLINGS:
            raise ValueError(f"upsampling is {upsampling!r}; it must be one of {', '.join(UPSAMPLINGS)}")
        super().__init__(ResNetParameters(input_shape[0], ngf, num_residual_blocks, upsampling))


def _block_half(p: ResNetParameters, place: str, features_in: int, features_out: int) -> list[nn.Module]:
    """Return a convolution of a residual block, with its padding and normalisation."""
    pads: list[nn.Module] = [_PADS[p.padding](1)] if p.pad_layers else []
    padding = int(not pads)
    mode: PaddingMode = "zeros" if pads else _MODES[p.padding]
    bias = place not in p.unbiased
    convolution: nn.Module
    if p.separable:
        convolution = SeparableConv2d(features_in, features_out, padding, bias, mode)
    else:
        convolution = nn.Conv2d(features_in, features_out, 3, padding=padding, padding_mode=mode, bias=bias)
        convolution = _weight_normed(p, place, convolution)
    return [*pads, convolution, _norm(p, place, features_out)]


def _down(p: ResNetParameters, features_in: int, features_out: int) -> nn.Module:
    return nn.Conv2d(
        features_in,
        features_out,
        p.kernel,
        stride=1 if p.downsampling == "blur" else 2,
        padding=1,
        padding_mode=_MODES[p.down_padding],
        bias="down" not in p.unbiased,
    )


def _up(p: ResNetParameters, place: str, features_in: int, features_out: int) -> list[nn.Module]:
    """Return the layers that double a map, the one with weights last."""
    bias = place not in p.unbiased
    if p.upsampling == "transpose":
        kernel = p.up_kernel or p.kernel
        padding = (kernel - 1) // 2
        return [
            nn.ConvTranspose2d(
                features_in, features_out, kernel, 2, padding, output_padding=2 + 2 * padding - kernel, bias=bias
            )
        ]
    mode = _MODES[p.up_padding]
    return [_larger(p, features_in), nn.Conv2d(features_in, features_out, 3, padding=1, padding_mode=mode, bias=bias)]


def _larger(p: ResNetParameters, features: int) -> nn.Module:
    """Return the layer that doubles a map by its values alone."""
    if p.upsampling == "blur":
        return BlurUp(features)
    if p.upsampling == "nearest":
        return nn.Upsample(scale_factor=2)
    mode, _, aligned = p.upsampling.partition("_")
    return nn.Upsample(scale_factor=2, mode=mode, align_corners=bool(aligned))


def _activation(p: ResNetParameters, place: str) -> nn.Module:
    """Return a new activation layer, or one that does nothing in its place."""
    if place in p.unactivated:
        return nn.Identity()
    if p.activation == "relu":
        return nn.ReLU(inplace=True)
    if p.activation == "elu":
        return nn.ELU(inplace=True)
    if p.activation == "silu":
        return nn.SiLU(inplace=True)
    return nn.GELU() if p.activation == "gelu" else nn.LeakyReLU(p.slope, inplace=True)


def _norm(p: ResNetParameters, place: str, features: int) -> nn.Module:
    """Return a normalisation layer, or one that does nothing in its place."""
    if p.norm in ("none", "weight") or place in p.unnormalised:
        return nn.Identity()
    if p.statistics == "own" and (p.tracked or p.norm == "batch"):
        return OwnStatistics2d(features, affine=p.affine or p.norm == "batch")
    if p.norm == "batch":
        return nn.BatchNorm2d(features)
    return nn.InstanceNorm2d(features, affine=p.affine, track_running_stats=p.tracked)


def _weight_normed(p: ResNetParameters, place: str, convolution: nn.Module) -> nn.Module:
    return weight_norm(convolution) if p.norm == "weight" and place not in p.unnormalised else convolution


def weights_init_normal(m: nn.Module) -> None:
    """Initialise one module as the paper does; use as ``network.apply(weights_init_normal)``.

    Source: the deck's ``weights_init_normal``. Convolution weights are drawn from N(0, 0.02) and
    their biases set to 0; BatchNorm2d weights from N(1, 0.02), biases 0; other modules are left alone.
    """
    if isinstance(m, nn.Conv2d | nn.ConvTranspose2d):
        torch.nn.init.normal_(m.weight, 0.0, 0.02)
        if m.bias is not None:
            torch.nn.init.zeros_(m.bias)
    elif isinstance(m, nn.BatchNorm2d):
        torch.nn.init.normal_(m.weight, 1.0, 0.02)
        torch.nn.init.zeros_(m.bias)
