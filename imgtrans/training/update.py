"""One step of an objective: its losses, their gradients, and the updates in their order."""

from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager

import torch
from torch import Tensor

from imgtrans.protocols import Objective, Update
from imgtrans.training.together import Together


def take_step(
    objective: Objective,
    batches: Sequence[tuple[Tensor, Tensor]],
    autocast: AbstractContextManager[object],
    clip_norm: float = 0.0,
    together: Together | None = None,
) -> Tensor:
    """Take one step on one or more batches, whose gradients are averaged.

    Args:
        objective: Whose networks are trained.
        batches: Pictures of A and of B, (N, 3, H, W) in [-1, 1] each, all of one size.
        autocast: In which losses are computed; gradients and updates are not.
        clip_norm: The most that the norm of an optimiser's gradients, all together, can be; 0 for no limit.
        together: The processes over which gradients are averaged; losses are those of this one.

    Returns:
        The losses in the objective's order, means over the batches, on the device.
    """
    turns = [objective.step(*batch) for batch in batches]
    while True:
        losses, optimizer = [], None
        for turn in turns:
            with autocast:
                update = _next(turn)
            if isinstance(update, Tensor):
                losses.append(update)
                continue
            if optimizer is None:
                optimizer = update.optimizer
                optimizer.zero_grad()
            torch.autograd.backward(update.loss / len(batches) if len(batches) > 1 else update.loss)
        if optimizer is None:
            return losses[0] if len(losses) == 1 else torch.stack(losses).mean(0)
        weights = [weight for group in optimizer.param_groups for weight in group["params"]]
        if together:
            together.average(weight.grad for weight in weights if weight.grad is not None)
        if clip_norm:
            torch.nn.utils.clip_grad_norm_(weights, clip_norm)
        optimizer.step()


def _next(turn: Generator[Update, None, Tensor]) -> Update | Tensor:
    """Return what a turn asks for next, or its losses when it is over."""
    try:
        return next(turn)
    except StopIteration as ended:
        losses: Tensor = ended.value
        return losses
