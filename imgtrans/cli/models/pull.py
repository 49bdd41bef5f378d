"""``imgtrans models pull`` and ``catalogue``: a model from elsewhere into the zoo, and what there is."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from imgtrans.cli import options
from imgtrans.cli.models import known
from imgtrans.cli.models.importing import report
from imgtrans.cli.models.show import fields
from imgtrans.console import Console, ProgressDisplay
from imgtrans.zoo import catalogue, store

if TYPE_CHECKING:
    from imgtrans.zoo.pull import Pulled

INTERRUPTED = 130


def pull(
    ctx: typer.Context,
    model: Annotated[
        str,
        typer.Argument(help="A name of the catalogue, a URL, or hf://owner/repo[/file].", show_default=False),
    ],
    name: Annotated[str, typer.Option(help="What to call it. [default: the catalogue's name, or the file's]")] = "",
    network: known.Network = "",
    assume: known.Assume = None,
    source: known.From = "",
    target: known.To = "",
    sha256: Annotated[str, typer.Option(help="What the file's SHA-256 must be.", show_default=False)] = "",
    accept_changed: Annotated[
        bool, typer.Option("--accept-changed", help="Take a file that is another than was pulled from there before.")
    ] = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Download a checkpoint and put it into the zoo.

    A download that was cut off goes on where it was. The file's hash is checked, or recorded and
    checked when it is pulled again.

    Examples:
        imgtrans models pull horse2zebra
        imgtrans models pull https://example.org/G_AB.pth --name fog2sun
        imgtrans models pull hf://owner/repo
    """
    console = options.console(quiet, json_lines=json)
    pulled = pull_shown(
        console,
        model,
        name,
        network=network,
        assume=known.assumed(assume),
        source=source,
        target=target,
        sha256=sha256,
        accept_changed=accept_changed,
        catalogues=options.catalogues(ctx),
    )
    if pulled.imported:
        report(console, pulled.address, pulled.imported)
        return
    console.say(f"it is in the zoo as {pulled.model.name}")
    console.record(**fields(pulled.model))
    console.result(pulled.model.name)


def list_catalogue(ctx: typer.Context, json: options.Json = False) -> None:
    """List the models that can be pulled by name.

    Examples:
        imgtrans models catalogue
        imgtrans models catalogue --json
    """
    console = options.console(json_lines=json)
    found = catalogue.entries(options.catalogues(ctx), console.warn)
    here = {*store.names()}
    for entry in found:
        console.record(**asdict(entry), here=entry.name in here)
    console.table(
        ["name", "turns", "size", "here", "licence"],
        [
            [
                entry.name,
                f"{entry.source} into {entry.target}" if entry.source and entry.target else "?",
                f"{entry.megabytes} MB" if entry.megabytes else "?",
                "yes" if entry.name in here else "no",
                entry.licence.partition(",")[0].partition(";")[0],
            ]
            for entry in found
        ],
    )


def pull_shown(
    console: Console,
    reference: str,
    name: str = "",
    *,
    network: str = "",
    assume: Mapping[str, str] | None = None,
    source: str = "",
    target: str = "",
    sha256: str = "",
    accept_changed: bool = False,
    catalogues: Sequence[str] = (),
) -> "Pulled":
    """Pull a model and show how it goes; see :func:`imgtrans.zoo.pull.pull`."""
    from imgtrans.zoo.pull import pull as pull_model  # and with it httpx and torch

    display: ProgressDisplay | None = None

    def progress(done: int, total: int | None) -> None:
        nonlocal display
        if display is None:
            display = console.download()
            display.__enter__()
        display.reach(done, total)
        if done == total:
            display.__exit__(None, None, None)  # to read it takes a while, too

    try:
        pulled = pull_model(
            reference,
            name,
            network=network,
            assume=assume,
            source=source,
            target=target,
            sha256=sha256,
            accept_changed=accept_changed,
            catalogues=catalogues,
            progress=progress,
            say=console.say,
            warn=console.warn,
        )
    except KeyboardInterrupt:
        console.say("stopped; what has come is kept, and the same command goes on from there")
        raise typer.Exit(INTERRUPTED) from None
    finally:
        if display is not None:
            display.__exit__(None, None, None)
    if pulled.model.card.licence:
        console.say(f"its licence: {pulled.model.card.licence}")
    return pulled
