"""``imgtrans train``: a model of one's own, from two folders of pictures."""

import logging
import signal
from pathlib import Path
from typing import Annotated, Any

import typer

from imgtrans.cli import options
from imgtrans.errors import UsageError

INTERRUPTED, TERMINATED = 130, 143


def train(
    ctx: typer.Context,
    data: Annotated[
        Path, typer.Option(help="Folder with trainA and trainB (and testA and testB).", show_default=False)
    ],
    name: Annotated[str | None, typer.Option(help="The model's name. [default: the data folder's]")] = None,
    runs: Annotated[Path, typer.Option(help="Folder that holds the run's own folder.")] = Path("runs"),
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the run's last checkpoint.")] = False,
    ngf: Annotated[int | None, typer.Option(help="Width of the generators. [default: 64]")] = None,
    blocks: Annotated[int | None, typer.Option(help="Residual blocks. [default: 9]")] = None,
    upsampling: Annotated[str | None, typer.Option(help="nearest or transpose. [default: nearest]")] = None,
    crop: Annotated[int | None, typer.Option(help="Side of the training crops, in pixels. [default: 256]")] = None,
    scale_jitter: Annotated[
        float | None, typer.Option(help="Zoom each crop by up to this factor, for larger pictures. [default: 1]")
    ] = None,
    batch_size: Annotated[int | None, typer.Option(help="Pictures of each domain a step. [default: 1]")] = None,
    epochs: Annotated[int | None, typer.Option(help="Epochs at the constant rate. [default: 100]")] = None,
    decay_epochs: Annotated[int | None, typer.Option(help="Epochs of falling rate. [default: 100]")] = None,
    steps: Annotated[int | None, typer.Option(help="Train so many steps instead of epochs.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Learning rate of Adam. [default: 0.0002]")] = None,
    cycle_weight: Annotated[float | None, typer.Option(help="Weight of the cycle loss. [default: 10]")] = None,
    identity_weight: Annotated[
        float | None, typer.Option(help="Weight of the identity loss, as a fraction of the cycle's. [default: 0.5]")
    ] = None,
    pool_size: Annotated[int | None, typer.Option(help="Past fakes kept for a discriminator. [default: 50]")] = None,
    ema_decay: Annotated[
        float | None, typer.Option(help="Make the result a moving average of the weights, as 0.999. [default: 0]")
    ] = None,
    spike_weight: Annotated[
        float | None,
        typer.Option(help="Weight of a penalty on the spikes that make dark blots, as 1. [default: 0]"),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of weights, order, crops and pools. [default: 0]")] = None,
    init: Annotated[str | None, typer.Option(help="Model of the zoo to start from.", show_default=False)] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda or cuda:N. [default: auto]")] = None,
    precision: Annotated[str | None, typer.Option(help="auto, float32 or bfloat16. [default: auto]")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes that load pictures. [default: 2]")] = None,
    save_minutes: Annotated[float | None, typer.Option(help="Minutes between checkpoints. [default: 5]")] = None,
    grid_every: Annotated[int | None, typer.Option(help="Steps between picture grids. [default: 500]")] = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Train a CycleGAN on two folders of pictures that need not belong together.

    The run lives in runs/NAME: losses.csv, grids of pictures, and a checkpoint that --resume goes on
    from. At the end both generators, NAME and its reverse, stand in the zoo.
    """
    from imgtrans.devices import choose_precision, describe_device, describe_precision
    from imgtrans.training.finish import install_results
    from imgtrans.training.loop import StepReport
    from imgtrans.training.naming import check_names_free, reverse_name
    from imgtrans.training.run import prepare

    console = options.console(quiet, verbose, json)
    logging.getLogger("imgtrans").handlers = [_ToConsole(console)]
    name = name or data.resolve().name
    given: dict[str, Any] = {
        key: value
        for key, value in ctx.params.items()
        if value is not None and key not in ("data", "name", "runs", "resume", "json", "quiet", "verbose")
    }
    if steps and (epochs is not None or decay_epochs is not None):
        raise UsageError("--steps replaces --epochs and --decay-epochs", "give either")
    folder = runs / name
    if not resume:
        check_names_free(name)
    run = prepare(data, folder, given, resume)
    settings, state = run.state.options, run.state
    all_steps, _ = settings.schedule(len(run.dataset))
    if resume and state.step < all_steps:  # a complete one may have put one of its models there before it was cut off
        check_names_free(name)
    dataset, precision_used = run.dataset, choose_precision(settings.precision, state.device)
    console.say(
        f"training {name} and {reverse_name(name)} on {len(dataset.files_A)} + {len(dataset.files_B)} pictures: "
        f"crops of {settings.crop} pixels, width {settings.ngf}, {settings.blocks} blocks, {all_steps} steps "
        f"on {describe_device(state.device)} in {describe_precision(precision_used)}; see {folder}"
    )
    if resume:
        console.say(f"going on after step {state.step}")
    received: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: received.append(number))
    with console.progress(all_steps, done=state.step) as progress:
        last = state.step

        def report(step: StepReport) -> None:
            nonlocal last
            left = (step.all_steps - step.step) * step.seconds_per_step
            losses = "  ".join(f"{name} {value:.3f}" for name, value in step.losses.items())
            progress.advance(step.step - last, f"{losses}  {step.seconds_per_step:.2f} s/step, {duration(left)} left")
            console.record(event="step", step=step.step, steps=step.all_steps, **step.losses)
            last = step.step

        complete = run.train(report, lambda: bool(received))
    if not complete:
        console.say(f"stopped after step {state.step} and saved; --resume goes on from here")
        raise typer.Exit(TERMINATED if received[0] == signal.SIGTERM else INTERRUPTED)
    for model in install_results(run, name, data):
        console.say(f"{model.name} is in the zoo: imgtrans run PHOTOS --model {model.name}")
        console.result(model.name)
        console.record(event="model", name=model.name, path=str(model.weights))


def duration(seconds: float) -> str:
    """Return a time span as a person says it, as ``3 h 20 min``."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {seconds:02d} s" if minutes else f"{seconds} s"


class _ToConsole(logging.Handler):
    """Shows log records as warnings."""

    def __init__(self, console: Any) -> None:
        super().__init__(logging.WARNING)
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        """Show one."""
        self._console.warn(self.format(record))
