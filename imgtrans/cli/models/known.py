"""Options of ``import`` and ``pull``: what a user knows of a checkpoint and the file does not say."""

from typing import Annotated

import typer

from imgtrans.errors import UsageError

Network = Annotated[str, typer.Option(help="Which network of the file, if it has several.")]
Assume = Annotated[
    list[str] | None,
    typer.Option(
        help="What to take for true where names and shapes leave it open, as head=sigmoid, "
        "activation=leaky_relu:0.2 or channel_order=BGR; may be given more than once.",
        metavar="KEY=VALUE",
    ),
]
From = Annotated[str, typer.Option("--from", help="What it turns, as summer.")]
To = Annotated[str, typer.Option("--to", help="What it turns that into, as winter.")]
Licence = Annotated[str, typer.Option(help="Under which licence it may be used.")]


def assumed(texts: list[str] | None) -> dict[str, str]:
    """Return what ``--assume`` says.

    Raises:
        UsageError: If it is not a key and a value.
    """
    return dict(map(_pair, texts or []))


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not (key and equals and value):
        raise UsageError(f"--assume takes KEY=VALUE, not {text!r}", "as in --assume padding=replicate")
    return key.strip().replace("-", "_"), value.strip()
