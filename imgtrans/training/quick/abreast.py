"""Passes of networks that do not need one another, computed side by side, there and back."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from imgtrans.devices import computing_threads

T = TypeVar("T")

_COMPANION: ContextVar[ThreadPoolExecutor | None] = ContextVar("companion", default=None)


@dataclass(frozen=True)
class Pass:
    """What networks make of some tensors.

    Attributes:
        compute: Makes tensors of the inputs.
        inputs: Whatever it needs that has a gradient, and what else it is given.
        networks: Whose weights it uses; another pass beside it uses none of the same.
    """

    compute: Callable[..., tuple[Tensor, ...]]
    inputs: tuple[Tensor, ...]
    networks: tuple[nn.Module, ...]

    def weights(self) -> Iterator[Tensor]:
        """Return the weights that are trained."""
        return (w for network in self.networks for w in network.parameters() if w.requires_grad)


@contextmanager
def abreast() -> Iterator[None]:
    """Have :func:`both` compute two passes at a time in this thread, on a CPU.

    A layer of a small picture is too little work for two cores, which wait for one another after each; two passes of
    one thread each keep both busy. Each gets half of PyTorch's threads.
    """
    with ThreadPoolExecutor(1, "imgtrans-pass") as companion:
        token = _COMPANION.set(companion)
        try:
            yield
        finally:
            _COMPANION.reset(token)


def both(one: Pass, other: Pass) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """Return what two passes make: within :func:`abreast` side by side, else one after the other.

    Gradients are the same, and are added up in the same order, whichever pass ends first. Within :func:`abreast` no
    gradients of gradients come out of a pass; within a pass there may be some.
    """
    companion = _COMPANION.get()
    if companion is None or torch.get_num_threads() < 2 or not torch.is_grad_enabled():
        return one.compute(*one.inputs), other.compute(*other.inputs)
    passes = one, other
    made: list[tuple[Tensor, ...]] = []  # told by the function how many are whose
    flat = _Both.apply(
        companion, passes, made, *(tensor for single in passes for tensor in (*single.inputs, *single.weights()))
    )
    first = len(made[0])
    return flat[:first], flat[first:]


class _Both(torch.autograd.Function):
    """Two passes with graphs of their own, as the walk through one graph is that of one thread."""

    @staticmethod
    def forward(
        ctx: Any, companion: ThreadPoolExecutor, passes: Sequence[Pass], made: list[Any], *tensors: Tensor
    ) -> tuple[Tensor, ...]:
        autocast = _autocast_of_here()
        begun = _side_by_side(companion, [partial(_begin, single, autocast) for single in passes])
        made += [outputs for _, outputs in begun]
        ctx.companion, ctx.begun = companion, begun
        ctx.set_materialize_grads(False)
        return tuple(output.detach() for outputs in made for output in outputs)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        works, at = [], 0
        for sources, outputs in ctx.begun:
            works.append(partial(_go_back, sources, outputs, gradients[at : at + len(outputs)]))
            at += len(outputs)
        ctx.begun = None
        found = _side_by_side(ctx.companion, works)
        return None, None, None, *(gradient for one in found for gradient in one)


def _begin(single: Pass, autocast: Callable[[], torch.autocast]) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """Compute a pass; return what it depends on, as its graph has it, and what it makes."""
    with torch.enable_grad(), autocast():
        inputs = tuple(tensor.detach().requires_grad_(tensor.requires_grad) for tensor in single.inputs)
        outputs = single.compute(*inputs)
    return (*inputs, *single.weights()), outputs


def _go_back(
    sources: Sequence[Tensor], outputs: Sequence[Tensor], gradients: Sequence[Tensor | None]
) -> list[Tensor | None]:
    """Return the gradients of what a pass depends on."""
    known = [
        (output, gradient)
        for output, gradient in zip(outputs, gradients, strict=True)
        if gradient is not None and output.requires_grad
    ]
    wanted = [source for source in sources if source.requires_grad]
    if not known or not wanted:
        return [None] * len(sources)
    ends, given = zip(*known, strict=True)
    found = iter(torch.autograd.grad(ends, wanted, given, allow_unused=True))
    return [next(found) if source.requires_grad else None for source in sources]


def _autocast_of_here() -> Callable[[], torch.autocast]:
    """Return what makes other threads compute in the precision of this one; they keep no weights for one another."""
    enabled, precision = torch.is_autocast_enabled("cpu"), torch.get_autocast_dtype("cpu")
    return lambda: torch.autocast("cpu", precision, enabled, cache_enabled=False)


def _side_by_side(companion: ThreadPoolExecutor, works: Sequence[Callable[[], T]]) -> list[T]:
    """Do the first of two works here and the other one in the companion, with half of the threads each."""
    threads = torch.get_num_threads()

    def beside() -> T:
        torch.set_num_threads(threads // 2)
        return works[1]()

    with computing_threads(threads - threads // 2):
        other = companion.submit(beside)
        try:
            first = works[0]()
        finally:
            wait([other])
    return [first, other.result()]
