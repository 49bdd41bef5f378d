"""A whole step, updates included, recorded as a CUDA graph and then replayed, so that it does not wait for Python."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from imgtrans.protocols import Objective
from imgtrans.training.pool import ImagePool

Work = Callable[[], Tensor]
Batch = tuple[Tensor, Tensor]

_WARM = 3  # steps before it is recorded, in which libraries choose what they do


class CannotRecordError(Exception):
    """A step cannot be recorded, and has not been taken."""


class RecordedStep:
    """Steps of one objective on batches of one size.

    A recording reads its pictures, learning rates and draws from where they lay when it was made. So batches are copied
    there, learning rates are tensors, and pools draw before the step.

    Args:
        objective: Whose networks are trained; its optimisers are changed until :meth:`close`.
        pools: All that draws random numbers in a step, full.
        step: Takes a step on batches, plainly.
        record: Makes of the work of a step something that does it again.
    """

    def __init__(
        self,
        objective: Objective,
        pools: Sequence[ImagePool],
        step: Callable[[Sequence[Batch]], Tensor],
        record: Callable[[Work], Work],
    ) -> None:
        self._objective = objective
        self._pools = pools
        self._step = step
        self._record = record
        self._batch: Batch | None = None
        self._again: Work | None = None
        self._taken = 0
        for group in self._groups():
            weight = group["params"][0]
            group["lr"] = torch.tensor(float(group["lr"]), device=weight.device)
            group["capturable"] = weight.is_cuda

    def take(self, batch: Batch) -> Tensor:
        """Take one step, and return its losses.

        Raises:
            CannotRecordError: If it cannot be recorded; its pictures and draws are kept for :meth:`plainly`.
        """
        if self._batch is None:
            self._batch = batch[0].clone(), batch[1].clone()
        for place, pictures in zip(self._batch, batch, strict=True):
            place.copy_(pictures)
        for pool in self._pools:
            pool.draw_ahead(len(batch[0]))
        self._taken += 1
        if self._taken <= _WARM:
            return _aside(self.plainly) if batch[0].is_cuda else self.plainly()
        if self._again is None:
            try:
                self._again = self._record(self.plainly)
            except RuntimeError as error:
                raise CannotRecordError(" ".join(str(error).split())[:200]) from error
        return self._again().clone()

    def plainly(self) -> Tensor:
        """Do the work of the step that was begun, as it is."""
        assert self._batch is not None
        return self._step([self._batch])

    def close(self) -> None:
        """Leave pools and optimisers as plain as they were."""
        for pool in self._pools:
            pool.draw_in_time()
        for group in self._groups():
            group["lr"], group["capturable"] = float(group["lr"]), False

    def _groups(self) -> list[dict[str, Any]]:
        return [group for optimizer in self._objective.optimizers() for group in optimizer.param_groups]


def _aside(work: Work) -> Tensor:
    """Do work on another stream than the usual one, as is asked of work that will be recorded."""
    stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        losses = work()
    torch.cuda.current_stream().wait_stream(stream)
    return losses


def on_card(work: Work) -> Work:
    """Record work on the current CUDA device."""
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        losses = work()

    def again() -> Tensor:
        graph.replay()
        return losses

    return again
