"""The networks of fast neural style: Johnson's, as PyTorch's own example and two that descend from it have it."""

from typing import ClassVar

from torch import nn

from imgtrans.protocols import Parameters
from imgtrans_styles.line import Line, PerChannel
from imgtrans_styles.style import Shapes, Style

# Of the pictures of ImageNet, by which the code of eriklindernoren brings pictures to its network and back.
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_ENDS = 9  # the side of the first and the last convolution's kernels


class TransformerNet(Style):
    """Johnson et al., ECCV 2016, with reflecting pads, affine instance normalisation and doubled pixels.

    ``code`` is whose it is. In ``pytorch`` (the example of PyTorch) pixels go from 0 to 255; ``eriklindernoren``
    normalises them by the statistics of ImageNet, and rectifies behind every convolution, the last one included.
    """

    name = "transformernet"
    limits: ClassVar = {"channels": (3, 3), "ngf": (1, 256), "blocks": (1, 32)}
    choices: ClassVar = {"code": ("pytorch", "eriklindernoren")}

    def candidates(self, shapes: Shapes) -> list[Parameters]:
        """Read the width and the number of blocks off the names of either code."""
        found = []
        for code, first, block in (
            ("pytorch", "conv1.conv2d.weight", "res{}.conv1.conv2d.weight"),
            ("eriklindernoren", "model.0.block.1.weight", "model.{}.block.0.block.1.weight"),
        ):
            shape = shapes.get(first, ())
            if len(shape) == 4:
                start = 1 if code == "pytorch" else 3
                blocks = next(n for n in range(100) if block.format(start + n) not in shapes)
                found.append({"channels": shape[1], "ngf": shape[0], "blocks": blocks, "code": code})
        return found

    def line(self, parameters: Parameters) -> Line:
        """Return three convolutions, the blocks, and three more behind doubled pixels."""
        channels, width, blocks, code = (parameters[name] for name in ("channels", "ngf", "blocks", "code"))
        return (_pytorch if code == "pytorch" else _eriklindernoren)(channels, width, blocks)

    def assumed(self, parameters: Parameters) -> Parameters:
        """Return the range that the code at hand has its pictures in."""
        high = 255.0 if parameters["code"] == "pytorch" else 1.0
        return {"value_range": [0.0, high], "channel_order": "RGB"}

    def bytes_per_pixel(self, parameters: Parameters) -> float:
        """Return the peak: about five maps of full size and width."""
        return float(4 * 5.1 * parameters["ngf"] + 64)

    def examples(self) -> list[Parameters]:
        """Return a small one of each code."""
        return [
            {"channels": 3, "ngf": 4, "blocks": 2, "code": "pytorch"},
            {"channels": 3, "ngf": 3, "blocks": 1, "code": "eriklindernoren"},
        ]


def _convolve(line: Line, features: int, out: int, kernel: int, stride: int, theirs: str) -> None:
    line.add(nn.ReflectionPad2d(kernel // 2))
    line.add(nn.Conv2d(features, out, kernel, stride), theirs)


def _normalise(line: Line, features: int, theirs: str, *, relu: bool) -> None:
    line.add(nn.InstanceNorm2d(features, affine=True), theirs)
    if relu:
        line.add(nn.ReLU())


def _pytorch(channels: int, width: int, blocks: int) -> Line:
    line = Line()
    features = channels
    for n, (out, kernel, stride) in enumerate(((width, _ENDS, 1), (2 * width, 3, 2), (4 * width, 3, 2)), 1):
        _convolve(line, features, out, kernel, stride, f"conv{n}.conv2d")
        _normalise(line, out, f"in{n}", relu=True)
        features = out
    for block in range(1, blocks + 1):
        inside = Line()
        for half in (1, 2):
            _convolve(inside, features, features, 3, 1, f"res{block}.conv{half}.conv2d")
            _normalise(inside, features, f"res{block}.in{half}", relu=half == 1)
        line.add_residual(inside)
    for n, out in enumerate((2 * width, width), 1):
        line.add(nn.Upsample(scale_factor=2))
        _convolve(line, features, out, 3, 1, f"deconv{n}.conv2d")
        _normalise(line, out, f"in{3 + n}", relu=True)
        features = out
    _convolve(line, features, channels, _ENDS, 1, "deconv3.conv2d")
    return line


def _eriklindernoren(channels: int, width: int, blocks: int) -> Line:
    line = Line()
    pairs = zip(_MEAN, _DEVIATION, strict=True)
    line.add(PerChannel([1 / one for one in _DEVIATION], [-mean / deviation for mean, deviation in pairs]))
    features = channels
    for n, (out, kernel, stride) in enumerate(((width, _ENDS, 1), (2 * width, 3, 2), (4 * width, 3, 2))):
        _convolve(line, features, out, kernel, stride, f"model.{n}.block.1")
        _normalise(line, out, f"model.{n}.norm", relu=True)
        features = out
    for block in range(3, 3 + blocks):
        inside = Line()
        for half in (0, 1):
            _convolve(inside, features, features, 3, 1, f"model.{block}.block.{half}.block.1")
            _normalise(inside, features, f"model.{block}.block.{half}.norm", relu=True)
        line.add_residual(inside)
    for n, out in enumerate((2 * width, width), 3 + blocks):
        line.add(nn.Upsample(scale_factor=2))
        _convolve(line, features, out, 3, 1, f"model.{n}.block.1")
        _normalise(line, out, f"model.{n}.norm", relu=True)
        features = out
    _convolve(line, features, channels, _ENDS, 1, f"model.{5 + blocks}.block.1")
    line.add(nn.ReLU())
    line.add(PerChannel(_DEVIATION, _MEAN))
    return line


architecture = TransformerNet()
