"""``imgtrans run``: files and folders, once."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from imgtrans.batch.asked import MESSAGES, OUTPUT, Request
from imgtrans.cli import options
from imgtrans.errors import UsageError
from imgtrans.signals import INTERRUPTED, TERMINATED


@options.asking()
def run(
    ctx: typer.Context,
    *,
    inputs: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="INPUTS...", help="Pictures and folders of pictures; - is standard input.", show_default=False
        ),
    ] = None,
    asked: Request,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done and change nothing.", rich_help_panel=MESSAGES)
    ] = False,
    report: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write what was done, in JSON, when it ends.",
            show_default=False,
            rich_help_panel=MESSAGES,
        ),
    ] = None,
    gallery: Annotated[
        bool,
        typer.Option(
            "--gallery", help="Make a page of the output folder that shows before and after.", rich_help_panel=OUTPUT
        ),
    ] = False,
    yes: options.Yes = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Translate pictures and whole folders of them.

    Pictures come out under their own names, at their own size and in their own format. What is done
    already is not done again.

    Examples:
        imgtrans run photos/ --model summer2winter
        imgtrans run a.jpg b.png -o winter --format png --gallery
        cat a.jpg | imgtrans run - -o - > winter.jpg
    """
    from imgtrans.batch.report import Report
    from imgtrans.batch.request import prepare
    from imgtrans.batch.run import run as translate
    from imgtrans.batch.summary import check_summary, write_summary
    from imgtrans.cli.firstuse import pull_on_first_use
    from imgtrans.cli.forecast import show_forecast
    from imgtrans.cli.gallery import make as make_gallery
    from imgtrans.cli.listener import RunListener
    from imgtrans.cli.pipe import piped
    from imgtrans.gallery.place import gallery_page
    from imgtrans.storage.address import Address, addressed

    console = options.console(quiet, verbose, json)
    asked = options.with_settings(ctx, asked)
    if report is not None and dry_run:
        raise UsageError("--report is for what was done", "leave out --dry-run, or use --json")
    if report is not None:
        check_summary(report)
    if gallery and (dry_run or asked.output == Path("-")):
        raise UsageError("--gallery is for an output folder", "leave it out with --dry-run and -o -")
    pull_on_first_use(console, asked.model, options.catalogues(ctx), yes=yes, only_say=dry_run)
    files_only = "--dry-run" if dry_run else "--shard" if asked.shard else ""
    console.beginning(f"looking at what there is to do, with {asked.model}")
    with piped(inputs or [], asked.output, json=json, files_only=files_only) as ends:
        output = ends.output and addressed(ends.output)
        prepared = prepare(replace(asked, inputs=[*map(addressed, ends.inputs)], output=output))
        if gallery and isinstance(prepared.destination.folder, Address):
            raise UsageError("--gallery is for an output folder of this machine", "leave it out")
        if gallery and (ends.to_stdout or prepared.destination.singles):
            raise UsageError("--gallery is for an output folder", "name one with -o")
        if gallery:
            gallery_page(prepared.destination.folder)
        if dry_run:
            raise typer.Exit(1 if show_forecast(prepared, console) else 0)
        listener = RunListener(console, ends.shown)
        done, end = Report(), "stopped"
        try:
            translate(prepared, listener, done)
            end = "complete"
        except (KeyboardInterrupt, SystemExit) as stopped:
            listener.close()
            console.say(listener.stopped)
            raise typer.Exit(INTERRUPTED if isinstance(stopped, KeyboardInterrupt) else TERMINATED) from None
        finally:
            listener.close()
            if report is not None:
                write_summary(report, prepared, done, end, listener.device)
        listener.report(done)
        if ends.to_stdout and done.translated:
            ends.finish(*prepared.results())
        elif done.translated or done.skipped:
            for path in prepared.results():
                console.result(str(path))
    if gallery:
        make_gallery(prepared.destination.folder, console)
    if done.collisions:
        raise done.collisions[0]
    raise typer.Exit(1 if done.failed else 0)
