"""A network as what streaming understands: a line of steps, pointwise functions, normalisations and residuals."""

import copy
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from imgtrans.architectures.layers import BlurDown, BlurUp, SeparableConv2d
from imgtrans.architectures.resnet import ResidualBlock, ResNet
from imgtrans.streaming.steps import Convolution, Enlargement, Interpolation, Padded, Padding, Step, Transposed

# In evaluation mode, each of these gives a pixel from the same pixel of its input, and nothing else.
_POINTWISE = (
    *(nn.Identity, nn.Dropout, nn.Dropout2d, nn.BatchNorm2d),
    *(nn.ReLU, nn.LeakyReLU, nn.ELU, nn.GELU, nn.SiLU, nn.Tanh, nn.Hardtanh, nn.Sigmoid),
)
_PADS = {nn.ReflectionPad2d: "reflect", nn.ReplicationPad2d: "replicate", nn.ZeroPad2d: "zeros"}


@dataclass
class Pointwise:
    """A function of each pixel alone."""

    function: Callable[[Tensor], Tensor]


@dataclass
class Normalisation:
    """Instance normalisation: each channel by its mean and variance over the whole picture.

    Attributes:
        epsilon: Added to the variance.
        weight: Learnt scale, (channels), or None.
        bias: Learnt shift, (channels), or None.
        relu: Whether only what is above zero is kept.
    """

    epsilon: float
    weight: Tensor | None
    bias: Tensor | None
    relu: bool = False


@dataclass
class Begin:
    """The map here is added to the one at the matching :class:`End`."""


@dataclass
class End:
    """The map at the matching :class:`Begin` is added.

    Attributes:
        relu: Whether only what is above zero is kept.
    """

    relu: bool


Op = Step | Pointwise | Normalisation | Begin | End


def program_of(network: nn.Module) -> list[Op]:
    """Return a network in evaluation mode as a line of operations.

    Known are the modules of PyTorch and of :mod:`imgtrans.architectures` that the ResNet generators are made of, any
    :class:`torch.nn.Sequential` of them, and every module with an attribute ``pointwise`` that is true.

    Raises:
        ValueError: If it has something that cannot be streamed.
    """
    ops: list[Op] = []
    for op in _listed(network):
        before = ops[-1] if ops else None
        if isinstance(before, Padded) and isinstance(op, Convolution | Transposed) and not _pads(op):
            ops[-1] = replace(op, padding=before.padding)
        elif isinstance(before, Enlargement) and isinstance(op, Convolution) and _foldable(before, op):
            ops[-1] = _folded(op)
        elif isinstance(before, Normalisation) and isinstance(op, Pointwise) and isinstance(op.function, nn.ReLU):
            ops[-1] = replace(before, relu=True)
        elif not (isinstance(op, Pointwise) and isinstance(op.function, nn.Identity | nn.Dropout | nn.Dropout2d)):
            ops.append(op)
    return ops


def _listed(module: nn.Module) -> Iterable[Op]:
    """Yield a module's operations, one for one."""
    if isinstance(module, ResNet) and module.residual:
        yield Begin()
        yield from _listed(module.model)
        yield End(False)
        yield from _listed(module.limit)
    elif isinstance(module, ResNet):
        yield from _listed(module.model)
    elif isinstance(module, nn.Sequential):
        for part in module:
            yield from _listed(part)
    elif isinstance(module, ResidualBlock):
        yield Begin()
        yield from _listed(module.block)
        rectified = isinstance(module.behind, nn.ReLU)
        yield End(rectified)
        if not rectified:
            yield from _listed(module.behind)
    elif isinstance(module, SeparableConv2d):
        yield from _listed(module.conv)
    elif isinstance(module, BlurDown):
        yield Padded(Padding("reflect", 1, 1, 1, 1))
        yield Convolution(module.filt, None, (2, 2), groups=module.filt.shape[0])
    elif isinstance(module, BlurUp):
        yield Padded(Padding("replicate", 1, 1, 1, 1))
        # The layer cuts 2 off by the convolution's own padding, and 1 more behind it.
        yield Transposed(module.filt, None, (2, 2), (3, 3), groups=module.filt.shape[0])
    elif type(module) in _PADS:
        left, right, top, bottom = module.padding  # type: ignore[misc]
        yield Padded(Padding(_PADS[type(module)], int(left), int(right), int(top), int(bottom)))
    elif isinstance(module, nn.Conv2d):
        yield _convolution(module)
    elif isinstance(module, nn.ConvTranspose2d):
        yield _transposed(module)
    elif isinstance(module, nn.Upsample):
        yield _enlargement(module)
    elif isinstance(module, nn.InstanceNorm2d) and not module.track_running_stats:
        yield Normalisation(module.eps, _kept(module.weight), _kept(module.bias))
    elif isinstance(module, (*_POINTWISE, nn.InstanceNorm2d)) or getattr(module, "pointwise", False):
        function = copy.copy(module)
        if hasattr(function, "inplace"):
            function.__dict__["inplace"] = False  # it would write into rows that others read, too
        yield Pointwise(function)
    else:
        raise ValueError(f"a network with {type(module).__name__} cannot be streamed")


def _enlargement(module: nn.Upsample) -> Step:
    reach = {"nearest": 0, "bilinear": 1, "bicubic": 2}.get(module.mode)
    if reach is None or module.align_corners or module.scale_factor not in (2, 2.0):
        raise ValueError(f"{module} cannot be streamed")
    return Interpolation(module.mode, reach) if reach else Enlargement(2)


def _kept(parameter: Tensor | None) -> Tensor | None:
    return None if parameter is None else parameter.detach()


def _convolution(module: nn.Conv2d) -> Convolution:
    kind = {"zeros": "zeros", "reflect": "reflect", "replicate": "replicate"}.get(module.padding_mode)
    if kind is None or isinstance(module.padding, str):
        raise ValueError(f"{module} cannot be streamed")
    vertical, horizontal = module.padding
    padding = Padding(kind, horizontal, horizontal, vertical, vertical)
    columns = horizontal if kind == "zeros" else 0
    return Convolution(
        module.weight.detach(),
        _kept(module.bias),
        (module.stride[0], module.stride[1]),
        (module.dilation[0], module.dilation[1]),
        module.groups,
        columns,
        Padding("zeros", 0, 0, vertical, vertical) if columns else padding,
    )


def _transposed(module: nn.ConvTranspose2d) -> Transposed:
    (h, w), (down, right) = module.kernel_size, module.stride
    if module.dilation != (1, 1) or h < down or w < right or isinstance(module.padding, str):
        raise ValueError(f"{module} cannot be streamed")
    cut, extra = module.padding, module.output_padding
    return Transposed(
        module.weight.detach(),
        _kept(module.bias),
        (down, right),
        (cut[0], cut[1]),
        (extra[0], extra[1]),
        module.groups,
    )


def _pads(op: Convolution | Transposed) -> bool:
    return op.padding != Padding() or (isinstance(op, Convolution) and op.columns > 0)


def _foldable(larger: Enlargement, op: Convolution) -> bool:
    """Whether each pixel doubled and then a convolution are one transposed convolution, zeros at the edge included."""
    regular = op.stride == op.dilation == (1, 1) and op.groups == 1 and tuple(op.weight.shape[2:]) == (3, 3)
    return larger.factor == 2 and regular and op.columns == 1 and op.padding == Padding("zeros", 0, 0, 1, 1)


def _folded(op: Convolution) -> Transposed:
    """Return the transposed convolution: 16 products where doubled pixels make 36, and no larger map between.

    A pixel (row i) reaches the outputs 2 i - 1 to 2 i + 2. To each of them contribute those of the kernel's three
    rows that find the pixel, or its double, there.
    """
    rows = op.weight.new_zeros(4, 3)
    for tap, seen in enumerate(((2,), (1, 2), (0, 1), (0,))):
        rows[tap, list(seen)] = 1.0
    weight = torch.einsum("ay,bx,oiyx->ioab", rows, rows, op.weight)
    return Transposed(weight, op.bias, (2, 2), (1, 1), doubled=op.weight)
