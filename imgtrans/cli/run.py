"""``imgtrans run``: files and folders, once."""

from pathlib import Path
from typing import Annotated

import typer

from imgtrans.cli import options
from imgtrans.errors import UsageError

INTERRUPTED = 130


def run(
    ctx: typer.Context,
    inputs: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="INPUTS...", help="Pictures and folders of pictures; - is standard input.", show_default=False
        ),
    ] = None,
    model: options.Model = options.DEFAULT_MODEL,
    output: options.Output = None,
    size: options.Size = "auto",
    upsample: options.Upsample = "guided",
    device: options.Device = "auto",
    precision: options.Precision = "auto",
    batch_size: options.BatchSize = 0,
    format: options.Format = "keep",
    quality: options.Quality = 0,
    alpha: options.Alpha = "keep",
    keep_gray: options.KeepGray = False,
    frames: options.Frames = "all",
    depth: options.Depth = 8,
    suffix: options.Suffix = "",
    max_pixels: options.MaxPixels = 0,
    include: options.Include = None,
    exclude: options.Exclude = None,
    limit: options.Limit = 0,
    files_from: options.FilesFrom = None,
    null: options.Null = False,
    tiling: options.Tiling = "auto",
    memory: options.Memory = "",
    scratch: options.Scratch = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done and change nothing.")] = False,
    overwrite: options.Overwrite = False,
    force: Annotated[bool, typer.Option("--force", help="Redo what imgtrans has done before.")] = False,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Do only what failed the last time. A run without it does that, too.")
    ] = False,
    shard: Annotated[
        str,
        typer.Option(
            metavar="I/N",
            help="Do the I-th of N parts, as 3/16: each machine of a job array does another. Every picture is in one.",
            show_default=False,
        ),
    ] = "",
    report: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write what was done, in JSON, when it ends.", show_default=False),
    ] = None,
    yes: options.Yes = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Translate pictures and whole folders of them.

    Pictures come out under their own names, at their own size and in their own format. What is done
    already is not done again.
    """
    from imgtrans.batch.report import Report
    from imgtrans.batch.request import Request, prepare
    from imgtrans.batch.run import run as translate
    from imgtrans.batch.summary import check_summary, write_summary
    from imgtrans.cli.firstuse import pull_on_first_use
    from imgtrans.cli.forecast import show_forecast
    from imgtrans.cli.listener import RunListener
    from imgtrans.cli.pipe import piped
    from imgtrans.finding.selection import Selection
    from imgtrans.finding.shard import parse_shard

    console = options.console(quiet, verbose, json)
    if report is not None and dry_run:
        raise UsageError("--report is for what was done", "leave out --dry-run, or use --json")
    if report is not None:
        check_summary(report)
    pull_on_first_use(console, model, options.catalogues(ctx), yes=yes, only_say=dry_run)
    files_only = "--dry-run" if dry_run else "--shard" if shard else ""
    with piped(inputs or [], output, json=json, files_only=files_only) as ends:
        prepared = prepare(
            Request(
                inputs=ends.inputs,
                model=model,
                output=ends.output,
                size=size,
                upsample=upsample,
                device=device,
                precision=precision,
                batch_size=batch_size,
                format=format,
                quality=quality,
                alpha=alpha,
                keep_gray=keep_gray,
                frames=frames,
                depth=depth,
                suffix=suffix,
                max_pixels=max_pixels,
                tiling=tiling,
                memory=memory,
                scratch=scratch,
                overwrite=overwrite,
                force=force,
                retry_failed=retry_failed,
                selection=Selection(tuple(include or ()), tuple(exclude or ()), limit, files_from, null),
                shard=parse_shard(shard),
            )
        )
        if dry_run:
            raise typer.Exit(1 if show_forecast(prepared, console) else 0)
        listener = RunListener(console, ends.shown)
        done, end = Report(), "stopped"
        try:
            translate(prepared, listener, done)
            end = "complete"
        except KeyboardInterrupt:
            listener.close()
            console.say("stopped; what is done is kept, and the same command goes on from here")
            raise typer.Exit(INTERRUPTED) from None
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
    if done.collisions:
        raise done.collisions[0]
    raise typer.Exit(1 if done.failed else 0)
