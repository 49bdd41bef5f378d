"""Networks whose maps lie pixel by pixel and meet few kernels on a card, for as long as they are trained there."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from imgtrans.architectures.resnet import ResidualBlock
from imgtrans.training.quick.maps import MOVED, PHASED, PLAIN, Shape, is_here, normalise, reflect
from imgtrans.training.quick.squares import in_squares, nearest_to_squares, squares_to_squares

_FEW = 4  # channels of pictures: so few leave most of a matrix unit empty
_ALIGNED = 16  # channels that it likes a multiple of


@contextmanager
def layers_on_maps(*networks: nn.Module) -> Iterator[None]:
    """Have networks compute by maps whose channels lie together, where they do it on a CUDA device.

    Instance normalisation, the ReLU behind it, the sum of a block and reflected edges are one kernel that reads and
    writes a map once, besides the one that takes sums; backwards likewise. What sees pixels one by one sees squares of
    2 x 2 instead: the first layers, the last one, and convolutions of a doubled map, which is never made. The bias of a
    convolution before an instance normalisation, which takes it away again, gets a gradient of exactly 0.

    Args:
        networks: What is changed; weights stay where they are, and all is plain again at the end.
    """
    # A layer becomes one of another class and no other layer, so that who has it, or copies it, needs to know nothing.
    before = [(module, type(module), {**vars(module)}) for network in networks for module in network.modules()]
    try:
        for network in networks:
            for module in network.modules():
                if type(module) is nn.Sequential:
                    _lay([*module])
                elif type(module) is ResidualBlock and _is_deck_block(module):
                    module.__class__ = BlockOnMaps
        yield
    finally:
        for module, kind, attributes in before:
            module.__class__ = kind
            for name in vars(module).keys() - attributes.keys():
                delattr(module, name)


class _Passed(nn.Module):
    """A layer whose work another one does."""

    def forward(self, input: Tensor) -> Tensor:
        return input


class _PassedReflection(_Passed, nn.ReflectionPad2d): ...


class _PassedUpsample(_Passed, nn.Upsample): ...


class _PassedReLU(_Passed, nn.ReLU): ...


class _PassedLeakyReLU(_Passed, nn.LeakyReLU): ...


class _Reflection(nn.ReflectionPad2d):
    """The padding of a map that no normalisation stands before."""

    def forward(self, input: Tensor) -> Tensor:
        return reflect(input, self.padding[0]) if is_here(input) else super().forward(input)


class _Convolution(nn.Conv2d):
    """A convolution of a map whose channels lie together.

    Attributes:
        weightless: Whether its bias counts nothing, as a normalisation takes it away again.
    """

    weightless = False

    def forward(self, input: Tensor) -> Tensor:
        if not is_here(input):
            return super().forward(input)
        few = self.out_channels < _ALIGNED // 2
        weight = F.pad(self.weight, (0, 0, 0, 0, 0, 0, 0, _ALIGNED // 2 - self.out_channels)) if few else self.weight
        made = self.convolve(input, weight, self.stride, self.padding)  # type: ignore[arg-type]
        made = made[:, : self.out_channels]
        if self.bias is None or self.weightless:
            return made
        return made + self.bias.to(made.dtype).view(1, -1, 1, 1)

    def convolve(
        self, x: Tensor, weight: Tensor, stride: Sequence[int] = (1, 1), padding: Sequence[int] = (0, 0)
    ) -> Tensor:
        """Convolve without a bias."""
        kind = torch.get_autocast_dtype("cuda") if torch.is_autocast_enabled("cuda") else x.dtype
        x = x.to(kind).contiguous(memory_format=torch.channels_last)
        weight = weight.to(kind).contiguous(memory_format=torch.channels_last)
        made = F.conv2d(x, weight, None, stride, padding)
        if self.weightless and self.bias is not None:
            made = _Untouched.apply(made, self.bias)
        result: Tensor = made
        return result


class _Head(_Convolution):
    """One that sees pictures, reflected by itself; it makes a phased map of them."""

    def forward(self, input: Tensor) -> Tensor:
        padding = self.kernel_size[0] // 2
        if not is_here(input) or any(side % 2 for side in input.shape[2:]):
            return nn.Conv2d.forward(self, F.pad(input, (padding,) * 4, mode="reflect"))
        x = in_squares(F.pad(input, (padding,) * 4, mode="reflect"))
        return self.convolve(_widened(x), _widened(squares_to_squares(self.weight)))


class _StridedHead(_Convolution):
    """One of 4 x 4 and stride 2 that sees pictures."""

    def forward(self, input: Tensor) -> Tensor:
        if not is_here(input) or any(side % 2 for side in input.shape[2:]):
            return nn.Conv2d.forward(self, input)
        made = self.convolve(_widened(in_squares(F.pad(input, (1,) * 4))), _widened(in_squares(self.weight)))
        return made if self.bias is None else made + self.bias.to(made.dtype).view(1, -1, 1, 1)


class _Tail(_Convolution):
    """One that makes pictures, of a phased map that is padded already."""

    def forward(self, input: Tensor) -> Tensor:
        if input.shape[1] == self.in_channels:
            return nn.Conv2d.forward(self, input)
        made = 4 * self.out_channels
        weight = F.pad(squares_to_squares(self.weight), (0, 0, 0, 0, 0, 0, 0, -made % _ALIGNED))
        squares = self.convolve(input, weight)[:, :made]
        n, _, height, width = squares.shape
        pixels = squares.reshape(n, 2, 2, -1, height, width).permute(0, 3, 4, 1, 5, 2)
        pixels = pixels.reshape(n, -1, 2 * height, 2 * width)
        return pixels if self.bias is None else pixels + self.bias.to(pixels.dtype).view(1, -1, 1, 1)


class _Doubled(_Convolution):
    """One of a map that it doubles by its nearest values itself; it makes a moved map."""

    def forward(self, input: Tensor) -> Tensor:
        if not is_here(input):
            return nn.Conv2d.forward(self, F.interpolate(input, scale_factor=2.0))
        return self.convolve(input, nearest_to_squares(self.weight), padding=(1, 1))


class _Normalisation(nn.InstanceNorm2d):
    """One that does the work of the ReLU and the padding behind it, too.

    Attributes:
        slope: Below zero.
        padding: That is reflected.
        given: The kind of map that comes, if it is not plain.
        made: That of what goes.
    """

    slope, padding, given, made = 1.0, 0, PLAIN, PLAIN

    def forward(self, input: Tensor) -> Tensor:
        if is_here(input):
            return self.on_maps(input)
        result = super().forward(input)
        result = F.leaky_relu(result, self.slope) if self.slope != 1 else result
        return F.pad(result, (self.padding,) * 4, mode="reflect") if self.padding else result

    def on_maps(self, x: Tensor, before: Tensor | None = None) -> Tensor:
        """Normalise a map, and add another."""
        given = self.given if self.given and x.shape[1] == 4 * self.num_features else PLAIN
        sides = Shape(given=given).sides(x)[2:]
        made = PLAIN if any(side % 2 for side in sides) else self.made
        return normalise(x, self.eps, Shape(self.padding, given, made, self.slope), before)


class BlockOnMaps(ResidualBlock):
    """One whose last normalisation adds what came in."""

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x + block(x)``."""
        if not is_here(x):
            return super().forward(x)
        *layers, last = self.block
        y = x
        for layer in layers:
            y = layer(y)
        assert isinstance(last, _Normalisation)
        return last.on_maps(y, x)


class _Untouched(torch.autograd.Function):
    """A map, and a bias that does nothing to it."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, bias: Tensor) -> Tensor:
        ctx.like = bias
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor]:
        return gradients[0], torch.zeros_like(ctx.like)


def _widened(x: Tensor) -> Tensor:
    """Return a map, or a weight, with channels of zeros up to a multiple of what matrix units like."""
    return F.pad(x, (0, 0, 0, 0, 0, -x.shape[1] % _ALIGNED))


_LAID: dict[type, type] = {
    nn.ReflectionPad2d: _PassedReflection,
    nn.Upsample: _PassedUpsample,
    nn.ReLU: _PassedReLU,
    nn.LeakyReLU: _PassedLeakyReLU,
}


def _lay(layers: list[nn.Module]) -> None:
    """Give layers that stand in a row the classes by which they work together."""
    nothing = nn.Identity()
    for at, layer in enumerate(layers):
        before = layers[at - 1] if at else nothing
        behind = [*layers[at + 1 : at + 4], nothing, nothing, nothing]
        if type(layer) is nn.Conv2d and _is_usual(layer):
            _lay_convolution(layer, before, _is_bare(behind[0]))
        elif _is_bare(layer):
            _lay_normalisation(layer, before, behind)
        elif type(layer) is nn.ReflectionPad2d and len({*layer.padding}) == 1 and type(behind[0]) is nn.Conv2d:
            layer.__class__ = _Reflection  # a convolution or a normalisation may take it over yet


def _lay_convolution(layer: nn.Conv2d, before: nn.Module, normalised: bool) -> None:
    kernel, plain = layer.kernel_size, (layer.stride, layer.padding) == ((1, 1), (0, 0))
    odd = kernel[0] == kernel[1] and kernel[0] % 2 == 1
    layer.__class__ = _Convolution
    reflected = isinstance(before, _Reflection) and before.padding[0] == kernel[0] // 2
    if layer.in_channels <= _FEW and reflected and plain and odd and normalised:
        before.__class__, layer.__class__ = _PassedReflection, _Head
    elif layer.in_channels <= _FEW and (kernel, layer.stride, layer.padding) == ((4, 4), (2, 2), (1, 1)):
        layer.__class__ = _StridedHead
    elif (
        type(before) is nn.Upsample and _doubles(before) and normalised and (kernel, layer.padding) == ((3, 3), (1, 1))
    ):
        before.__class__, layer.__class__ = _PassedUpsample, _Doubled
    layer.weightless = normalised  # type: ignore[assignment]


def _lay_normalisation(layer: nn.Module, before: nn.Module, behind: list[nn.Module]) -> None:
    layer.__class__ = _Normalisation
    assert isinstance(layer, _Normalisation)
    layer.given = PHASED if type(before) is _Head else MOVED if type(before) is _Doubled else PLAIN
    if type(behind[0]) in (nn.ReLU, nn.LeakyReLU):
        layer.slope = float(getattr(behind[0], "negative_slope", 0.0))
        behind[0].__class__ = _LAID[type(behind[0])]
        behind = behind[1:]
    pad, convolution = behind[:2]
    if type(pad) is nn.ReflectionPad2d and len({*pad.padding}) == 1 and type(convolution) is nn.Conv2d:
        layer.padding = int(pad.padding[0])
        pad.__class__ = _PassedReflection
        tail = convolution.out_channels <= _FEW and _is_usual(convolution)
        if tail and (convolution.stride, convolution.padding) == ((1, 1), (0, 0)) and _is_square(convolution):
            convolution.__class__, layer.made = _Tail, PHASED


def _is_square(layer: nn.Conv2d) -> bool:
    return layer.kernel_size[0] == layer.kernel_size[1] and layer.kernel_size[0] % 2 == 1


def _is_usual(layer: nn.Conv2d) -> bool:
    return (layer.dilation, layer.groups, layer.padding_mode) == ((1, 1), 1, "zeros")


def _is_bare(layer: nn.Module) -> bool:
    return type(layer) is nn.InstanceNorm2d and not layer.affine and not layer.track_running_stats


def _doubles(layer: nn.Upsample) -> bool:
    return layer.mode == "nearest" and layer.size is None and layer.scale_factor in (2, (2, 2))


def _is_deck_block(block: ResidualBlock) -> bool:
    return isinstance(block.behind, nn.Identity) and len(block.block) > 0 and _is_bare(block.block[-1])
