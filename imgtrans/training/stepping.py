"""How the steps of a run are computed: by the fastest way that its device has, or by plain PyTorch."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

from imgtrans.protocols import Objective
from imgtrans.training.options import TrainOptions
from imgtrans.training.quick.layers import quick_layers
from imgtrans.training.state import TrainingState
from imgtrans.training.together import Together
from imgtrans.training.update import take_step


class Stepping:
    """Takes the steps of a run, until :meth:`close`.

    Args:
        state: Of the run; its objective is changed by each step.
        together: The processes that take each step together.
    """

    def __init__(self, state: TrainingState, together: Together) -> None:
        self._state = state
        self._together = together
        self._quickened = quickened(state.objective, state.options, state.device)
        self._quickened.__enter__()

    def take(self, batches: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
        """Take one step, and return its losses; see :func:`take_step`."""
        clip_norm = self._state.options.clip_norm
        return take_step(self._state.objective, batches, self._state.autocast(), clip_norm, self._together)

    def close(self) -> None:
        """Leave the networks as plain as they were."""
        self._quickened.__exit__(None, None, None)


def quickened(objective: Objective, options: TrainOptions, device: torch.device) -> AbstractContextManager[None]:
    """Return the context in which the generators of an objective are computed as a run of it does."""
    if options.backend == "auto" and device.type == "cpu":
        return quick_layers(*objective.generators().values())
    return nullcontext()
