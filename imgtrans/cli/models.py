"""``imgtrans models``: the local zoo."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from imgtrans.cli import options
from imgtrans.zoo import store

models = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="List, inspect, import and remove models.")


@models.command("list")
def list_models(json: options.Json = False) -> None:
    """List the models that --model can name."""
    console = options.console(json_lines=json)
    found = store.models()
    for model in found:
        console.record(**_fields(model))
    console.table(
        ["name", "turns", "size", "from"],
        [[m.name, _turns(m), _megabytes(m.weights), "imgtrans" if m.bundled else "you"] for m in found],
    )


@models.command()
def info(
    name: Annotated[str, typer.Argument(help="A model's name, or the path of a checkpoint.", show_default=False)],
    json: options.Json = False,
) -> None:
    """Show a model's card."""
    console = options.console(json_lines=json)
    if store.is_path(name):
        from imgtrans.zoo.loading import find_model

        model = find_model(name)
    else:
        model = store.find(name)
    console.record(**_fields(model))
    for line in [*model.card.to_toml().rstrip().split("\n"), "", f"# {model.weights}"]:
        console.result(line)


@models.command("import")
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
    console.record(**_fields(model))
    console.result(model.name)


@models.command()
def rm(
    name: Annotated[str, typer.Argument(help="The model's name.", show_default=False)],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Remove one of your models from the zoo."""
    console = options.console()
    folder = store.removable(name)
    if not yes:
        typer.confirm(f"Remove {name} ({folder})?", abort=True, err=True)
    store.remove(name)
    console.say(f"{name} is removed")


@models.command()
def where(name: Annotated[str, typer.Argument(help="A model's name; without one, the zoo.")] = "") -> None:
    """Print the folder of the zoo, or of a model."""
    options.console().result(str(store.find(name).weights.parent if name else store.models_folder()))


def _fields(model: store.Model) -> dict[str, object]:
    return {**asdict(model.card), "bundled": model.bundled, "path": str(model.weights)}


def _turns(model: store.Model) -> str:
    card = model.card
    return f"{card.source} into {card.target}" if card.source and card.target else "?"


def _megabytes(path: Path) -> str:
    return f"{path.stat().st_size / 1e6:.1f} MB" if path.exists() else "missing"
