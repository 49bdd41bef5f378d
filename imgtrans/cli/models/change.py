"""``imgtrans models rm`` and ``rename``: a model out of the zoo, or under another name in it."""

import contextlib
import sys
from pathlib import Path
from typing import Annotated

import typer

from imgtrans.cli import complete, options
from imgtrans.cli.models.show import fields
from imgtrans.console import Console
from imgtrans.errors import ModelError, UsageError
from imgtrans.zoo import store

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def rm(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME...", help="The models' names.", show_default=False, autocompletion=complete.models
        ),
    ],
    yes: Yes = False,
    json: options.Json = False,
) -> None:
    """Remove models of yours from the zoo.

    Examples:
        imgtrans models rm horse2zebra
        imgtrans models rm horse2zebra stripes --yes
    """
    console = options.console(json_lines=json)
    folders = {name: store.removable(name) for name in names}  # all are looked at before one goes
    if not yes:
        _ask(folders)
    for name, folder in folders.items():
        _forget_preview(name)
        store.remove(name)
        console.say(f"{name} is removed")
        console.record(name=name, path=str(folder), removed=True)


def _ask(folders: dict[str, Path]) -> None:
    """Ask whether models may go; if not, the command has done what was wanted of it.

    Raises:
        UsageError: If nobody can be asked.
    """
    if not sys.stdin.isatty():
        raise UsageError(f"nobody can be asked whether {', '.join(folders)} may go", "--yes removes without asking")
    which = " and ".join(f"{name} ({folder})" for name, folder in folders.items())
    if not typer.confirm(f"Remove {which}?", err=True):
        Console().say("nothing is removed")
        raise typer.Exit


def rename(
    old: Annotated[str, typer.Argument(help="The model's name.", show_default=False, autocompletion=complete.models)],
    new: Annotated[str, typer.Argument(help="What to call it from now on.", show_default=False)],
    json: options.Json = False,
) -> None:
    """Give one of your models another name.

    Examples:
        imgtrans models rename horse2zebra stripes
    """
    console = options.console(json_lines=json)
    model = store.rename(old, new)
    console.say(f"{old} is now {new}")
    console.record(**fields(model), renamed=old)
    console.result(new)


def _forget_preview(name: str) -> None:
    from imgtrans.zoo.preview import forget_preview

    with contextlib.suppress(ModelError, OSError):  # a broken model has none, and a picture left over does no harm
        forget_preview(store.find(name))
