"""``imgtrans watch``: a folder that keeps filling, or several."""

from pathlib import Path
from typing import Annotated

import typer

from imgtrans.batch.asked import SERVICE, Request
from imgtrans.cli import options
from imgtrans.errors import OptionError, UsageError
from imgtrans.watching.conduct import Conduct
from imgtrans.watching.service.units import KINDS


@options.asking(watched=True)
def watch(
    ctx: typer.Context,
    *,
    inbox: Annotated[
        Path | None,
        typer.Argument(
            help="The folder to watch, with all folders below it; without one, those of [watch.NAME] in imgtrans.toml.",
            show_default=False,
        ),
    ] = None,
    asked: Request,
    conduct: Conduct,
    status: Annotated[
        bool,
        typer.Option(
            "--status", help="Say how the watching of INBOX stands; exit with 0 if it is well.", rich_help_panel=SERVICE
        ),
    ] = False,
    install: Annotated[
        str | None,
        typer.Option(
            metavar="|".join(KINDS),
            help="Print this command line as a service, and start nothing.",
            show_default=False,
            rich_help_panel=SERVICE,
        ),
    ] = None,
    yes: options.Yes = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Translate what is in a folder and whatever arrives there, until Ctrl-C or SIGTERM.

    A file is taken once it has stopped growing, and never twice, across restarts too.

    Examples:
        imgtrans watch inbox/ --model summer2winter -o outbox/
        imgtrans watch inbox/ --archive done/ --failed failed/
        imgtrans watch inbox/ --install systemd > imgtrans-inbox.service
        imgtrans watch --status inbox/
    """
    from imgtrans.cli.inboxes import AGAIN, inboxes_of
    from imgtrans.cli.pipe import DASH

    if install is not None and install not in KINDS:
        raise OptionError("install", f"is {install!r}", f"use {' or '.join(KINDS)}")
    inboxes = inboxes_of(ctx, inbox, options.with_settings(ctx, asked), conduct)
    if any(DASH in (one.folder, one.request.output) for one in inboxes):
        raise UsageError("watch reads and writes folders, and - is none", "imgtrans run - -o - takes one picture")
    if AGAIN in ctx.meta:
        ctx.meta[AGAIN] += inboxes
    elif status:
        from imgtrans.cli.watchstatus import show_status

        show_status([one.folder for one in inboxes], options.console(quiet, verbose, json))
    elif install:
        from imgtrans.cli.watchservice import print_service, service_of

        print_service(install, service_of(inboxes, network=yes), options.console(quiet, verbose, json))
    else:
        from imgtrans.cli.watchrun import run_watching

        run_watching(ctx, inboxes, yes=yes, quiet=quiet, verbose=verbose, json=json)
