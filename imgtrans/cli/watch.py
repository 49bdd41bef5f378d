"""``imgtrans watch``: a folder that keeps filling."""

import signal
import threading
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from imgtrans.batch.asked import INPUT, Request
from imgtrans.cli import options
from imgtrans.errors import UsageError


@options.asking(watched=True)
def watch(
    ctx: typer.Context,
    *,
    inbox: Annotated[Path, typer.Argument(help="The folder to watch, with all folders below it.", show_default=False)],
    asked: Request,
    settle: Annotated[
        float,
        typer.Option(min=0, help="Seconds that a file must stay unchanged to count as whole.", rich_help_panel=INPUT),
    ] = 2.0,
    yes: options.Yes = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Translate what is in a folder and whatever arrives there, until Ctrl-C or SIGTERM.

    A file is taken once it has stopped growing, and never twice, across restarts too.

    Examples:
        imgtrans watch inbox/ --model summer2winter -o outbox/
    """
    from imgtrans.cli.firstuse import pull_on_first_use
    from imgtrans.cli.pipe import DASH

    console = options.console(quiet, verbose, json)
    if DASH in (inbox, asked.output):
        raise UsageError("watch reads and writes folders, and - is none", "imgtrans run - -o - takes one picture")
    pull_on_first_use(console, asked.model, options.catalogues(ctx), yes=yes)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):  # before the imports: they take a while, and who stops then means it
        signal.signal(number, lambda *_: stop.set())
    from imgtrans.batch.request import prepare
    from imgtrans.cli.listener import RunListener
    from imgtrans.watch import watch_folder

    prepared = prepare(replace(asked, inputs=[inbox]))
    listener = RunListener(console, each=True)
    report = watch_folder(prepared, listener, stop, settle=settle, say=console.say)
    listener.report(report)
