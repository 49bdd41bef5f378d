"""``imgtrans models info``: what a model does, what it costs, and a picture of that; or its card."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from imgtrans.card import Card
from imgtrans.cli import complete, options
from imgtrans.cli.models.show import fields, megabytes
from imgtrans.config import Config
from imgtrans.console import Console
from imgtrans.errors import FilesError, ImgtransError, UsageError
from imgtrans.zoo import store

ALL = "all"


def info(
    ctx: typer.Context,
    name: Annotated[
        str,
        typer.Argument(
            help="A model's name, or the path of a checkpoint.", show_default=False, autocompletion=complete.models
        ),
    ],
    card: Annotated[bool, typer.Option("--card", help="Print the whole card, as TOML, and nothing else.")] = False,
    preview: Annotated[
        bool, typer.Option("--preview", help="Show a picture before and after in the terminal.")
    ] = False,
    measure: Annotated[bool, typer.Option("--measure", help="Measure the seconds for a picture, too.")] = False,
    device: options.Device = "auto",
    backend: Annotated[
        str,
        typer.Option(
            metavar="auto|NAME|all",
            help="What is measured: auto, eager, fused or prepared, or another that is installed; all compares them.",
            autocompletion=complete.backends,
        ),
    ] = "auto",
    option: options.Own = None,
    json: options.Json = False,
) -> None:
    """Say what a model does, what it costs, and where a picture before and after it is.

    Examples:
        imgtrans models info summer2winter --measure
        imgtrans models info summer2winter --measure --backend all
        imgtrans models info summer2winter --preview
        imgtrans models info latest_net_G.pth --card
    """
    console = options.console(json_lines=json)
    if card and (preview or measure or json):
        raise UsageError("--card prints the card and nothing else", "leave the other options out, or use --json alone")
    measured = _measured(ctx, measure, device, backend, option or [])
    if store.is_path(name):
        from imgtrans.zoo.loading import find_model

        model = find_model(name)
    else:
        model = store.find(name)
    if card:
        for line in model.card.to_toml().rstrip().split("\n"):
            console.result(line)
        return
    console.result(f"{model.name} {_does(model.card)}")
    for label, told in _facts(model):
        console.result(_line(label, told))
    found: dict[str, Any] = {}
    problems = []
    for show in (_show_costs, _show_preview):
        try:
            show(model, console, found, measured)
        except ImgtransError as error:
            problems.append(error)
    if preview and found.get("preview"):
        from imgtrans.cli.terminal import show_picture

        show_picture(Path(found["preview"]))
    console.record(**fields(model), **found, problems=[error.message for error in problems])
    if problems:  # the rest is shown all the same
        raise problems[0]


@dataclass(frozen=True)
class _Measured:
    """What is to be measured: with which backend, and the options that backends have of their own, by their names."""

    device: str
    backend: str
    settings: dict[str, Any]


def _measured(ctx: typer.Context, measure: bool, device: str, backend: str, texts: list[str]) -> _Measured | None:
    from imgtrans.opening import GROUP, check_backend
    from imgtrans.registry import registered
    from imgtrans.settings import settled

    if not measure:
        if texts or backend != "auto":
            raise UsageError("--backend and -O are for what is measured", "give --measure, too")
        return None
    named = [one.name for one in registered(GROUP) if not one.left_out] if backend == ALL else [backend]
    if backend != ALL:
        check_backend(backend)
    configuration: Config = ctx.obj
    settings: dict[str, Any] = {}
    for one in named:
        mine = [text for text in texts if backend != ALL or text.partition(".")[0] == one]
        settings |= settled(mine, configuration.settings, {GROUP: one})
    if backend == ALL:
        for text in texts:
            if text.partition(".")[0] not in named:
                settled([text], {}, {GROUP: "auto"})  # it says what is wrong
    return _Measured(device, backend, settings)


def _does(card: Card) -> str:
    return f"turns {card.source} into {card.target}" if card.source and card.target else "turns pictures into others"


def _line(label: str, told: str) -> str:
    return f"  {label:<11} {told}"


def _facts(model: store.Model) -> Iterator[tuple[str, str]]:
    """Yield what a person wants to know of a card, each with its name."""
    card, parameters = model.card, model.card.parameters
    size = [f"{parameters['ngf']} wide"] if "ngf" in parameters else []
    size += [f"{parameters['blocks']} blocks"] if "blocks" in parameters else []
    yield "network", ", ".join([card.architecture, *size])
    trained = f"trained at {card.training_size}" if card.training_size else ""
    works = f"up to {card.working_size} pixels a side" if card.working_size else "any size"
    yield "works at", f"{works}, {trained}" if trained else works
    for label, told in (
        ("trained on", card.data_set),
        ("licence", card.licence),
        ("made", ", ".join(part for part in (card.provenance, card.date) if part)),
        ("figures", ", ".join(f"{name} {value:g}" for name, value in card.metrics.items() if "loss" not in name)),
        ("assumed", ", ".join(card.assumed)),
    ):
        if told:
            yield label, told
    yield "weights", f"{model.weights} ({megabytes(model.weights)}), sha256 {card.sha256[:16]}"


def _show_costs(model: store.Model, console: Console, found: dict[str, Any], measured: _Measured | None) -> None:
    """Show what photographs of usual sizes cost; the seconds, too, if a device and a backend are given."""
    from imgtrans.images.measure import BYTES_PER_PIXEL
    from imgtrans.streaming.need import streamed_bytes
    from imgtrans.zoo.measure import cost_of, needs, speed_of

    cost = cost_of(model)
    found |= {"parameter_count": cost.parameters, "macs_per_megapixel": round(1e6 * cost.macs_per_pixel), "needs": []}
    computing = f"{cost.parameters:,} parameters"
    if cost.macs_per_pixel:  # those of a graph that is not PyTorch's are not counted
        computing += f", {cost.macs_per_pixel / 1e3:,.4g} GMAC per megapixel"
    console.result(_line("costs", computing))
    needed = needs(model, cost, BYTES_PER_PIXEL)
    speed = None
    if measured and measured.backend != ALL:
        one = measured.backend
        speed = speed_of(model, needed[0].width, needed[0].height, measured.device, one, measured.settings.get(one))
    for need in needed:
        native = " with --size native" if need.size == "native" else ""
        told = f"{need.megapixels} MP{native}, seen at {need.width}x{need.height}: {need.memory / 1e9:.2f} GB of memory"
        record = asdict(need)
        strips = streamed_bytes(model, need.width, need.height)
        rest = need.memory - cost.memory(need.width, need.height) + cost.memory(0, 0)  # the picture and the weights
        if strips is not None and strips + rest < need.memory:
            record["memory_streamed"] = strips + rest
            told += f" ({(strips + rest) / 1e9:.2f} GB if streamed)"
        if speed:
            record["seconds"] = seconds = speed.seconds * need.width * need.height / speed.pixels
            about = "" if need.width * need.height == speed.pixels else "about "
            rounded = f"{seconds:.0f}" if seconds >= 10 else f"{seconds:.2g}"
            told += f", {about}{rounded} s {speed.where}"
        found["needs"].append(record)
        console.result(_line("", told))
    if measured and measured.backend == ALL:
        _show_backends(model, console, found, measured, needed[0].width, needed[0].height)


def _show_backends(
    model: store.Model, console: Console, found: dict[str, Any], measured: _Measured, width: int, height: int
) -> None:
    """Show how fast each backend is here, and how far what it makes is from what plain PyTorch does."""
    from imgtrans.zoo.comparison import compare_backends

    found["backends"] = []
    console.result(
        _line("backends", f"a picture of {width}x{height}, and the largest difference from eager in float32")
    )
    for one in compare_backends(model, width, height, measured.device, measured.settings):
        told = f"{one.seconds:.2g} s, {one.largest:.2g} of 255, {one.precision}" if one.works else "cannot"
        console.result(_line("", f"{one.backend}: {told}{f' ({one.note})' if one.note else ''}"))
        found["backends"].append(asdict(one))


def _show_preview(model: store.Model, console: Console, found: dict[str, Any], _: object) -> None:
    """Show where a picture before and after the model is, if it is for pictures; the first time it is made."""
    from imgtrans.zoo.preview import preview
    from imgtrans.zoo.session import is_for_pictures

    found["preview"] = None
    if not is_for_pictures(model):
        return
    try:
        path = preview(model)
    except FilesError as error:
        console.warn(error.message)  # no fault of the model
        return
    found["preview"] = str(path)
    console.result(_line("preview", str(path)))
