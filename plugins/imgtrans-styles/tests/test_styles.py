"""Networks of fast neural style, CartoonGAN and AnimeGANv2: recognised, and computed as the code that has them does.

Each network is written down once more here, as that code computes it and independently of the plugin.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import imgtrans_styles
import pytest
import torch
from imgtrans_styles import animegan, cartoongan, transformernet
from torch import Tensor, nn
from torch.nn import functional as F

from imgtrans.protocols import Architecture
from imgtrans.testing import check_architecture, check_checkpoint, check_imports, shapes_of

ALL = [animegan.architecture, cartoongan.architecture, transformernet.architecture]


def reflected(x: Tensor, *sides: int) -> Tensor:
    return F.pad(x, sides * 4 if len(sides) == 1 else sides, mode="reflect")


def drawn(network: nn.Module) -> nn.Module:
    """Fill a network with weights of which something comes out."""
    torch.manual_seed(0)
    for name, tensor in network.state_dict().items():
        if tensor.ndim > 1:
            tensor.normal_(0, (tensor[0].numel()) ** -0.5)
        elif name.endswith(("weight", "scale")):
            tensor.uniform_(0.5, 1.5)
        elif tensor.is_floating_point():
            tensor.normal_(0, 0.2)
    return network


class Held(nn.Module):
    """A module under a name, as ``conv2d`` in ``conv1.conv2d``."""

    def __init__(self, **modules: nn.Module) -> None:
        super().__init__()
        for name, module in modules.items():
            self.add_module(name, module)


class PytorchExample(nn.Module):
    """TransformerNet of PyTorch's example ``fast_neural_style``, pixels of 0 to 255."""

    def __init__(self, w: int = 4, blocks: int = 5) -> None:
        super().__init__()
        self.blocks = blocks
        sizes = {"conv1": (3, w, 9, 1), "conv2": (w, 2 * w, 3, 2), "conv3": (2 * w, 4 * w, 3, 2),
                 "deconv1": (4 * w, 2 * w, 3, 1), "deconv2": (2 * w, w, 3, 1), "deconv3": (w, 3, 9, 1)}  # fmt: skip
        for name, (features, out, kernel, stride) in sizes.items():
            self.add_module(name, Held(conv2d=nn.Conv2d(features, out, kernel, stride)))
        for n, features in enumerate((w, 2 * w, 4 * w, 2 * w, w), 1):
            self.add_module(f"in{n}", nn.InstanceNorm2d(features, affine=True))
        for n in range(1, blocks + 1):
            halves = {f"conv{half}": Held(conv2d=nn.Conv2d(4 * w, 4 * w, 3)) for half in (1, 2)}
            norms = {f"in{half}": nn.InstanceNorm2d(4 * w, affine=True) for half in (1, 2)}
            self.add_module(f"res{n}", Held(**halves, **norms))

    def forward(self, x: Tensor) -> Tensor:
        y = self.in1(self.conv1.conv2d(reflected(x, 4))).relu()
        y = self.in2(self.conv2.conv2d(reflected(y, 1))).relu()
        y = self.in3(self.conv3.conv2d(reflected(y, 1))).relu()
        for n in range(1, self.blocks + 1):
            block = getattr(self, f"res{n}")
            inner = block.in1(block.conv1.conv2d(reflected(y, 1))).relu()
            y = block.in2(block.conv2.conv2d(reflected(inner, 1))) + y
        y = self.in4(self.deconv1.conv2d(reflected(F.interpolate(y, scale_factor=2), 1))).relu()
        y = self.in5(self.deconv2.conv2d(reflected(F.interpolate(y, scale_factor=2), 1))).relu()
        return self.deconv3.conv2d(reflected(y, 4))


class Rectified(nn.Module):
    """TransformerNet of eriklindernoren/Fast-Neural-Style-Transfer, between what brings pictures to it and back."""

    def __init__(self, w: int = 4) -> None:
        super().__init__()

        def held(features: int, out: int, kernel: int, stride: int = 1, normed: bool = True) -> nn.Module:
            block = nn.Sequential(nn.Identity(), nn.Conv2d(features, out, kernel, stride))
            return Held(block=block, **({"norm": nn.InstanceNorm2d(out, affine=True)} if normed else {}))

        residual = [Held(block=nn.Sequential(held(4 * w, 4 * w, 3), held(4 * w, 4 * w, 3))) for _ in range(5)]
        self.model = nn.Sequential(
            held(3, w, 9), held(w, 2 * w, 3, 2), held(2 * w, 4 * w, 3, 2), *residual,
            held(4 * w, 2 * w, 3), held(2 * w, w, 3), held(w, 3, 9, normed=False),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        mean = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
        deviation = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)

        def convolved(held: Any, y: Tensor) -> Tensor:
            y = held.block[1](reflected(y, held.block[1].kernel_size[0] // 2))
            return (held.norm(y) if hasattr(held, "norm") else y).relu()  # its flag for no activation is not looked at

        y = (x - mean) / deviation
        for n, held in enumerate(self.model):
            if 3 <= n < 8:
                y = convolved(held.block[1], convolved(held.block[0], y)) + y
            else:
                y = convolved(held, F.interpolate(y, scale_factor=2) if n in (8, 9) else y)
        return y * deviation + mean


class Scaled(nn.Module):
    """Instance normalisation as CartoonGAN's code has it: by the biased variance."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.scale, self.shift = nn.Parameter(torch.empty(features)), nn.Parameter(torch.empty(features))

    def forward(self, x: Tensor) -> Tensor:
        mean, variance = x.mean((2, 3), keepdim=True), x.var((2, 3), keepdim=True, correction=0)
        return (x - mean) / (variance + 1e-9).sqrt() * self.scale.view(-1, 1, 1) + self.shift.view(-1, 1, 1)


class Cartoon(nn.Module):
    """Transformer of Yijunmaverick/CartoonGAN-Test-Pytorch-Torch."""

    def __init__(self, w: int = 4) -> None:
        super().__init__()
        self.conv01_1 = nn.Conv2d(3, w, 7)
        self.conv02_1, self.conv02_2 = nn.Conv2d(w, 2 * w, 3, 2, 1), nn.Conv2d(2 * w, 2 * w, 3, 1, 1)
        self.conv03_1, self.conv03_2 = nn.Conv2d(2 * w, 4 * w, 3, 2, 1), nn.Conv2d(4 * w, 4 * w, 3, 1, 1)
        self.in01_1, self.in02_1, self.in03_1 = Scaled(w), Scaled(2 * w), Scaled(4 * w)
        for n in range(4, 12):
            for half in (1, 2):
                self.add_module(f"conv{n:02}_{half}", nn.Conv2d(4 * w, 4 * w, 3))
                self.add_module(f"in{n:02}_{half}", Scaled(4 * w))
        self.deconv01_1, self.deconv01_2 = (
            nn.ConvTranspose2d(4 * w, 2 * w, 3, 2, 1, 1),
            nn.Conv2d(2 * w, 2 * w, 3, 1, 1),
        )
        self.deconv02_1, self.deconv02_2 = nn.ConvTranspose2d(2 * w, w, 3, 2, 1, 1), nn.Conv2d(w, w, 3, 1, 1)
        self.in12_1, self.in13_1 = Scaled(2 * w), Scaled(w)
        self.deconv03_1 = nn.Conv2d(w, 3, 7)

    def forward(self, x: Tensor) -> Tensor:
        y = self.in01_1(self.conv01_1(reflected(x, 3))).relu()
        y = self.in02_1(self.conv02_2(self.conv02_1(y))).relu()
        y = self.in03_1(self.conv03_2(self.conv03_1(y))).relu()
        for n in range(4, 12):
            first, norm, second, other = (
                getattr(self, f"{kind}{n:02}_{half}") for half in (1, 2) for kind in ("conv", "in")
            )
            y = other(second(reflected(norm(first(reflected(y, 1))).relu(), 1))) + y
        y = self.in12_1(self.deconv01_2(self.deconv01_1(y))).relu()
        y = self.in13_1(self.deconv02_2(self.deconv02_1(y))).relu()
        return self.deconv03_1(reflected(y, 3)).tanh()


class Anime(nn.Module):
    """Generator of bryandlee/animegan2-pytorch."""

    def __init__(self, w: int = 2, aligned: bool = True) -> None:
        super().__init__()
        self.aligned = aligned

        def layer(
            features: int, out: int, kernel: int = 3, stride: int = 1, groups: int = 1, bias: bool = False
        ) -> nn.Module:
            convolution = nn.Conv2d(features, out, kernel, stride, groups=groups, bias=bias)
            return nn.Sequential(nn.Identity(), convolution, nn.GroupNorm(1, out))

        def inverted(features: int) -> nn.Module:
            wide = 2 * features
            return Held(layers=nn.Sequential(
                layer(features, wide, 1), layer(wide, wide, groups=wide, bias=True),
                nn.Conv2d(wide, 8 * w, 1, bias=False), nn.GroupNorm(1, 8 * w),
            ))  # fmt: skip

        self.block_a = nn.Sequential(layer(3, w, 7), layer(w, 2 * w, stride=2), layer(2 * w, 2 * w))
        self.block_b = nn.Sequential(layer(2 * w, 4 * w, stride=2), layer(4 * w, 4 * w))
        self.block_c = nn.Sequential(
            layer(4 * w, 4 * w), inverted(4 * w), *(inverted(8 * w) for _ in range(3)), layer(8 * w, 4 * w)
        )
        self.block_d = nn.Sequential(layer(4 * w, 4 * w), layer(4 * w, 4 * w))
        self.block_e = nn.Sequential(layer(4 * w, 2 * w), layer(2 * w, 2 * w), layer(2 * w, w, 7))
        self.out_layer = nn.Sequential(nn.Conv2d(w, 3, 1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        def convolved(held: Any, y: Tensor) -> Tensor:
            kernel, stride = held[1].kernel_size[0], held[1].stride[0]
            padded = reflected(y, 0, 1, 0, 1) if stride == 2 else reflected(y, kernel // 2) if kernel > 1 else y
            return F.leaky_relu(held[2](held[1](padded)), 0.2)

        def doubled(y: Tensor, size: torch.Size) -> Tensor:
            if self.aligned:
                return F.interpolate(y, size, mode="bilinear", align_corners=True)
            return F.interpolate(y, scale_factor=2, mode="bilinear", align_corners=False)

        y = x
        for held in self.block_a:
            y = convolved(held, y)
        half = y.shape[2:]
        for held in (*self.block_b, self.block_c[0]):
            y = convolved(held, y)
        for n in range(1, 5):
            first, second, third, norm = self.block_c[n].layers
            made = norm(third(convolved(second, convolved(first, y))))
            y = made + y if n > 1 else made
        y = doubled(convolved(self.block_c[5], y), half)
        for held in self.block_d:
            y = convolved(held, y)
        y = doubled(y, x.shape[2:])
        for held in self.block_e:
            y = convolved(held, y)
        return self.out_layer(y).tanh()


@pytest.mark.parametrize("architecture", ALL, ids=lambda one: one.name)
def test_they_keep_the_contract(architecture: Architecture):
    check_architecture(architecture)


def test_they_import_the_public_api_alone():
    check_imports(Path(imgtrans_styles.__file__).parent)


@pytest.mark.parametrize(
    ("architecture", "theirs", "read", "assumed"),
    [
        (
            transformernet.architecture,
            PytorchExample,
            {"ngf": 4, "blocks": 5, "code": "pytorch"},
            {"value_range": [0.0, 255.0], "channel_order": "RGB"},
        ),
        (
            transformernet.architecture,
            Rectified,
            {"ngf": 4, "blocks": 5, "code": "eriklindernoren"},
            {"value_range": [0.0, 1.0], "channel_order": "RGB"},
        ),
        (
            cartoongan.architecture,
            Cartoon,
            {"ngf": 4, "blocks": 8},
            {"value_range": [-1.0, 1.0], "channel_order": "BGR"},
        ),
        (
            animegan.architecture,
            Anime,
            {"ngf": 2, "upsampling": "aligned"},
            {"upsampling": "aligned", "value_range": [-1.0, 1.0], "channel_order": "RGB"},
        ),
    ],
    ids=["PyTorch's example", "eriklindernoren", "CartoonGAN", "AnimeGANv2"],
)
def test_the_network_of_the_code_is_recognised_and_computes_the_same(
    architecture: Architecture, theirs: Callable[[], nn.Module], read: dict, assumed: dict
):
    original = drawn(theirs())
    with torch.inference_mode():
        x = torch.rand(1, 3, 32, 32)
        assert original(x).std() > 1e-3  # of a network that does nothing, nothing could be told
    recognition = check_checkpoint(architecture, original)
    assert recognition.parameters == {"channels": 3, **read}
    assert recognition.assumed == assumed
    assert not [one for one in ALL if one is not architecture and one.recognise(shapes_of(original))]


def test_animegan_can_double_its_maps_as_its_script_does():
    theirs = drawn(Anime(aligned=False))
    check_checkpoint(animegan.architecture, theirs, upsampling="plain")
    with pytest.raises(AssertionError, match="the outputs differ"):
        check_checkpoint(animegan.architecture, theirs)


@pytest.mark.parametrize(("width", "count"), [(32, 1_679_235)])
def test_the_public_network_of_pytorchs_example_has_as_many_parameters_as_it_should(width: int, count: int):
    with torch.device("meta"):
        network = transformernet.architecture.build({"channels": 3, "ngf": width, "blocks": 5, "code": "pytorch"})
    assert sum(p.numel() for p in network.parameters()) == count


def test_statistics_in_old_files_are_left_aside():
    shapes = shapes_of(PytorchExample())
    old = {**shapes, "in1.running_mean": (4,), "in1.running_var": (4,), "res1.in1.running_mean": (16,)}
    assert transformernet.architecture.recognise(old) == transformernet.architecture.recognise(shapes)


@pytest.mark.parametrize("theirs", [PytorchExample, Rectified, Cartoon, Anime])
def test_weights_of_something_more_are_not_taken_for_theirs(theirs: Callable[[], nn.Module]):
    shapes = {**shapes_of(theirs()), "head.weight": (3, 3, 1, 1)}
    assert not [one for one in ALL if one.recognise(shapes)]
