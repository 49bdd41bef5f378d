"""A model that is not in the zoo but in a catalogue: offered, and pulled, when it is first used."""

import sys
from collections.abc import Sequence
from urllib.parse import urlsplit

from imgtrans.cli.models.pull import pull_shown
from imgtrans.console import Console
from imgtrans.errors import ModelError
from imgtrans.zoo import catalogue, store


def pull_on_first_use(
    console: Console, model: str, catalogues: Sequence[str], *, yes: bool, only_say: bool = False
) -> None:
    """Get a model that only a catalogue has, if the user wants it; for any other, do nothing.

    Args:
        console: Where the user is asked, and told.
        model: A model's name, or the path of a checkpoint.
        catalogues: The user's catalogues.
        yes: Whether the user wants it without being asked.
        only_say: Only say that it is missing.

    Raises:
        ModelError: If it is to be had and nobody wants it, or it cannot be pulled.
    """
    if store.is_path(model) or model in store.names():
        return
    entry = catalogue.find(model, catalogues, console.warn)
    if entry is None:
        return  # that there is none is said, with what there is, by whoever looks for it next
    if only_say or not (yes or _wanted(entry)):
        raise ModelError(f"{model!r} is not in the zoo yet", f"imgtrans models pull {model} gets it, or --yes does")
    pulled = pull_shown(console, model, catalogues=catalogues)
    console.say(f"{model} is in the zoo, from {pulled.address}")


def _wanted(entry: catalogue.Entry) -> bool:
    """Ask the user, if there is one."""
    if not (sys.stdin and sys.stdin.isatty() and sys.stderr and sys.stderr.isatty()):
        return False
    where = urlsplit(entry.url).hostname if entry.url.lower().startswith("http") else entry.url
    # Not typer.confirm: it writes a space to stdout, where the results are.
    sys.stderr.write(f"{entry.name} is not in the zoo. Pull it from {where}? [y/N]: ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")
