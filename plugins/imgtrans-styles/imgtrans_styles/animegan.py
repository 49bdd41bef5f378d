"""AnimeGANv2's generator, as the code beside its weights for PyTorch has it."""

from typing import ClassVar

from torch import nn

from imgtrans.protocols import Parameters
from imgtrans_styles.line import Line
from imgtrans_styles.style import Shapes, Style

_BLOCKS = 4  # between the ends of the middle part


class AnimeGAN(Style):
    """Chen et al., ISICA 2019, version 2 of 2020: inverted residual blocks, each layer normalised over all channels.

    ``upsampling`` is how maps are doubled: ``aligned`` has corners meet corners, as the code does unless told
    otherwise, ``plain`` does not, as its script does.
    """

    name = "animegan"
    limits: ClassVar = {"channels": (3, 3), "ngf": (1, 256)}
    choices: ClassVar = {"upsampling": ("aligned", "plain")}

    def candidates(self, shapes: Shapes) -> list[Parameters]:
        """Read the width off the first kernel."""
        shape = shapes.get("block_a.0.1.weight", ())
        return [{"channels": shape[1], "ngf": shape[0], "upsampling": "aligned"}] if len(shape) == 4 else []

    def line(self, parameters: Parameters) -> Line:
        """Return the five blocks, a 1x1 convolution and tanh."""
        w, aligned = parameters["ngf"], parameters["upsampling"] == "aligned"
        line = Line()
        _convolve(line, parameters["channels"], w, "block_a.0", kernel=7)
        _convolve(line, w, 2 * w, "block_a.1", stride=2)
        _convolve(line, 2 * w, 2 * w, "block_a.2")
        _convolve(line, 2 * w, 4 * w, "block_b.0", stride=2)
        _convolve(line, 4 * w, 4 * w, "block_b.1")
        _convolve(line, 4 * w, 4 * w, "block_c.0")
        features = 4 * w
        for n in range(1, 1 + _BLOCKS):
            inside = Line()
            _invert(inside, features, 8 * w, f"block_c.{n}.layers")
            if features == 8 * w:
                line.add_residual(inside)
            else:  # where channels change, nothing is added
                for own, theirs in inside.names.items():
                    at, _, key = own.partition(".")
                    line.names[f"{len(line.layers) + int(at)}.{key}"] = theirs
                line.layers += inside.layers
            features = 8 * w
        _convolve(line, features, 4 * w, f"block_c.{1 + _BLOCKS}")
        line.add(_doubled(aligned))
        _convolve(line, 4 * w, 4 * w, "block_d.0")
        _convolve(line, 4 * w, 4 * w, "block_d.1")
        line.add(_doubled(aligned))
        _convolve(line, 4 * w, 2 * w, "block_e.0")
        _convolve(line, 2 * w, 2 * w, "block_e.1")
        _convolve(line, 2 * w, w, "block_e.2", kernel=7)
        line.add(nn.Conv2d(w, parameters["channels"], 1, bias=False), "out_layer.0")
        line.add(nn.Tanh())
        return line

    def assumed(self, parameters: Parameters) -> Parameters:
        """Return the usual, and how maps are doubled."""
        return {"upsampling": parameters["upsampling"], "value_range": [-1.0, 1.0], "channel_order": "RGB"}

    def alternatives(self) -> tuple[Parameters, ...]:
        """Return the other way to double a map."""
        return ({"upsampling": "plain"},)

    def bytes_per_pixel(self, parameters: Parameters) -> float:
        """Return the peak: the doubled map of four widths, its pad, what is made of it, and that normalised."""
        return float(4 * 14.5 * parameters["ngf"] + 64)

    def examples(self) -> list[Parameters]:
        """Return a small one of each way to double a map."""
        return [{"channels": 3, "ngf": 2, "upsampling": how} for how in ("aligned", "plain")]


def _convolve(line: Line, features: int, out: int, theirs: str, *, kernel: int = 3, stride: int = 1) -> None:
    # Where it halves, the code pads to the right and below only.
    line.add(nn.ReflectionPad2d((0, 1, 0, 1) if stride == 2 else kernel // 2))
    line.add(nn.Conv2d(features, out, kernel, stride, bias=False), f"{theirs}.1")
    _normalise(line, out, f"{theirs}.2")


def _normalise(line: Line, features: int, theirs: str) -> None:
    line.add(nn.GroupNorm(1, features), theirs)
    line.add(nn.LeakyReLU(0.2))


def _invert(line: Line, features: int, out: int, theirs: str) -> None:
    """Add 1x1 to twice the channels, 3x3 of each channel, 1x1."""
    wide = 2 * features
    line.add(nn.Conv2d(features, wide, 1, bias=False), f"{theirs}.0.1")
    _normalise(line, wide, f"{theirs}.0.2")
    line.add(nn.ReflectionPad2d(1))
    line.add(nn.Conv2d(wide, wide, 3, groups=wide), f"{theirs}.1.1")
    _normalise(line, wide, f"{theirs}.1.2")
    line.add(nn.Conv2d(wide, out, 1, bias=False), f"{theirs}.2")
    line.add(nn.GroupNorm(1, out), f"{theirs}.3")


def _doubled(aligned: bool) -> nn.Module:
    return nn.Upsample(scale_factor=2, mode="bilinear", align_corners=aligned)


architecture = AnimeGAN()
