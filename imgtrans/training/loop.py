"""The training loop of CycleGAN, to be read from top to bottom."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from imgtrans.devices import choose_precision
from imgtrans.errors import UnavailableError
from imgtrans.training.data.dataset import RandomCrops
from imgtrans.training.data.reading import ReadAhead
from imgtrans.training.grid import grid_pictures, save_grid
from imgtrans.training.log import LossLog
from imgtrans.training.objective import LOSS_NAMES, discriminator_loss, generator_losses
from imgtrans.training.options import learning_rate_factor
from imgtrans.training.spikes import SpikePenalty
from imgtrans.training.state import TrainingState

# Losses are fetched from the device so often: each fetch waits for all work queued there.
LOG_EVERY = 10
# What discriminators say is around 0 and 1, and their mean losses are below 1 but for the first steps.
_BEYOND_SENSE = 100.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class StepReport:
    """How a training is going, told every few steps."""

    step: int
    all_steps: int
    losses: dict[str, float]
    seconds_per_step: float


def train(
    state: TrainingState,
    crops: RandomCrops,
    grid_crops: RandomCrops,
    folder: Path,
    report: Callable[[StepReport], None],
    stop: Callable[[], bool],
) -> bool:
    """Train until the last step, or until ``stop`` says so.

    Args:
        state: Where the run stands; changed in place.
        crops: The training pairs.
        grid_crops: The pairs shown in picture grids.
        folder: Where ``losses.csv``, ``checkpoint.pt`` and ``grids/`` go.
        report: Told every few steps.
        stop: Asked after each step, and while pictures are waited for.

    Returns:
        Whether the run is complete. The checkpoint is saved either way.

    Raises:
        UnavailableError: If losses or weights are no longer finite numbers; the last checkpoint is left as it was.
    """
    options, networks, device = state.options, state.networks, state.device
    all_steps, constant_steps = options.schedule(len(crops.dataset))
    precision = choose_precision(options.precision, device)
    autocast = torch.autocast(device.type, precision, enabled=precision is not torch.float32)
    fingerprint = crops.dataset.fingerprint()
    pictures_A, pictures_B = (pictures.to(device) for pictures in grid_pictures(grid_crops))
    discriminators = torch.nn.ModuleList([networks.D_A, networks.D_B])
    weights = [weight for network in networks.all().values() for weight in network.parameters()]
    log = LossLog(folder / "losses.csv", state.step)
    pending: list[tuple[int, Tensor, float]] = []
    warned = False
    started = saved = time.monotonic()
    seconds_before, first_step = state.seconds, state.step
    spikes = SpikePenalty(*((networks.G_AB, networks.G_BA) if options.spike_weight else ()))

    def warn_of_nonsense(rows: Tensor) -> None:
        nonlocal warned
        losses = dict(zip(LOSS_NAMES, rows.mean(0).tolist(), strict=True))
        worst = max(("G_adversarial", "D_A", "D_B"), key=losses.__getitem__)
        if losses[worst] > _BEYOND_SENSE and not warned:
            warned = True
            _log.warning(
                "at step %d %s is %.3g, and in a training that goes well it is below 1: this one has come apart, "
                "mostly because the learning rate (now %.3g) is too high",
                state.step, worst, losses[worst], pending[-1][2],
            )  # fmt: skip

    def write_pending() -> None:
        if not pending:
            return
        rows = torch.stack([losses for _, losses, _ in pending]).cpu()
        for (step, _, rate), row in zip(pending, rows, strict=True):
            if not torch.isfinite(row).all():
                raise _diverged(step, "losses")
            log.write(step, row.tolist(), rate)
        log.flush()
        warn_of_nonsense(rows)
        pending.clear()
        per_step = (time.monotonic() - started) / (state.step - first_step)
        report(StepReport(state.step, all_steps, dict(zip(LOSS_NAMES, rows[-1].tolist(), strict=True)), per_step))

    def save() -> None:
        write_pending()
        if not all(bool(torch.isfinite(weight).all()) for weight in weights):
            raise _diverged(state.step, "weights")  # the last update broke what its losses did not show yet
        state.seconds = seconds_before + time.monotonic() - started
        state.save(folder / "checkpoint.pt", fingerprint)

    def lost(sentence: str) -> None:
        save()  # between two steps, so that all is as it should be
        _log.warning("%s. What has been trained so far is saved.", sentence)

    batches = ReadAhead(
        crops,
        range(state.step * options.batch_size, all_steps * options.batch_size),
        batch_size=options.batch_size,
        workers=options.workers,
        pin_memory=device.type == "cuda",
        stop=stop,
        lost=lost,
    )
    try:
        for batch in batches:
            real_A = batch["A"].to(device, non_blocking=True)
            real_B = batch["B"].to(device, non_blocking=True)
            rate = options.learning_rate * learning_rate_factor(state.step, all_steps, constant_steps)
            state.set_learning_rate(rate)

            # The generators: fool the discriminators, come back to the start, leave the other domain alone.
            discriminators.requires_grad_(False)
            with autocast:
                g = generator_losses(networks, real_A, real_B, options.cycle_weight, options.identity_weight)
            total = g.total + options.spike_weight * spikes.take()
            state.optimizer_G.zero_grad()
            torch.autograd.backward(total)
            state.optimizer_G.step()
            state.update_averages()

            # The discriminators: tell real pictures from fakes, new and past.
            discriminators.requires_grad_(True)
            with autocast:
                d_A = discriminator_loss(networks.D_A, real_A, state.pool_A.query(g.fake_A.float()))
                d_B = discriminator_loss(networks.D_B, real_B, state.pool_B.query(g.fake_B.float()))
            state.optimizer_D.zero_grad()
            torch.autograd.backward(d_A + d_B)
            state.optimizer_D.step()

            state.step += 1
            losses = torch.stack([total, g.adversarial, g.cycle, g.identity, d_A, d_B]).detach()
            pending.append((state.step, losses, rate))
            if state.step % LOG_EVERY == 0 or state.step == all_steps:
                write_pending()
            if state.step % options.grid_every == 0 or state.step == all_steps:
                with autocast:
                    save_grid(folder / "grids" / f"step-{state.step:07d}.png", state.result(), (pictures_A, pictures_B))
            if stop():
                break
            if time.monotonic() - saved >= 60 * options.save_minutes:
                save()
                saved = time.monotonic()
        save()
    finally:
        batches.close()
        spikes.close()
        log.close()
    return state.step >= all_steps


def _diverged(step: int, what: str) -> UnavailableError:
    return UnavailableError(
        f"the {what} of step {step} are not finite numbers: the training has diverged",
        "resume from the last checkpoint with --precision float32, or start again with another --seed",
    )
