"""``imgtrans models rm`` and ``rename``: a model out of the zoo, or under another name in it."""

import contextlib
from typing import Annotated

import typer

from imgtrans.cli import options
from imgtrans.cli.models.show import fields
from imgtrans.errors import ModelError
from imgtrans.zoo import store

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def rm(
    name: Annotated[str, typer.Argument(help="The model's name.", show_default=False)],
    yes: Yes = False,
    json: options.Json = False,
) -> None:
    """Remove one of your models from the zoo."""
    console = options.console(json_lines=json)
    folder = store.removable(name)
    if not yes:
        typer.confirm(f"Remove {name} ({folder})?", abort=True, err=True)
    _forget_preview(name)
    store.remove(name)
    console.say(f"{name} is removed")
    console.record(name=name, path=str(folder), removed=True)


def rename(
    old: Annotated[str, typer.Argument(help="The model's name.", show_default=False)],
    new: Annotated[str, typer.Argument(help="What to call it from now on.", show_default=False)],
    json: options.Json = False,
) -> None:
    """Give one of your models another name."""
    console = options.console(json_lines=json)
    model = store.rename(old, new)
    console.say(f"{old} is now {new}")
    console.record(**fields(model), renamed=old)
    console.result(new)


def _forget_preview(name: str) -> None:
    from imgtrans.zoo.preview import forget_preview

    with contextlib.suppress(ModelError, OSError):  # a broken model has none, and a picture left over does no harm
        forget_preview(store.find(name))
