"""``imgtrans models rm``: a model out of the zoo."""

from typing import Annotated

import typer

from imgtrans.cli import options
from imgtrans.zoo import store


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
