"""How the steps of a run are computed: by the fastest way that its device has, or by plain PyTorch."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

from imgtrans.protocols import Objective
from imgtrans.training.options import TrainOptions
from imgtrans.training.quick.layers import quick_layers
from imgtrans.training.state import TrainingState
from imgtrans.training.update import take_step


class Stepping:
    """Takes the steps of a run, until :meth:`close`.

    Args:
        state: Of the run; its objective is changed by each step.
    """

    def __init__(self, state: TrainingState) -> None:
        self._state = state
        self._quickened = quickened(state.objective, state.options, state.device)
        self._quickened.__enter__()

    def take(self, batches: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
        """Take one step, and return its losses; see :func:`take_step`."""
        return take_step(self._state.objective, batches, self._state.autocast(), self._state.options.clip_norm)

    def close(self) -> None:
        """Leave the networks as plain as they were."""
        self._quickened.__exit__(None, None, None)


def quickened(objective: Objective, options: TrainOptions, device: torch.device) -> AbstractContextManager[None]:
    """Return the context in which the generators of an objective are computed as a run of it does."""
    if options.backend == "auto" and device.type == "cpu":
        return quick_layers(*objective.generators().values())
    return nullcontext()
