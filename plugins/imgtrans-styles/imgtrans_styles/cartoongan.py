"""CartoonGAN's generator, as the code beside its published weights has it."""

from typing import ClassVar

from torch import nn

from imgtrans.protocols import Parameters
from imgtrans_styles.line import Line
from imgtrans_styles.style import Shapes, Style

_SPELLED = {"weight": "scale", "bias": "shift"}
_EPSILON = 1e-9  # of that code's own normalisation
_FIRST = 4  # what the first block is numbered


class CartoonGAN(Style):
    """Chen et al., CVPR 2018: a ResNet generator with two convolutions for each change of size, for BGR in [-1, 1]."""

    name = "cartoongan"
    limits: ClassVar = {"channels": (3, 3), "ngf": (1, 256), "blocks": (1, 32)}

    def candidates(self, shapes: Shapes) -> list[Parameters]:
        """Read the width and the number of blocks off the names."""
        shape = shapes.get("conv01_1.weight", ())
        if len(shape) != 4:
            return []
        blocks = next(n for n in range(100) if f"conv{_FIRST + n:02}_1.weight" not in shapes)
        return [{"channels": shape[1], "ngf": shape[0], "blocks": blocks}]

    def line(self, parameters: Parameters) -> Line:
        """Return a 7x7 convolution, two halvings, the blocks, two doublings, and a 7x7 convolution."""
        channels, width, blocks = (parameters[name] for name in ("channels", "ngf", "blocks"))
        line = Line()
        line.add(nn.ReflectionPad2d(3))
        line.add(nn.Conv2d(channels, width, 7), "conv01_1")
        _normalise(line, width, "in01_1")
        features = width
        for n in (2, 3):
            line.add(nn.Conv2d(features, 2 * features, 3, 2, 1), f"conv0{n}_1")
            features *= 2
            line.add(nn.Conv2d(features, features, 3, 1, 1), f"conv0{n}_2")
            _normalise(line, features, f"in0{n}_1")
        for n in range(_FIRST, _FIRST + blocks):
            inside = Line()
            for half in (1, 2):
                inside.add(nn.ReflectionPad2d(1))
                inside.add(nn.Conv2d(features, features, 3), f"conv{n:02}_{half}")
                _normalise(inside, features, f"in{n:02}_{half}", relu=half == 1)
            line.add_residual(inside)
        for n in (1, 2):
            line.add(nn.ConvTranspose2d(features, features // 2, 3, 2, 1, 1), f"deconv0{n}_1")
            features //= 2
            line.add(nn.Conv2d(features, features, 3, 1, 1), f"deconv0{n}_2")
            _normalise(line, features, f"in{_FIRST + blocks - 1 + n:02}_1")
        line.add(nn.ReflectionPad2d(3))
        line.add(nn.Conv2d(features, channels, 7), "deconv03_1")
        line.add(nn.Tanh())
        return line

    def assumed(self, parameters: Parameters) -> Parameters:
        """Return the order of channels that the authors' code turns pictures into."""
        return {"value_range": [-1.0, 1.0], "channel_order": "BGR"}

    def alternatives(self) -> tuple[Parameters, ...]:
        """Return RGB, in which others have trained it."""
        return ({"channel_order": "RGB"},)

    def bytes_per_pixel(self, parameters: Parameters) -> float:
        """Return the peak: about five maps of full size and width."""
        return float(4 * 5.1 * parameters["ngf"] + 64)

    def examples(self) -> list[Parameters]:
        """Return two small ones."""
        return [{"channels": 3, "ngf": 4, "blocks": 1}, {"channels": 3, "ngf": 2, "blocks": 8}]


def _normalise(line: Line, features: int, theirs: str, *, relu: bool = True) -> None:
    line.add(nn.InstanceNorm2d(features, _EPSILON, affine=True), theirs, _SPELLED)
    if relu:
        line.add(nn.ReLU())


architecture = CartoonGAN()
