"""A network as stages over whole maps."""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor, nn

from imgtrans.cuda.ends import LAST, Ends, First, Last, as_map, as_pictures, first_weight, last_weight
from imgtrans.cuda.normalising import NOTHING, Held, Normalise
from imgtrans.cuda.stages import Close, Convolve, Make, Norm, Open, Phased, Stage, Through, Transpose, phases, widened
from imgtrans.streaming.program import Begin, End, Normalisation, Op, Pointwise, program_of
from imgtrans.streaming.steps import Convolution, Padding, Step, Transposed


class Program:
    """A network, ready; it computes what the network does, up to rounding.

    Biases that a normalisation takes off again are left out, doubling and the convolution behind it are one,
    normalisations are computed with what stands around them, and the first and the last layer make several pixels at
    once.

    Args:
        network: In evaluation mode from here on; it is not changed besides, and its weights are copied.
        device: Where it computes.
        precision: Of maps and weights; sums are float32.
        normalise: Makes who computes normalisations, given the channels of the narrowest map that has one.
        ends: Makes maps of pictures and pictures of maps; None is PyTorch, for which layers stay as they are.

    Raises:
        ValueError: If the network has something that is not known.
    """

    def __init__(
        self,
        network: nn.Module,
        device: torch.device,
        precision: torch.dtype,
        normalise: Callable[[int], Normalise],
        ends: Ends | None = None,
    ) -> None:
        self._ops = program_of(network.eval())
        self._device, self._precision = device, precision
        self._how = normalise(_narrowest(self._ops))
        self._layout = torch.channels_last if self._how.by_pixel else torch.contiguous_format
        self._stages = [*self._made()]
        self._ends = ends
        self._first = None if ends is None else self._begins()
        self._last, self._tanh = (None, False) if ends is None else self._finishes()

    @torch.inference_mode()
    def __call__(self, given: Tensor, made: Tensor, look_up: Callable[[], None] = lambda: None) -> None:
        """Translate a batch.

        Args:
            given: Pictures, (N, H, W, channels): whole numbers without a sign, or floats in [-1, 1].
            made: The same, of the size that comes out, is filled; like ``given`` it lies in this order in memory.
            look_up: Is called before each stage; what it raises ends the work.
        """
        stages, held, blocks = self._stages, None, list[Held]()
        if self._ends and self._first and self._first.fits(*given.shape[1:3]):
            look_up()
            held, stages = self._first(given, self._ends), stages[1:]
        held = held or Held(as_map(given))
        behind = 1 + self._tanh
        for stage in stages[:-behind]:
            look_up()
            held = stage(held, blocks)
        look_up()
        if self._ends and self._last and self._last.fits(held):
            self._last(held, self._ends, tanh=self._tanh, pictures=made)
            return
        for stage in stages[-behind:]:
            held = stage(held, blocks)
        as_pictures(held.inner, made)

    def size(self, height: int, width: int) -> tuple[int, int]:
        """Return height and width of what comes out for those of what goes in."""
        for op in self._ops:
            if isinstance(op, Step):
                height, width = op.size(height, width)
        return height, width

    def _made(self) -> Iterator[Stage]:
        at = 0
        while at < len(self._ops):
            op, behind = self._ops[at], self._ops[at + 1 : at + 2]
            at += 1
            if isinstance(op, Convolution | Transposed):
                yield self._convolution(op, bool(behind) and isinstance(behind[0], Normalisation))
            elif isinstance(op, Step):
                op.to(self._device, torch.float32)
                yield Make(op)
            elif isinstance(op, Normalisation):
                stage, taken = self._norm(op, at)
                at += taken
                yield stage
            elif isinstance(op, Pointwise):
                if isinstance(op.function, nn.Module):
                    op.function.to(self._device)
                yield Through(op.function)
            elif isinstance(op, Begin):
                yield Open()
            else:
                yield Close(op.relu)

    def _convolution(self, op: Convolution | Transposed, normalised: bool) -> Stage:
        bias = None if normalised or op.bias is None else op.bias.to(self._device, self._precision)
        if isinstance(op, Convolution):
            return Convolve(op, self._weight(widened(op) if self._how.by_pixel else op.weight), bias, self._layout)
        phased = phases(op) if self._how.by_pixel and normalised else None
        return (
            Transpose(op, self._weight(op.weight), bias, self._layout)
            if phased is None
            else Phased(self._weight(phased))
        )

    def _begins(self) -> First | None:
        """Return the first convolution as one that makes several pixels at once, if it can be."""
        op, behind = self._ops[0], self._ops[1:2]
        if not (isinstance(op, Convolution) and behind and isinstance(behind[0], Normalisation)):
            return None
        weight = first_weight(op)
        return None if weight is None else First(op, self._weight(weight))

    def _finishes(self) -> tuple[Last | None, bool]:
        """Return the last convolution as one that makes several pixels at once, if it can be; whether tanh follows."""
        last = self._ops[-1]
        tanh = isinstance(last, Pointwise) and isinstance(last.function, nn.Tanh)
        op = self._ops[-2] if tanh and len(self._ops) > 1 else last
        weight = last_weight(op, LAST) if isinstance(op, Convolution) else None
        if weight is None or not isinstance(op, Convolution):
            return None, False
        bias = None if op.bias is None else op.bias.to(self._device, torch.float32)
        return Last(op, LAST, self._weight(weight), bias), tanh

    def _weight(self, weight: Tensor) -> Tensor:
        return weight.to(self._device, self._precision).contiguous(memory_format=self._layout)

    def _norm(self, op: Normalisation, at: int) -> tuple[Norm, int]:
        """Return a normalisation with what follows it, and how many operations more that is."""
        end = self._ops[at] if at < len(self._ops) else None
        ends = isinstance(end, End) and not op.relu
        relu = op.relu or (ends and isinstance(end, End) and end.relu)
        weight, bias = (None if one is None else one.to(self._device, torch.float32) for one in (op.weight, op.bias))
        norm = Normalisation(op.epsilon, weight, bias)
        return Norm(self._how, norm, ends, relu, self._padding(at + ends), self._precision), int(ends)

    def _padding(self, at: int) -> Padding:
        """Return what a map is padded with at the next convolution, if nothing but that is done to it before."""
        following = next((op for op in self._ops[at:] if not isinstance(op, Begin)), None)
        taken = isinstance(following, Convolution | Transposed) and following.padding.kind != "zeros"
        return following.padding if taken and isinstance(following, Step) else NOTHING


def _narrowest(ops: Sequence[Op]) -> int:
    """Return the channels of the narrowest map that is normalised; 64 if there is none."""
    channels, found = 0, []
    for op in ops:
        if isinstance(op, Step):
            channels = op.channels or channels
        elif isinstance(op, Normalisation):
            found.append(channels)
    return min((one for one in found if one), default=64)
