"""``imgtrans models info``: a model's card, what it costs, and a picture of what it does."""

from dataclasses import asdict
from typing import Annotated, Any

import typer

from imgtrans.cli import complete, options
from imgtrans.cli.models.show import fields
from imgtrans.console import Console
from imgtrans.errors import FilesError, ImgtransError
from imgtrans.zoo import store


def info(
    name: Annotated[
        str,
        typer.Argument(
            help="A model's name, or the path of a checkpoint.", show_default=False, autocompletion=complete.models
        ),
    ],
    measure: Annotated[bool, typer.Option("--measure", help="Measure the seconds for a picture, too.")] = False,
    device: options.Device = "auto",
    backend: options.Backend = "auto",
    json: options.Json = False,
) -> None:
    """Show a model's card, what it costs, and where a picture before and after it is."""
    console = options.console(json_lines=json)
    if store.is_path(name):
        from imgtrans.zoo.loading import find_model

        model = find_model(name)
    else:
        model = store.find(name)
    for line in [*model.card.to_toml().rstrip().split("\n"), "", f"# {model.weights}"]:
        console.result(line)
    found: dict[str, Any] = {}
    problems = []
    for show in (_show_costs, _show_preview):
        try:
            show(model, console, found, (device, backend) if measure else None)
        except ImgtransError as error:
            problems.append(error)
    console.record(**fields(model), **found, problems=[error.message for error in problems])
    if problems:  # the rest is shown all the same
        raise problems[0]


def _show_costs(model: store.Model, console: Console, found: dict[str, Any], where: tuple[str, str] | None) -> None:
    """Show what photographs of usual sizes cost; the seconds, too, if a device and a backend are given."""
    from imgtrans.images.measure import BYTES_PER_PIXEL
    from imgtrans.streaming.need import streamed_bytes
    from imgtrans.zoo.measure import cost_of, needs, speed_of

    cost = cost_of(model)
    found |= {"parameter_count": cost.parameters, "macs_per_megapixel": round(1e6 * cost.macs_per_pixel), "needs": []}
    console.result(f"# {cost.parameters:,} parameters, {cost.macs_per_pixel / 1e3:,.4g} GMAC per megapixel")
    needed = needs(model, cost, BYTES_PER_PIXEL)
    speed = speed_of(model, needed[0].width, needed[0].height, *where) if where else None
    for need in needed:
        native = " with --size native" if need.size == "native" else ""
        line = (
            f"# {need.megapixels} MP{native}, seen at {need.width}x{need.height}: {need.memory / 1e9:.2f} GB of memory"
        )
        record = asdict(need)
        strips = streamed_bytes(model, need.width, need.height)
        rest = need.memory - cost.memory(need.width, need.height) + cost.memory(0, 0)  # the picture and the weights
        if strips is not None and strips + rest < need.memory:
            record["memory_streamed"] = strips + rest
            line += f" ({(strips + rest) / 1e9:.2f} GB if streamed)"
        if speed:
            record["seconds"] = seconds = speed.seconds * need.width * need.height / speed.pixels
            about = "" if need.width * need.height == speed.pixels else "about "
            rounded = f"{seconds:.0f}" if seconds >= 10 else f"{seconds:.2g}"
            line += f", {about}{rounded} s {speed.where}"
        found["needs"].append(record)
        console.result(line)


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
    console.result(f"# before and after: {path}")
