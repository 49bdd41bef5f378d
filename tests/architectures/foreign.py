"""Generators as other code bases build them, written down from their layouts without imgtrans's own networks."""

from collections.abc import Callable, Iterator
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations

Norm = Callable[[int], nn.Module]


def instance(features: int) -> nn.Module:
    return nn.InstanceNorm2d(features)


def affine(features: int) -> nn.Module:
    return nn.InstanceNorm2d(features, affine=True)


def of_torch_0_3(features: int) -> nn.Module:
    """Instance normalisation that keeps statistics, which its users switch off."""
    norm = nn.InstanceNorm2d(features, track_running_stats=True)
    norm.forward = lambda x: F.instance_norm(x)  # type: ignore[method-assign]
    norm.num_batches_tracked = None  # which is newer
    return norm


def batch(features: int) -> nn.Module:
    return nn.BatchNorm2d(features)


def nothing(features: int) -> nn.Module:
    return nn.Identity()


class Residual(nn.Module):
    """``x + f(x)``, where f is called by the name that the code base gives it."""

    def __init__(self, name: str, layers: list[nn.Module]) -> None:
        super().__init__()
        self.add_module(name, nn.Sequential(*layers))
        self._name = name

    def forward(self, x: Tensor) -> Tensor:
        return x + getattr(self, self._name)(x)


class Model(nn.Module):
    """A network whose layers are one sequence."""

    def __init__(self, name: str, layers: list[nn.Module]) -> None:
        super().__init__()
        self.add_module(name, nn.Sequential(*layers))
        self._name = name

    def forward(self, x: Tensor) -> Tensor:
        return getattr(self, self._name)(x)


def gaussian(side: int) -> Tensor:
    row = torch.tensor({3: [1.0, 2.0, 1.0], 4: [1.0, 3.0, 3.0, 1.0]}[side])
    return row[:, None] * row[None] / row.sum() ** 2


class Down(nn.Module):
    """CUT's anti-aliased reduction."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.register_buffer("filt", gaussian(3).repeat(features, 1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        padded = nn.ReflectionPad2d(1)(x)
        channels = [F.conv2d(padded[:, [n]], self.filt[[n]], stride=2) for n in range(x.shape[1])]
        return torch.cat(channels, dim=1)


class Up(nn.Module):
    """CUT's anti-aliased enlargement: each pixel weighs 3/4, its neighbour to that side 1/4, both ways."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.register_buffer("filt", 4 * gaussian(4).repeat(features, 1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        for axis in (2, 3):
            n = x.shape[axis]
            before = x.index_select(axis, torch.tensor([0, *range(n - 1)]))
            after = x.index_select(axis, torch.tensor([*range(1, n), n - 1]))
            pairs = torch.stack(((3 * x + before) / 4, (3 * x + after) / 4), dim=axis + 1)
            x = pairs.flatten(axis, axis + 1)
        return x


class Separable(nn.Module):
    """GAN Compression's convolution."""

    def __init__(self, features_in: int, features_out: int, padding: int, bias: bool) -> None:
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(features_in, features_in, 3, 1, padding, groups=features_in, bias=bias),
            nn.InstanceNorm2d(features_in),
            nn.Conv2d(features_in, features_out, 1, bias=bias),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


def junyanz(
    *, ngf: int = 4, blocks: int = 2, norm: Norm = instance, bias: bool = True, dropout: bool = False,
    pad: type[nn.Module] | None = nn.ReflectionPad2d, blur_down: bool = False, blur_up: bool = False,
    nearest: bool = False, channels: tuple[int, int] = (3, 3), block: str = "conv_block", separable: bool = False,
    widths: tuple[int, int, int, int, int] | None = None, inner: int = 0,
    act: Callable[[], nn.Module] = nn.ReLU, head: Callable[[], nn.Module] = nn.Tanh, stem_norm: bool = True,
    upsample: str = "nearest", up_kernel: int = 3, ends: type[nn.Module] | None = nn.ReflectionPad2d,
    name: str = "model", skip: bool = False, down_mode: str = "zeros",
) -> nn.Module:  # fmt: skip
    """The family of junyanz's ResnetGenerator: CUT, aitorzip, GAN Compression, vintagify, the deck."""
    stem, down1, down2, up1, up2 = widths or (ngf, 2 * ngf, 4 * ngf, 2 * ngf, ngf)
    end_pads = [ends(3)] if ends else []
    at_ends = 0 if ends else 3
    layers: list[nn.Module] = [*end_pads, nn.Conv2d(channels[0], stem, 7, 1, at_ends, bias=bias)]
    layers += [*([norm(stem)] if stem_norm else []), act()]
    for a, b in ((stem, down1), (down1, down2)):
        convolution = nn.Conv2d(a, b, 3, 1 if blur_down else 2, 1, bias=bias, padding_mode=down_mode)
        layers += [convolution, norm(b), act()]
        layers += [Down(b)] if blur_down else []
    inner = inner or down2
    for _ in range(blocks):
        half: list[list[nn.Module]] = []
        for a, b in ((down2, inner), (inner, down2)):
            padding = int(pad is None)
            conv = Separable(a, b, padding, bias) if separable else nn.Conv2d(a, b, 3, 1, padding, bias=bias)
            half.append([*([pad(1)] if pad else []), conv, norm(b)])
        between = [act(), *([nn.Dropout(0.5)] if dropout else [])]
        layers.append(Residual(block, [*half[0], *between, *half[1]]))
    for a, b in ((down2, up1), (up1, up2)):
        if blur_up or nearest:
            larger = Up(a) if blur_up else nn.Upsample(scale_factor=2, mode=upsample)
            layers += [larger, nn.Conv2d(a, b, 3, 1, 1, bias=bias)]
        elif up_kernel == 4:
            layers += [nn.ConvTranspose2d(a, b, 4, 2, 1, bias=bias)]
        else:
            layers += [nn.ConvTranspose2d(a, b, 3, 2, 1, output_padding=1, bias=bias)]
        layers += [norm(b), act()]
    last = [*end_pads, nn.Conv2d(up2, channels[1], 7, 1, at_ends), head()]
    return (Added if skip else Model)(name, [*layers, *last])


class Added(Model):
    """A network that learns what to add: DeblurGAN's learned residual."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.clamp(x + super().forward(x), min=-1, max=1)


class Block(nn.Module):
    """aladdinpersson's ConvBlock."""

    def __init__(self, convolution: nn.Module, features: int, act: bool = True) -> None:
        super().__init__()
        self.conv = nn.Sequential(convolution, nn.InstanceNorm2d(features), nn.ReLU() if act else nn.Identity())

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


class Aladdinpersson(nn.Module):
    """aladdinpersson's Generator: even its strided convolutions pad by reflection."""

    def __init__(self, f: int = 4, blocks: int = 2) -> None:
        super().__init__()

        def reflected(a: int, b: int, side: int, stride: int = 1) -> nn.Module:
            return nn.Conv2d(a, b, side, stride, side // 2, padding_mode="reflect")

        self.initial = nn.Sequential(reflected(3, f, 7), nn.InstanceNorm2d(f), nn.ReLU())
        self.down_blocks = nn.ModuleList([Block(reflected(n * f, 2 * n * f, 3, 2), 2 * n * f) for n in (1, 2)])
        self.res_blocks = nn.Sequential(
            *(
                Residual("block", [Block(reflected(4 * f, 4 * f, 3), 4 * f, act) for act in (True, False)])
                for _ in range(blocks)
            )
        )
        self.up_blocks = nn.ModuleList(
            [Block(nn.ConvTranspose2d(2 * n * f, n * f, 3, 2, 1, output_padding=1), n * f) for n in (2, 1)]
        )
        self.last = reflected(f, 3, 7)

    def forward(self, x: Tensor) -> Tensor:
        x = self.initial(x)
        for layer in self.down_blocks:
            x = layer(x)
        x = self.res_blocks(x)
        for layer in self.up_blocks:
            x = layer(x)
        return torch.tanh(self.last(x))


class Aladdinperssons(Aladdinpersson):
    """The same with another name for its blocks, or as it was in 2020: without a norm in the first layer."""

    def __init__(self, *, blocks_name: str = "res_blocks", first_norm: bool = True) -> None:
        super().__init__()
        self._blocks_name = blocks_name
        if blocks_name != "res_blocks":
            self.add_module(blocks_name, self.res_blocks)
            del self.res_blocks
        if not first_norm:
            self.initial = nn.Sequential(self.initial[0], nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        x = self.initial(x)
        for layer in (*self.down_blocks, getattr(self, self._blocks_name), *self.up_blocks):
            x = layer(x)
        return torch.tanh(self.last(x))


class Specialisation(nn.Module):
    """The generator of the GAN specialisation: its first layer has neither norm nor activation."""

    def __init__(self, f: int = 4, blocks: int = 2, norm: Norm = instance) -> None:
        super().__init__()

        def part(**layers: nn.Module) -> nn.Module:
            made = nn.Module()
            for name, layer in layers.items():
                made.add_module(name, layer)
            return made

        def reflected(a: int, b: int, side: int, stride: int = 1) -> nn.Module:
            return nn.Conv2d(a, b, side, stride, side // 2, padding_mode="reflect")

        self.upfeature = part(conv=reflected(3, f, 7))
        for n in (1, 2):
            self.add_module(f"contract{n}", part(conv1=reflected(n * f, 2 * n * f, 3, 2), instancenorm=norm(2 * n * f)))
        for n in range(blocks):
            convolutions = {f"conv{k}": reflected(4 * f, 4 * f, 3) for k in (1, 2)}
            self.add_module(f"res{n}", part(**convolutions, instancenorm=norm(4 * f)))
        for n, a in ((2, 4 * f), (3, 2 * f)):
            up = nn.ConvTranspose2d(a, a // 2, 3, 2, 1, output_padding=1)
            self.add_module(f"expand{n}", part(conv1=up, instancenorm=norm(a // 2)))
        self.downfeature = part(conv=reflected(f, 3, 7))
        self._blocks = [getattr(self, f"res{n}") for n in range(blocks)]

    def forward(self, x: Tensor) -> Tensor:
        x = self.upfeature.conv(x)
        for layer in (self.contract1, self.contract2):
            x = F.relu(layer.instancenorm(layer.conv1(x)))
        for block in self._blocks:
            y = F.relu(block.instancenorm(block.conv1(x)))
            x = x + block.instancenorm(block.conv2(y))
        for layer in (self.expand2, self.expand3):
            x = F.relu(layer.instancenorm(layer.conv1(x)))
        return torch.tanh(self.downfeature.conv(x))


class Layers(nn.Module):
    """Encoder, residual blocks and decoder, each of modules that have ``layers``."""

    class Unit(nn.Module):
        def __init__(self, convolution: nn.Module, norm: bool = True, act: bool = True) -> None:
            super().__init__()
            b = convolution.out_channels
            self.layers = nn.Sequential(
                convolution, nn.InstanceNorm2d(b) if norm else nn.Identity(), nn.ReLU() if act else nn.Identity()
            )

        def forward(self, x: Tensor) -> Tensor:
            return self.layers(x)

    def __init__(self, f: int = 4, blocks: int = 2) -> None:
        super().__init__()

        def reflected(a: int, b: int, side: int, stride: int = 1) -> nn.Module:
            return nn.Conv2d(a, b, side, stride, side // 2, padding_mode="reflect")

        def larger(a: int) -> nn.Module:
            return self.Unit(nn.ConvTranspose2d(a, a // 2, 3, 2, 1, output_padding=1))

        self.encoder = nn.Sequential(
            self.Unit(reflected(3, f, 7), norm=False),
            self.Unit(reflected(f, 2 * f, 3, 2)),
            self.Unit(reflected(2 * f, 4 * f, 3, 2)),
        )
        self.residual_blocks = nn.Sequential(*(nn.Module() for _ in range(blocks)))
        for block in self.residual_blocks:
            block.layers = nn.Sequential(*(self.Unit(reflected(4 * f, 4 * f, 3), act=act) for act in (True, False)))
        self.decoder = nn.Sequential(larger(4 * f), larger(2 * f), self.Unit(reflected(f, 3, 7), norm=False, act=False))

    def forward(self, x: Tensor) -> Tensor:
        x = self.encoder(x)
        for block in self.residual_blocks:
            x = F.relu(block.layers(x) + x)
        return torch.tanh(self.decoder(x))


class Parts(nn.Module):
    """A generator cut into sequences of its own, called one after the other: line drawings, and others."""

    def __init__(
        self,
        names: list[str],
        cuts: list[int],
        *,
        block: str = "conv_block",
        sigmoid: bool = False,
        alone: bool = False,
    ) -> None:
        super().__init__()
        whole = [*junyanz(block=block, head=nn.Sigmoid if sigmoid else nn.Tanh).model]
        for name, first, last in zip(names, cuts, [*cuts[1:], len(whole)], strict=True):
            self.add_module(name, nn.Sequential(*whole[first:last]))
        self._names, self._alone = names, alone
        if alone:  # the last convolution is a module of its own, and what is around it has no name
            self.add_module(names[-1], whole[-2])

    def forward(self, x: Tensor) -> Tensor:
        for name in self._names[:-1]:
            x = getattr(self, name)(x)
        x = F.pad(x, (3, 3, 3, 3), "reflect") if self._alone else x
        x = getattr(self, self._names[-1])(x)
        return torch.tanh(x) if self._alone else x


class Units(nn.Module):
    """A generator whose layers are modules that have a ``conv`` and, in the blocks, two of them."""

    class Unit(nn.Module):
        def __init__(self, convolution: nn.Module, norm: Norm, act: bool = True) -> None:
            super().__init__()
            self.conv = convolution
            self.norm = norm(convolution.out_channels)
            self._act = act

        def forward(self, x: Tensor) -> Tensor:
            x = self.norm(self.conv(x))
            return F.relu(x) if self._act else x

    def __init__(self, f: int = 4, blocks: int = 2, norm: Norm = affine) -> None:
        super().__init__()

        def convolve(a: int, b: int, side: int, stride: int = 1, act: bool = True) -> nn.Module:
            return self.Unit(nn.Conv2d(a, b, side, stride, side // 2), norm, act)

        def larger(a: int) -> nn.Module:
            return self.Unit(nn.ConvTranspose2d(a, a // 2, 3, 2, 1, output_padding=1), norm)

        self.model = nn.Sequential(
            convolve(3, f, 7), convolve(f, 2 * f, 3, 2), convolve(2 * f, 4 * f, 3, 2),
            *(
                Residual("block", [convolve(4 * f, 4 * f, 3), convolve(4 * f, 4 * f, 3, act=False)])
                for _ in range(blocks)
            ),
            larger(4 * f), larger(2 * f), nn.Conv2d(f, 3, 7, 1, 3),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(self.model(x))


def arnab39(*, f: int = 4, blocks: int = 2, dropout: bool = False) -> nn.Module:
    """arnab39's ResnetGenerator: as LynnHo's, with other names and a bias."""

    def unit(convolution: nn.Module, features: int) -> nn.Module:
        return nn.Sequential(convolution, nn.InstanceNorm2d(features), nn.ReLU())

    def block() -> nn.Module:
        middle = [nn.Dropout(0.5)] if dropout else []
        first = unit(nn.Conv2d(4 * f, 4 * f, 3), 4 * f)
        second = [nn.ReflectionPad2d(1), nn.Conv2d(4 * f, 4 * f, 3), nn.InstanceNorm2d(4 * f)]
        return Residual("res_block", [nn.ReflectionPad2d(1), first, *middle, *second])

    def larger(a: int) -> nn.Module:
        return unit(nn.ConvTranspose2d(a, a // 2, 3, 2, 1, output_padding=1), a // 2)

    return Model(
        "res_model",
        [
            nn.ReflectionPad2d(3), unit(nn.Conv2d(3, f, 7), f), unit(nn.Conv2d(f, 2 * f, 3, 2, 1), 2 * f),
            unit(nn.Conv2d(2 * f, 4 * f, 3, 2, 1), 4 * f), *(block() for _ in range(blocks)),
            larger(4 * f), larger(2 * f), nn.ReflectionPad2d(3), nn.Conv2d(f, 3, 7), nn.Tanh(),
        ],
    )  # fmt: skip


def lynnho(*, dim: int = 4, blocks: int = 2, norm: Norm = batch) -> nn.Module:
    """LynnHo's Generator: convolution, norm and ReLU are sequences of their own."""

    def unit(convolution: nn.Module, features: int) -> nn.Module:
        return nn.Sequential(convolution, norm(features), nn.ReLU())

    def convolve(a: int, b: int, side: int, stride: int = 1, padding: int = 0) -> nn.Module:
        return unit(nn.Conv2d(a, b, side, stride, padding, bias=False), b)

    def enlarge(a: int, b: int) -> nn.Module:
        return unit(nn.ConvTranspose2d(a, b, 3, 2, 1, output_padding=1, bias=False), b)

    d = 4 * dim
    residuals: list[nn.Module] = [
        Residual("ls", [nn.ReflectionPad2d(1), convolve(d, d, 3), nn.ReflectionPad2d(1), nn.Conv2d(d, d, 3), norm(d)])
        for _ in range(blocks)
    ]
    return Model(
        "ls",
        [
            nn.ReflectionPad2d(3), convolve(3, dim, 7), convolve(dim, 2 * dim, 3, 2, 1), convolve(2 * dim, d, 3, 2, 1),
            *residuals, enlarge(d, 2 * dim), enlarge(2 * dim, dim),
            nn.ReflectionPad2d(3), nn.Conv2d(dim, 3, 7), nn.Tanh(),
        ],
    )  # fmt: skip


class Course(nn.Module):
    """The generators of university courses: 4x4 kernels down and up, no 7x7 at the ends."""

    def __init__(self, f: int = 4, depth: int = 2, norm: str = "batch", udacity: bool = False, blocks: int = 1) -> None:
        super().__init__()

        def unit(convolution: nn.Module, features: int, normalised: bool = True) -> nn.Module:
            if norm == "weight":
                return nn.Sequential(parametrizations.weight_norm(convolution))
            return nn.Sequential(convolution, *([nn.BatchNorm2d(features)] if normalised and norm == "batch" else []))

        def trunk(features: int) -> nn.Module:
            return unit(nn.Conv2d(features, features, 3, 1, 1, bias=False), features)

        widths = [3, *(f * 2**n for n in range(depth))]
        for n, (a, b) in enumerate(pairwise(widths), 1):
            self.add_module(f"conv{n}", unit(nn.Conv2d(a, b, 4, 2, 1, bias=False), b))
        if udacity:
            self.res_blocks = nn.Sequential(*(nn.Module() for _ in range(blocks)))
            for block in self.res_blocks:
                block.conv_layer1, block.conv_layer2 = trunk(widths[-1]), trunk(widths[-1])
        else:
            self.resnet_block = nn.Module()
            self.resnet_block.conv_layer = trunk(widths[-1])
        for n, (a, b) in enumerate(pairwise(reversed(widths)), 1):
            self.add_module(f"deconv{n}", unit(nn.ConvTranspose2d(a, b, 4, 2, 1, bias=False), b, n < depth))
        self._depth, self._udacity = depth, udacity

    def forward(self, x: Tensor) -> Tensor:
        for n in range(1, self._depth + 1):
            x = F.relu(getattr(self, f"conv{n}")(x))
        if self._udacity:
            for block in self.res_blocks:
                x = x + block.conv_layer2(F.relu(block.conv_layer1(x)))
        else:
            x = F.relu(x + self.resnet_block.conv_layer(x))
        for n in range(1, self._depth):
            x = F.relu(getattr(self, f"deconv{n}")(x))
        return torch.tanh(getattr(self, f"deconv{self._depth}")(x))


def networks() -> Iterator[tuple[str, Callable[[], nn.Module], dict[str, object]]]:
    """Yield every dialect and its variants: a name, how to build it, and what its parameters are to be read as."""
    plain = {"channels": 3, "ngf": 4, "blocks": 2, "upsampling": "transpose"}
    unbiased = {"unbiased": ["stem", "down", "block1", "block2", "up"]}
    yield "deck", lambda: junyanz(block="block", nearest=True), plain | {"upsampling": "nearest"}
    yield "deck, gray to RGB", lambda: junyanz(block="block", nearest=True, channels=(1, 3)), plain | {
        "upsampling": "nearest", "channels": 1, "channels_out": 3,
    }  # fmt: skip
    yield "vintagify", lambda: junyanz(block="block", norm=affine), plain | {"affine": True}
    for blocks in (0, 1, 6, 9):
        yield f"junyanz, {blocks} blocks", lambda blocks=blocks: junyanz(blocks=blocks), plain | {"blocks": blocks}
    yield "junyanz, dropout", lambda: junyanz(dropout=True), plain
    yield "junyanz, zero padding", lambda: junyanz(pad=None), plain | {"padding": "zero", "pad_layers": False}
    yield (
        "junyanz, zero padding, dropout",
        lambda: junyanz(pad=None, dropout=True),
        plain | {"padding": "zero", "pad_layers": False},
    )
    yield "junyanz, batch norm", lambda: junyanz(norm=batch, bias=False), plain | {"norm": "batch"} | unbiased
    yield "junyanz, batch norm, dropout", lambda: junyanz(norm=batch, bias=False, dropout=True), plain | {
        "norm": "batch",
    } | unbiased  # fmt: skip
    yield "junyanz, no bias", lambda: junyanz(bias=False), plain | unbiased
    yield "junyanz, PyTorch 0.3", lambda: junyanz(norm=of_torch_0_3), plain | {
        "tracked": True, "statistics": "own",
    }  # fmt: skip
    yield "CUT", lambda: junyanz(blur_down=True, blur_up=True), plain | {"upsampling": "blur", "downsampling": "blur"}
    yield "CUT, blurred down only", lambda: junyanz(blur_down=True), plain | {"downsampling": "blur"}
    yield "CUT, blurred up only", lambda: junyanz(blur_up=True), plain | {"upsampling": "blur"}
    yield "aitorzip", lambda: junyanz(ngf=8, blocks=3), plain | {"ngf": 8, "blocks": 3}
    yield "mobile_resnet", lambda: junyanz(separable=True, dropout=True), plain | {"separable": True}
    yield (
        "mobile_resnet, compressed",
        lambda: junyanz(separable=True, dropout=True, widths=(5, 6, 12, 7, 3), inner=9),
        plain | {"separable": True, "ngf": 5, "widths": [5, 6, 12, 7, 3], "block_widths": [9, 9]},
    )
    yield "aladdinpersson", Aladdinpersson, plain | {"down_padding": "reflect"}
    yield (
        "aladdinpersson, residual_blocks",
        lambda: Aladdinperssons(blocks_name="residual_blocks"),
        plain | {"down_padding": "reflect"},
    )
    yield "arnab39", arnab39, plain
    yield "arnab39, dropout", lambda: arnab39(dropout=True), plain
    first = {"down_padding": "reflect", "unnormalised": ["stem"]}
    yield "GAN specialisation", Specialisation, plain | first | {"unactivated": ["stem"]}
    yield "GAN specialisation, affine", lambda: Specialisation(norm=affine), plain | first | {
        "affine": True, "unactivated": ["stem"],
    }  # fmt: skip
    yield "encoder.N.layers", Layers, plain | first | {"block_relu": True}
    without = {"end_padding": "zero"}
    inside = {"padding": "zero", "pad_layers": False}
    yield "model.0, model.3", lambda: junyanz(block="block", ends=None, pad=None), plain | without | inside
    yield "model.0, padded blocks", lambda: junyanz(ends=None), plain | without
    yield "model.0, no blocks", lambda: junyanz(ends=None, blocks=0), plain | without | {"blocks": 0}
    yield "no layer for the first norm", lambda: junyanz(stem_norm=False), plain | {"unnormalised": ["stem"]}
    yield "4x4 up", lambda: junyanz(up_kernel=4), plain | {"up_kernel": 4}
    yield "main.N.res", lambda: junyanz(name="main", block="res"), plain
    parts = ["model0", "model1", "model2", "model3", "model4"]
    yield "line drawings", lambda: Parts(parts, [0, 4, 10, 12, 18], sigmoid=True), plain | {"head": "sigmoid"}
    stages = ["stage_1", "stage_2", "stage_3", "blocks", "up_1", "up_2", "head"]
    yield "stages", lambda: Parts(stages, [0, 4, 7, 10, 12, 15, 18], block="body"), plain
    yield "stages, head alone", lambda: Parts(stages, [0, 4, 7, 10, 12, 15, 18], block="body", alone=True), plain
    yield "model.N.conv", Units, plain | {"affine": True} | without | inside
    places = ["stem", "down", "block1", "up"]
    yield "LynnHo", lynnho, plain | {"norm": "batch", "unbiased": places}
    yield "LynnHo, instance norm", lambda: lynnho(norm=instance), plain | {"unbiased": places}
    course = {
        "channels": 3, "ngf": 4, "blocks": 1, "upsampling": "transpose", "stem": False, "kernel": 4, "padding": "zero",
        "pad_layers": False,
    }  # fmt: skip
    toronto = course | {"block_convs": 1, "block_relu": True, "unbiased": ["down", "block1", "up", "head"]}
    udacity = course | {"unbiased": ["down", "block1", "block2", "up", "head"], "blocks": 2, "depth": 3}
    for norm in ("batch", "none", "weight"):
        yield f"Toronto, {norm} norm", lambda norm=norm: Course(norm=norm), toronto | {"norm": norm}
        yield (
            f"Udacity, {norm} norm",
            lambda norm=norm: Course(norm=norm, depth=3, udacity=True, blocks=2),
            udacity | {"norm": norm},
        )


def variants() -> Iterator[tuple[str, Callable[[], nn.Module], dict[str, str]]]:
    """Yield networks that share all their keys with another: a name, how to build it, what has to be assumed."""

    def tracked(features: int) -> nn.Module:
        return nn.InstanceNorm2d(features, track_running_stats=True)

    yield "no norm in the first layer", lambda: Aladdinperssons(first_norm=False), {"unnormalised": "stem"}
    for mode in ("bilinear", "bicubic"):
        yield mode, lambda mode=mode: junyanz(block="block", nearest=True, upsample=mode), {"upsampling": mode}
    for name, act in (
        ("leaky_relu:0.2", lambda: nn.LeakyReLU(0.2)),
        ("leaky_relu:0.01", nn.LeakyReLU),
        ("gelu", nn.GELU),
        ("elu", nn.ELU),
        ("silu", nn.SiLU),
    ):
        yield name, lambda act=act: junyanz(act=act), {"activation": name}
    yield "clamp(x + G(x))", lambda: junyanz(skip=True), {"residual_output": "true"}
    yield "sigmoid", lambda: junyanz(head=nn.Sigmoid), {"head": "sigmoid"}
    yield "no head", lambda: junyanz(head=nn.Identity), {"head": "none"}
    yield "tracked statistics, not used", lambda: own(junyanz(norm=tracked)), {"statistics": "own"}
    yield "batch statistics of the picture", lambda: own(junyanz(norm=batch)), {"statistics": "own"}
    yield "no norm at all", lambda: junyanz(norm=nothing), {"norm": "none"}
    yield "zeros in padding layers", lambda: junyanz(pad=nn.ZeroPad2d, ends=nn.ZeroPad2d), {
        "padding": "zero", "end_padding": "zero",
    }  # fmt: skip
    yield "reducing with reflection", lambda: junyanz(down_mode="reflect"), {"down_padding": "reflect"}


def own(network: nn.Module) -> nn.Module:
    """Make a network normalise each picture by its own statistics, though it has kept others."""
    for module in network.modules():
        if isinstance(module, nn.InstanceNorm2d | nn.BatchNorm2d):
            module.forward = lambda x, n=module: F.instance_norm(  # type: ignore[method-assign]
                x, weight=n.weight, bias=n.bias
            )
    return network
