"""The deck's generator: a ResNet between two down- and two upsampling convolutions."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from imgtrans.protocols import Parameters, Recognition

UPSAMPLINGS = ("nearest", "transpose")

# A checkpoint that promises more than this is refused before memory is taken for it.
LARGEST_CHANNELS, LARGEST_NGF, LARGEST_BLOCKS = 16, 512, 64


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with instance normalisation, added to their input.

    Source: the deck's ``ResidualBlock``; Johnson et al., ECCV 2016.

    Args:
        in_features: Channels in and out.

    Shape:
        (N, in_features, H, W) to the same, H and W at least 2 (reflection needs a neighbour).
    """

    def __init__(self, in_features: int) -> None:
        super().__init__()
        self.block = nn.Sequential(
            nn.ReflectionPad2d(1),
            nn.Conv2d(in_features, in_features, 3),
            nn.InstanceNorm2d(in_features),
            nn.ReLU(inplace=True),
            nn.ReflectionPad2d(1),
            nn.Conv2d(in_features, in_features, 3),
            nn.InstanceNorm2d(in_features),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x + block(x)``."""
        residual: Tensor = self.block(x)
        return x + residual


class GeneratorResNet(nn.Module):
    """CycleGAN's generator: 7x7 convolution, two downsamplings, residual blocks, two upsamplings, 7x7 convolution.

    Source: the deck's ``GeneratorResNet``; Zhu et al., ICCV 2017, appendix 7.2. State-dict keys
    are the deck's (``model.N.weight``, ``model.N.block.K.weight``).

    Args:
        input_shape: ``(channels, height, width)``; only the channels matter to the network.
        num_residual_blocks: Residual blocks in the trunk (the paper: 9 from 256 pixels up, 6 below).
        ngf: Channels after the first convolution; the trunk has four times as many.
        upsampling: ``nearest`` (the deck: Upsample, then a 3x3 convolution) or ``transpose``
            (the paper's reference code: a strided transposed convolution).

    Shape:
        (N, channels, H, W) to (N, channels, H, W) for H and W that are multiples of 4, at least 8;
        other sizes come out rounded up to a multiple of 4. Values in and out are in [-1, 1].

    Raises:
        ValueError: If ``upsampling`` is neither of the two.
    """

    def __init__(
        self,
        input_shape: Sequence[int],
        num_residual_blocks: int,
        *,
        ngf: int = 64,
        upsampling: str = "nearest",
    ) -> None:
        super().__init__()
        if upsampling not in UPSAMPLINGS:
            raise ValueError(f"upsampling is {upsampling!r}; it must be one of {', '.join(UPSAMPLINGS)}")
        channels = input_shape[0]
        # The deck pads by the number of channels, which is right for three only: 7 // 2 keeps the size for any.
        layers: list[nn.Module] = [
            nn.ReflectionPad2d(7 // 2),
            nn.Conv2d(channels, ngf, 7),
            nn.InstanceNorm2d(ngf),
            nn.ReLU(inplace=True),
        ]
        features = ngf
        for _ in range(2):
            layers += [
                nn.Conv2d(features, 2 * features, 3, stride=2, padding=1),
                nn.InstanceNorm2d(2 * features),
                nn.ReLU(inplace=True),
            ]
            features *= 2
        layers += [ResidualBlock(features) for _ in range(num_residual_blocks)]
        for _ in range(2):
            layers += [
                *_upsample(features, features // 2, upsampling),
                nn.InstanceNorm2d(features // 2),
                nn.ReLU(inplace=True),
            ]
            features //= 2
        layers += [nn.ReflectionPad2d(7 // 2), nn.Conv2d(ngf, channels, 7), nn.Tanh()]
        self.model = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Translate a batch of pictures."""
        translated: Tensor = self.model(x)
        return translated


def _upsample(features_in: int, features_out: int, upsampling: str) -> list[nn.Module]:
    if upsampling == "transpose":
        return [nn.ConvTranspose2d(features_in, features_out, 3, stride=2, padding=1, output_padding=1)]
    return [nn.Upsample(scale_factor=2), nn.Conv2d(features_in, features_out, 3, padding=1)]


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


class _ResNet:
    """The deck's generator as a registered architecture."""

    name = "resnet"
    multiple = 4
    smallest = 8

    def recognise(self, shapes: Mapping[str, tuple[int, ...]]) -> Recognition | None:
        """Read width, blocks, channels and upsampling off a state dict of the deck's layout."""
        first = shapes.get("model.1.weight", ())
        if len(first) != 4:
            return None
        ngf, channels = first[:2]
        blocks = len({name.split(".")[1] for name in shapes if ".block." in name})
        after_trunk = shapes.get(f"model.{10 + blocks}.weight", ())
        # Upsample has no weights of its own, so the next layer's come one place later; a transposed
        # convolution's weights are (in, out, 3, 3) and stand at once.
        parameters = {
            "channels": channels,
            "ngf": ngf,
            "blocks": blocks,
            "upsampling": "transpose" if len(after_trunk) == 4 else "nearest",
        }
        if _nonsense(parameters):
            return None
        with torch.device("meta"):
            expected = {name: tuple(tensor.shape) for name, tensor in self.build(parameters).state_dict().items()}
        return Recognition(parameters, {name: name for name in shapes}, "deck") if expected == dict(shapes) else None

    def build(self, parameters: Parameters) -> GeneratorResNet:
        """Build the generator; pixels are in [-1, 1].

        Raises:
            ValueError: If parameters are missing, of a wrong type or beyond what anybody trains.
        """
        if nonsense := _nonsense(parameters):
            raise ValueError(nonsense)
        return GeneratorResNet(
            (parameters["channels"], 0, 0),
            parameters["blocks"],
            ngf=parameters["ngf"],
            upsampling=parameters["upsampling"],
        )

    def layouts(self, parameters: Parameters) -> dict[str, dict[str, str]]:
        """Return the deck's layout, which is the network's own."""
        with torch.device("meta"):
            return {"deck": {name: name for name in self.build(parameters).state_dict()}}

    def bytes_per_pixel(self, parameters: Parameters) -> float:
        """Return the peak: about five feature maps of full size and width (measured: ``docs/performance.md``)."""
        return 4.0 * 5.1 * float(parameters["ngf"]) + 64.0


def _nonsense(parameters: Parameters) -> str:
    """Return what is wrong with parameters, which may come from anybody's card; "" if nothing is."""
    for name, least, most in (
        ("channels", 1, LARGEST_CHANNELS),
        ("ngf", 1, LARGEST_NGF),
        ("blocks", 0, LARGEST_BLOCKS),
    ):
        value = parameters.get(name)
        if type(value) is not int or not least <= value <= most:  # True is an int, too
            return f"{name} is {value!r}, which is no whole number from {least} to {most}"
    upsampling = parameters.get("upsampling")
    return (
        "" if upsampling in UPSAMPLINGS else f"upsampling is {upsampling!r}, which is none of {', '.join(UPSAMPLINGS)}"
    )


architecture = _ResNet()
