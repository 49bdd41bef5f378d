"""How the steps of a run are computed: by the fastest way that its device has, or by plain PyTorch."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from torch import Tensor

from imgtrans.protocols import Objective
from imgtrans.training.objectives.cyclegan import CycleGAN
from imgtrans.training.options import TrainOptions
from imgtrans.training.quick.abreast import abreast
from imgtrans.training.quick.layers import quick_layers
from imgtrans.training.quick.maps import why_not
from imgtrans.training.quick.onmaps import layers_on_maps
from imgtrans.training.quick.recorded import CannotRecordError, RecordedStep, on_card
from imgtrans.training.state import TrainingState
from imgtrans.training.together import Together
from imgtrans.training.update import take_step

_log = logging.getLogger(__name__)


class Stepping:
    """Takes the steps of a run, until :meth:`close`.

    Args:
        state: Of the run; its objective is changed by each step.
        together: The processes that take each step together; None is this one alone.
    """

    def __init__(self, state: TrainingState, together: Together | None = None) -> None:
        self._state = state
        self._together = together
        self._quickened = quickened(state.objective, state.options, state.device)
        self._quickened.__enter__()
        self._recorded: RecordedStep | None = None
        self._may_record = state.options.backend != "eager" and state.device.type == "cuda"

    def take(self, batches: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
        """Take one step, and return its losses; see :func:`take_step`."""
        state = self._state
        if self._may_record and self._recorded is None and len(batches) == 1:
            pools = getattr(state.objective, "drawn_ahead", lambda: None)()
            if pools is None or (torch.distributed.is_available() and torch.distributed.is_initialized()):
                self._plain_from_here("its random numbers cannot be drawn ahead, or several processes train together")
            elif all(pool.is_full for pool in pools):
                self._recorded = RecordedStep(state.objective, pools, self._plainly, on_card)
        if self._recorded is None:
            return self._plainly(batches)
        recorded = self._recorded
        try:
            return recorded.take(batches[0])
        except CannotRecordError as error:
            losses = recorded.plainly()
            self._plain_from_here(str(error))
            return losses

    def close(self) -> None:
        """Leave the networks as plain as they were."""
        if self._recorded:
            self._recorded.close()
            self._recorded = None
        self._quickened.__exit__(None, None, None)

    def _plainly(self, batches: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
        state = self._state
        return take_step(state.objective, batches, state.autocast(), state.options.clip_norm, self._together)

    def _plain_from_here(self, why: str) -> None:
        asked = self._state.options.backend == "recorded"
        _log.log(
            logging.WARNING if asked else logging.INFO,
            "a step cannot be recorded (%s): it is computed one operation after the other",
            why,
        )
        self._may_record = False
        if self._recorded:
            self._recorded.close()
            self._recorded = None


def quickened(objective: Objective, options: TrainOptions, device: torch.device) -> AbstractContextManager[None]:
    """Return the context in which the networks of an objective are computed as a run of it does."""
    if options.backend != "auto":
        return nullcontext()
    if device.type == "cpu":
        return _quick_on_cores(objective)
    # Other objectives look at maps within the networks, and a gradient penalty needs the gradient of a gradient.
    if device.type != "cuda" or not isinstance(objective, CycleGAN):
        return nullcontext()
    if reason := why_not(device):
        _log.warning("maps are computed by plain PyTorch: %s", reason)
        return nullcontext()
    networks = objective.generators() if options.gradient_penalty else objective.networks()
    return layers_on_maps(*networks.values())


@contextmanager
def _quick_on_cores(objective: Objective) -> Iterator[None]:
    with quick_layers(*objective.generators().values()), abreast():
        yield
