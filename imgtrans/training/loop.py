"""The training loop, to be read from top to bottom."""

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import torch
from torch import Tensor

from imgtrans.errors import ImgtransError, UnavailableError
from imgtrans.training.data.dataset import RandomCrops
from imgtrans.training.data.reading import ReadAhead
from imgtrans.training.guards.trouble import Trouble, TroubleError
from imgtrans.training.listening import Interval, Listener, StepLosses
from imgtrans.training.options import learning_rate_factor
from imgtrans.training.place import CHECKPOINT
from imgtrans.training.state import TrainingState
from imgtrans.training.stepping import Stepping
from imgtrans.training.together import Together

# Losses are fetched from the device so often: each fetch waits for all work queued there.
LOG_EVERY = 10

_log = logging.getLogger(__name__)


def train(
    state: TrainingState,
    crops: RandomCrops,
    folder: Path,
    listeners: Sequence[Listener],
    stop: Callable[[], bool],
    together: Together | None = None,
) -> bool:
    """Train until the last step, or until ``stop`` says so.

    Args:
        state: Where the run stands; changed in place.
        crops: The training pairs.
        folder: Where the checkpoint goes.
        listeners: Told how it goes, in their order.
        stop: Asked after each step, and while pictures are waited for.
        together: The processes that train it, which this is one of; None is this one alone. All stop when one is to;
            the first tells its listeners, and saves.

    Returns:
        Whether the run is complete. The checkpoint is saved either way.

    Raises:
        TroubleError: If losses or weights are no longer finite numbers, or a listener will not have it go on; the last
            checkpoint is left as it was.
    """
    options, device, names = state.options, state.device, state.objective.loss_names()
    together = together or Together()
    alone = together.size == 1
    all_steps, constant_steps = state.schedule(len(crops.dataset), together.size)
    pairs_per_step = options.pairs_per_step * together.size
    fingerprint = crops.dataset.fingerprint()
    pending: list[tuple[int, Tensor, float]] = []
    started = saved = time.monotonic()
    seconds_before, first_step = state.seconds, state.step
    due = False
    trouble: ImgtransError | None = None

    def tell(word: Callable[[Listener], None]) -> None:
        nonlocal trouble
        for listener in listeners:
            try:
                word(listener)
            except ImgtransError as error:
                if alone:
                    raise
                trouble = trouble or error  # the others must hear of it, too

    def tell_pending() -> None:
        if not pending:
            return
        told = torch.stack([losses for _, losses, _ in pending])
        together.average([told])
        told = told.cpu()
        rows = [
            StepLosses(step, dict(zip(names, row, strict=True)), rate)
            for (step, _, rate), row in zip(pending, told.tolist(), strict=True)
        ]
        pending.clear()
        finite = torch.isfinite(told).all(1).tolist()
        good = rows[: finite.index(False)] if False in finite else rows
        if good:
            per_step = (time.monotonic() - started) / (state.step - first_step)
            tell(lambda listener: listener.interval(Interval(tuple(good), all_steps, per_step)))
        if good != rows:
            raise _diverged(rows[len(good)].step, "losses")

    def save() -> None:
        tell_pending()
        if not state.is_finite():
            raise _diverged(state.step, "weights")  # the last update broke what its losses did not show yet
        state.seconds = seconds_before + time.monotonic() - started
        others = [] if alone else together.gather(state.objective.state_dict())[1:]
        if together.is_first:
            state.save(folder / CHECKPOINT, fingerprint, others)
        tell(lambda listener: listener.saved(folder / CHECKPOINT, state.step))

    def lost(sentence: str) -> None:
        nonlocal due
        if alone:
            save()  # between two steps, so that all is as it should be
        due = not alone
        _log.warning("%s. What has been trained so far is saved.", sentence)

    batches = ReadAhead(
        crops,
        together.share(range(state.pairs, state.pairs + (all_steps - state.step) * pairs_per_step), options.batch_size),
        batch_size=options.batch_size,
        workers=options.workers,
        pin_memory=device.type == "cuda",
        stop=stop if alone else _never,
        lost=lost,
        sharing=together.here,
    )
    gathered: list[tuple[Tensor, Tensor]] = []
    stepping = Stepping(state, together)
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
            state.pairs += pairs_per_step
            pending.append((state.step, losses, rate))
            last = state.step == all_steps
            if state.step % LOG_EVERY == 0 or last:
                tell_pending()
            tell(lambda listener, last=last: listener.stepped(state.step, last))  # type: ignore[misc]
            due = due or time.monotonic() - saved >= 60 * options.save_minutes
            stopping, due, troubled = together.agree(stop(), due, trouble is not None)
            if troubled:
                said = together.first(trouble and (trouble.message, trouble.hint))
                raise trouble or UnavailableError(*said)
            if stopping:
                break
            if due:
                save()
                due, saved = False, time.monotonic()
        save()
        if trouble:
            raise trouble
    finally:
        with ExitStack() as ending:  # of each, even where that of another fails; last in, first out
            for listener in reversed(listeners):
                ending.callback(listener.ended)
            ending.callback(stepping.close)
            ending.callback(batches.close)
    return state.step >= all_steps


def _never() -> bool:
    return False


def _diverged(step: int, what: str) -> TroubleError:
    said = f"the {what} of step {step} are not finite numbers: the training has diverged"
    return TroubleError(Trouble("diverged", step, said))
