"""``imgtrans models import``: a checkpoint from elsewhere into the zoo."""

from pathlib import Path
from typing import Annotated

import typer

from imgtrans.cli import options
from imgtrans.cli.models.show import fields


def import_model(
    file: Annotated[Path, typer.Argument(help="A checkpoint: .safetensors, .pth or .pt.", show_default=False)],
    name: Annotated[str, typer.Option(help="What to call it.", show_default=False)],
    source: Annotated[str, typer.Option("--from", help="What it turns, as summer.")] = "",
    target: Annotated[str, typer.Option("--to", help="What it turns that into, as winter.")] = "",
    licence: Annotated[str, typer.Option(help="Under which licence it may be used.")] = "",
    working_size: Annotated[int, typer.Option(min=0, help="Longest side at which it does best; 0 is any.")] = 0,
    json: options.Json = False,
) -> None:
    """Put a checkpoint into the zoo; its network is recognised from the file."""
    from imgtrans.zoo.loading import import_checkpoint

    console = options.console(json_lines=json)
    model = import_checkpoint(file, name, source=source, target=target, licence=licence, working_size=working_size)
    parameters = ", ".join(f"{key} {value}" for key, value in model.card.parameters.items())
    console.say(f"{file} is a {model.card.architecture} ({parameters}); it is in the zoo as {model.name}")
    console.record(**fields(model))
    console.result(model.name)
