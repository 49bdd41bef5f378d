"""The training loop, to be read from top to bottom."""

import contextlib
import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from imgtrans.training.data.dataset import RandomCrops
from imgtrans.training.data.reading import ReadAhead
from imgtrans.training.guards.trouble import Trouble, TroubleError
from imgtrans.training.listening import Interval, Listener, StepLosses
from imgtrans.training.options import learning_rate_factor
from imgtrans.training.place import CHECKPOINT
from imgtrans.training.state import TrainingState
from imgtrans.training.stepping import Stepping

# Losses are fetched from the device so often: each fetch waits for all work queued there.
LOG_EVERY = 10

_log = logging.getLogger(__name__)


def train(
    state: TrainingState,
    crops: RandomCrops,
    folder: Path,
    listeners: Sequence[Listener],
    stop: Callable[[], bool],
) -> bool:
    """Train until the last step, or until ``stop`` says so.

    Args:
        state: Where the run stands; changed in place.
        crops: The training pairs.
        folder: Where the checkpoint goes.
        listeners: Told how it goes, in their order.
        stop: Asked after each step, and while pictures are waited for.

    Returns:
        Whether the run is complete. The checkpoint is saved either way.

    Raises:
        TroubleError: If losses or weights are no longer finite numbers, or a listener will not have it go on; the last
            checkpoint is left as it was.
    """
    options, device, names = state.options, state.device, state.objective.loss_names()
    all_steps, constant_steps = options.schedule(len(crops.dataset))
    fingerprint = crops.dataset.fingerprint()
    pending: list[tuple[int, Tensor, float]] = []
    started = saved = time.monotonic()
    seconds_before, first_step = state.seconds, state.step

    def tell_pending() -> None:
        if not pending:
            return
        told = torch.stack([losses for _, losses, _ in pending]).cpu()
        rows = [
            StepLosses(step, dict(zip(names, row, strict=True)), rate)
            for (step, _, rate), row in zip(pending, told.tolist(), strict=True)
        ]
        pending.clear()
        finite = torch.isfinite(told).all(1).tolist()
        good = rows[: finite.index(False)] if False in finite else rows
        if good:
            per_step = (time.monotonic() - started) / (state.step - first_step)
            for listener in listeners:
                listener.interval(Interval(tuple(good), all_steps, per_step))
        if good != rows:
            raise _diverged(rows[len(good)].step, "losses")

    def save() -> None:
        tell_pending()
        if not state.is_finite():
            raise _diverged(state.step, "weights")  # the last update broke what its losses did not show yet
        state.seconds = seconds_before + time.monotonic() - started
        state.save(folder / CHECKPOINT, fingerprint)
        for listener in listeners:
            listener.saved(folder / CHECKPOINT, state.step)

    def lost(sentence: str) -> None:
        save()  # between two steps, so that all is as it should be
        _log.warning("%s. What has been trained so far is saved.", sentence)

    batches = ReadAhead(
        crops,
        range(state.step * options.pairs_per_step, all_steps * options.pairs_per_step),
        batch_size=options.batch_size,
        workers=options.workers,
        pin_memory=device.type == "cuda",
        stop=stop,
        lost=lost,
    )
    gathered: list[tuple[Tensor, Tensor]] = []
    stepping = Stepping(state)
    try:
        for batch in batches:
            gathered.append((batch["A"].to(device, non_blocking=True), batch["B"].to(device, non_blocking=True)))
            if len(gathered) < options.accumulate:
                continue
            rate = state.learning_rate * learning_rate_factor(state.step, all_steps, constant_steps)
            state.set_learning_rate(rate)
            losses = stepping.take(gathered)
            gathered = []
            state.update_averages()
            state.step += 1
            pending.append((state.step, losses, rate))
            last = state.step == all_steps
            if state.step % LOG_EVERY == 0 or last:
                tell_pending()
            for listener in listeners:
                listener.stepped(state.step, last)
            if stop():
                break
            if time.monotonic() - saved >= 60 * options.save_minutes:
                save()
                saved = time.monotonic()
        save()
    finally:
        batches.close()
        stepping.close()
        with contextlib.ExitStack() as ending:  # each of them, though one may have no room for what it writes last
            for listener in listeners:
                ending.callback(listener.ended)
    return state.step >= all_steps


def _diverged(step: int, what: str) -> TroubleError:
    said = f"the {what} of step {step} are not finite numbers: the training has diverged"
    return TroubleError(Trouble("diverged", step, said))
