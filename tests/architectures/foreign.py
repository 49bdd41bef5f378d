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
) -> nn.Module:  # fmt: skip
    """The family of junyanz's ResnetGenerator: CUT, aitorzip, GAN Compression, vintagify, the deck."""
    stem, down1, down2, up1, up2 = widths or (ngf, 2 * ngf, 4 * ngf, 2 * ngf, ngf)
    layers: list[nn.Module] = [nn.ReflectionPad2d(3), nn.Conv2d(channels[0], stem, 7, bias=bias), norm(stem), nn.ReLU()]
    for a, b in ((stem, down1), (down1, down2)):
        layers += [nn.Conv2d(a, b, 3, 1 if blur_down else 2, 1, bias=bias), norm(b), nn.ReLU()]
        layers += [Down(b)] if blur_down else []
    inner = inner or down2
    for _ in range(blocks):
        half: list[list[nn.Module]] = []
        for a, b in ((down2, inner), (inner, down2)):
            padding = int(pad is None)
            conv = Separable(a, b, padding, bias) if separable else nn.Conv2d(a, b, 3, 1, padding, bias=bias)
            half.append([*([pad(1)] if pad else []), conv, norm(b)])
        between = [nn.ReLU(), *([nn.Dropout(0.5)] if dropout else [])]
        layers.append(Residual(block, [*half[0], *between, *half[1]]))
    for a, b in ((down2, up1), (up1, up2)):
        if blur_up or nearest:
            layers += [Up(a) if blur_up else nn.Upsample(scale_factor=2), nn.Conv2d(a, b, 3, 1, 1, bias=bias)]
        else:
            layers += [nn.ConvTranspose2d(a, b, 3, 2, 1, output_padding=1, bias=bias)]
        layers += [norm(b), nn.ReLU()]
    return Model("model", [*layers, nn.ReflectionPad2d(3), nn.Conv2d(up2, channels[1], 7), nn.Tanh()])


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
    yield "junyanz, zero padding, dropout", lambda: junyanz(pad=None, dropout=True), plain | {"padding": "zero", "pad_layers": False}
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
