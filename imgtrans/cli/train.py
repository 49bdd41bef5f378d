"""``imgtrans train``: a model of one's own, from two folders of pictures."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imgtrans.batch.asked import SEVERAL, SPEED
from imgtrans.cli import complete, options, recipes
from imgtrans.cli.checkup import show_checkup, show_remarks
from imgtrans.cli.training import Phase, Telling, ToConsole, say_forecast
from imgtrans.errors import UsageError
from imgtrans.signals import Stopping
from imgtrans.training.launch import goes_on, launched

if TYPE_CHECKING:
    from imgtrans.console import Console
    from imgtrans.training.data.folders import Folders
    from imgtrans.training.run import TrainingRun

_GROUPS = {
    "Data": "data a b test_a test_b check crop scale_jitter flip colour_jitter rotate",
    "Networks": "ngf blocks upsampling init",
    "Objective": "objective cycle_weight identity_weight relaxed_cycle nce_weight gradient_penalty spectral_norm "
    "scales diffaugment pool_size ema_decay spike_weight",
    "Schedule": "preset presets recipe batch_size accumulate epochs decay_epochs steps learning_rate clip_norm seed",
    "Run": "name runs resume save_minutes keep install install_anyway",
    "Seeing how it goes": "grid_every evaluate_every score_by on_trouble tensorboard",
    SPEED: "device precision backend workers",
    SEVERAL: "nproc",
}


@options.grouped(_GROUPS)
def train(
    ctx: typer.Context,
    dataset: Annotated[
        Path | None, typer.Argument(metavar="DATA", help="The same as --data.", show_default=False)
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Folder with trainA and trainB (and testA and testB).", show_default=False)
    ] = None,
    a: Annotated[
        Path | None, typer.Option(help="Folder of the one kind, instead of --data.", show_default=False)
    ] = None,
    b: Annotated[Path | None, typer.Option(help="Folder of the other kind.", show_default=False)] = None,
    test_a: Annotated[
        Path | None, typer.Option(help="Folder of some to test with, beside --a.", show_default=False)
    ] = None,
    test_b: Annotated[Path | None, typer.Option(help="The same beside --b.", show_default=False)] = None,
    check: Annotated[bool, typer.Option("--check", help="Look all pictures over, say what is wrong, and end.")] = False,
    name: Annotated[
        str | None,
        typer.Option(help="The model's name. [default: the data folder's, or a2b]", autocompletion=complete.runs),
    ] = None,
    runs: Annotated[Path, typer.Option(help="Folder that holds the run's own folder.")] = Path("runs"),
    nproc: Annotated[int, typer.Option(help="Processes of this machine that train together, as one for each GPU.")] = 1,
    preset: Annotated[
        str | None,
        typer.Option(metavar="paper|small|fast|photo", help="Settings for a purpose.", show_default=False),
    ] = None,
    presets: Annotated[
        bool, typer.Option("--presets", help="Say what each preset gives, and costs on this machine, and end.")
    ] = False,
    recipe: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Take settings from a file, as train.toml of a run.", show_default=False),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the run's last checkpoint.")] = False,
    objective: Annotated[
        str | None,
        typer.Option(
            metavar="cyclegan|cut|fastcut|modern",
            help="What the networks learn from, as docs/training.md tells, or a plugin's. [default: cyclegan]",
        ),
    ] = None,
    ngf: Annotated[int | None, typer.Option(help="Width of the generators. [default: 64]")] = None,
    blocks: Annotated[int | None, typer.Option(help="Residual blocks. [default: 9]")] = None,
    upsampling: Annotated[
        str | None, typer.Option(metavar="nearest|transpose", help="How the generators enlarge. [default: nearest]")
    ] = None,
    crop: Annotated[int | None, typer.Option(help="Side of the training crops, in pixels. [default: 256]")] = None,
    scale_jitter: Annotated[
        float | None, typer.Option(help="Zoom each crop by up to this factor, for larger pictures. [default: 1]")
    ] = None,
    flip: Annotated[
        bool | None, typer.Option("--flip/--no-flip", help="Mirror crops half of the time. [default: flip]")
    ] = None,
    colour_jitter: Annotated[
        float | None, typer.Option(help="Change brightness, contrast and saturation by up to this share. [default: 0]")
    ] = None,
    rotate: Annotated[float | None, typer.Option(help="Turn crops by up to so many degrees. [default: 0]")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Pictures of each domain a step. [default: 1]")] = None,
    accumulate: Annotated[int | None, typer.Option(help="Batches whose gradients make a step. [default: 1]")] = None,
    epochs: Annotated[int | None, typer.Option(help="Epochs at the constant rate. [default: 100]")] = None,
    decay_epochs: Annotated[int | None, typer.Option(help="Epochs of falling rate. [default: 100]")] = None,
    steps: Annotated[int | None, typer.Option(help="Train so many steps instead of epochs.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Learning rate of Adam. [default: 0.0002]")] = None,
    clip_norm: Annotated[float | None, typer.Option(help="Most that gradients' norm can be. [default: any]")] = None,
    cycle_weight: Annotated[float | None, typer.Option(help="Weight of the cycle loss. [default: 10]")] = None,
    identity_weight: Annotated[
        float | None, typer.Option(help="Weight of the identity loss, as a fraction of the cycle's. [default: 0.5]")
    ] = None,
    relaxed_cycle: Annotated[
        float | None,
        typer.Option(help="Share of the cycle loss that compares what discriminators see, as 0.5. [default: 0]"),
    ] = None,
    nce_weight: Annotated[
        float | None, typer.Option(help="Weight of the patches' loss of cut and fastcut. [default: 1, fastcut 10]")
    ] = None,
    gradient_penalty: Annotated[
        float | None,
        typer.Option(help="Weight of a penalty on discriminators' gradients at real pictures, as 1. [default: 0]"),
    ] = None,
    spectral_norm: Annotated[
        bool | None,
        typer.Option("--spectral-norm", help="Put discriminators under a spectral norm.", show_default=False),
    ] = None,
    scales: Annotated[
        int | None, typer.Option(help="Sizes at which discriminators look at pictures. [default: 1]")
    ] = None,
    diffaugment: Annotated[
        bool | None,
        typer.Option(
            "--diffaugment",
            help="Show discriminators pictures changed at random, for small data sets.",
            show_default=False,
        ),
    ] = None,
    pool_size: Annotated[int | None, typer.Option(help="Past fakes kept for a discriminator. [default: 50]")] = None,
    ema_decay: Annotated[
        float | None, typer.Option(help="Make the result a moving average of the weights, as 0.999. [default: 0]")
    ] = None,
    spike_weight: Annotated[
        float | None,
        typer.Option(help="Weight of a penalty on the spikes that make dark blots, as 50. [default: 0]"),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of weights, order, crops and pools. [default: 0]")] = None,
    init: Annotated[
        str | None,
        typer.Option(help="Model of the zoo to start from.", show_default=False, autocompletion=complete.models),
    ] = None,
    device: Annotated[
        str | None, typer.Option(metavar="DEVICE", help="auto, cpu, cuda, cuda:N, mps, xpu or xpu:N. [default: auto]")
    ] = None,
    precision: Annotated[
        str | None, typer.Option(metavar="auto|float32|bfloat16", help="What networks compute in. [default: auto]")
    ] = None,
    backend: Annotated[
        str | None, typer.Option(metavar="auto|eager|recorded", help="How steps are computed. [default: auto]")
    ] = None,
    workers: Annotated[int | None, typer.Option(help="Processes that load pictures. [default: 2]")] = None,
    save_minutes: Annotated[float | None, typer.Option(help="Minutes between checkpoints. [default: 5]")] = None,
    grid_every: Annotated[int | None, typer.Option(help="Steps between picture grids. [default: 500]")] = None,
    evaluate_every: Annotated[
        int | None, typer.Option(help="Steps between scores of the test pictures; 0 for none. [default: 5000]")
    ] = None,
    score_by: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Extractor whose KID tells the best weights. [default: classifier]"),
    ] = None,
    keep: Annotated[int | None, typer.Option(help="Checkpoints that are kept. [default: 1]")] = None,
    on_trouble: Annotated[
        str | None,
        typer.Option(metavar="warn|stop|rollback", help="What to do when the guards find trouble. [default: warn]"),
    ] = None,
    install: Annotated[
        int | None,
        typer.Option(metavar="STEP", help="Put models of a kept checkpoint into the zoo, and end.", show_default=False),
    ] = None,
    install_anyway: Annotated[
        bool, typer.Option("--install-anyway", help="Put models into the zoo in spite of trouble; their cards say so.")
    ] = False,
    tensorboard: Annotated[bool, typer.Option("--tensorboard", help="Write event files for TensorBoard.")] = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Train a CycleGAN, or by another objective, on two folders of pictures that need not belong together.

    The run lives in runs/NAME: losses.csv, grids of pictures, and a checkpoint that --resume goes on
    from. At the end both generators, NAME and its reverse, stand in the zoo; cut and fastcut make NAME alone.

    Examples:
        imgtrans train --check ./dataset
        imgtrans train --data ./dataset
        imgtrans train --a ./day --b ./night
        imgtrans train --data ./dataset --ngf 32 --blocks 6 --crop 128 --steps 20000
        imgtrans train --data ./dataset --preset small
        imgtrans train --data ./dataset --resume
    """
    launch = launched(nproc)
    quiet, json = quiet or launch.rank > 0, json and launch.rank == 0  # the first speaks for all of them
    phase = Phase()
    stopping = Stopping(phase.line, phase.late, quiet)
    stopping.listen(hangup=True)  # first of all: what follows takes a while
    console = options.console(quiet, verbose, json)
    if not presets:
        console.beginning("looking at what there is to train on")

    from imgtrans.training.beforehand import (
        check_beforehand,
        check_tensorboard,
        doubts_beforehand,
        remarks_beforehand,
    )
    from imgtrans.training.data.folders import named
    from imgtrans.training.naming import check_names_free, model_names
    from imgtrans.training.objectives.choice import goes_both_ways

    logging.getLogger("imgtrans").handlers = [ToConsole(console)]
    if dataset is not None and data is not None:
        raise UsageError(f"both {dataset} and --data {data} name the pictures", "give one of them")
    if presets:
        return recipes.show_presets(console)
    written = recipes.read(recipe)
    given = recipes.settings_of(ctx, preset, written)
    places = {"data": data or dataset, "a": a, "b": b, "test_a": test_a, "test_b": test_b}
    if not any(places.values()):
        places |= written.folders
    folders = named(*places.values())
    name = name or written.name or folders.name
    if check:
        show_checkup(folders, given, console)
        return
    folder = runs / name
    resume = resume or goes_on(folder)
    known = install is not None or resume
    if tensorboard:
        check_tensorboard()
    if not known:
        check_names_free(name, goes_both_ways(given.get("objective", "cyclegan")))
    check_beforehand(folders, folder, given, known)
    for doubt in doubts_beforehand(given, known):
        console.warn(doubt)
    if not known:
        show_remarks(remarks_beforehand(folders, given), console)

    from imgtrans.devices import describe_precision
    from imgtrans.training.companions import prepared
    from imgtrans.training.keeping import checkpoint_of
    from imgtrans.training.run import prepare
    from imgtrans.training.together import Together

    if install is not None:
        run = phase.run = prepare(folders, folder, given, True, checkpoint_of(folder, install))
        return _install(run, name, folders, console, install_anyway, f"-step{install}")
    arguments = {"data": folders, "folder": folder, "given": given, "resume": resume}
    run = phase.run = ctx.with_resource(prepared(Together(launch), nproc, arguments))
    settings, state = run.state.options, run.state
    first = phase.first = state.step
    all_steps = run.steps
    names = model_names(name, both_ways="G_BA" in state.objective.generators())
    if not resume or first < all_steps:  # a complete one may have put one of its models there before it was cut off
        check_names_free(name, len(names) > 1)
    console.say(
        f"training {' and '.join(names)} on {len(run.dataset.files_A)} + {len(run.dataset.files_B)} pictures: "
        f"crops of {settings.crop} pixels, width {settings.ngf}, {settings.blocks} blocks, {all_steps} steps "
        f"on {_where(run)} in {describe_precision(run.precision)}; see {folder}"
    )
    if resume:
        console.say(f"going on after step {first}")
    if run.together.is_first:
        say_forecast(run, all_steps - first, console)
    with console.panel(" and ".join(names), all_steps, done=first) as panel:
        telling = Telling(panel, console, first)
        phase.complete = run.train(telling.interval, stopping.asked, tensorboard, telling.scores)
    if not phase.complete:
        console.say(f"stopped after step {state.step} and saved; --resume goes on from here")
        raise typer.Exit(stopping.exit_code)
    if run.together.is_first:
        _install(run, name, folders, console, install_anyway)


def _where(run: "TrainingRun") -> str:
    """Return the device, and how many processes there are if there are several."""
    from imgtrans.devices import describe_device

    processes = f"{run.together.size} processes, the first of them on " if run.together.size > 1 else ""
    return f"{processes}{describe_device(run.state.device)}"


def _install(
    run: "TrainingRun", name: str, folders: "Folders", console: "Console", anyway: bool, suffix: str = ""
) -> None:
    from imgtrans.training.finish import install_results

    for model in install_results(run, name, folders, anyway, suffix):
        console.say(f"{model.name} is in the zoo: imgtrans run PHOTOS --model {model.name}")
        console.result(model.name)
        console.record(event="model", name=model.name, path=str(model.weights))
