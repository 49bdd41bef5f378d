"""``imgtrans models list`` and ``where``: what is in the zoo."""

import re
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from imgtrans.cli import complete, options
from imgtrans.zoo import store


def list_models(json: options.Json = False) -> None:
    """List the models that --model can name.

    Examples:
        imgtrans models list
        imgtrans models list --json
    """
    console = options.console(json_lines=json)
    found = store.models()
    for model in found:
        console.record(**fields(model))
    console.table(
        ["name", "turns", "size", "from"],
        [[m.name, _turns(m), megabytes(m.weights), _origin(m)] for m in found],
    )


def where(
    name: Annotated[
        str, typer.Argument(help="A model's name; without one, the zoo.", autocompletion=complete.models)
    ] = "",
    json: options.Json = False,
) -> None:
    """Print the folder of the zoo, or of a model.

    Examples:
        imgtrans models where
        imgtrans models where summer2winter
    """
    console = options.console(json_lines=json)
    folder = store.folder_of(name) if name else store.models_folder()
    console.record(name=name or None, path=str(folder))
    console.result(str(folder))


def fields(model: store.Model) -> dict[str, object]:
    """Return what ``--json`` says of a model."""
    return {**asdict(model.card), "bundled": model.bundled, "path": str(model.weights)}


def _turns(model: store.Model) -> str:
    card = model.card
    return f"{card.source} into {card.target}" if card.source and card.target else "?"


def _origin(model: store.Model) -> str:
    """Return where a model comes from, in a few words: the beginning of what its card says."""
    return "imgtrans" if model.bundled else re.split(r"[;,]", model.card.provenance)[0].strip() or "you"


def megabytes(path: Path) -> str:
    """Return how large a file is, as people write it."""
    if not path.exists():
        return "missing"
    size = path.stat().st_size / 1e6
    return f"{size:.1f} MB" if size >= 0.1 else f"{size:.2f} MB"
