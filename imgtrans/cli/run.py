"""``imgtrans run``: files and folders, once."""

from pathlib import Path
from typing import Annotated

import typer

from imgtrans.cli import options

INTERRUPTED = 130


def run(
    ctx: typer.Context,
    inputs: Annotated[
        list[Path] | None,
        typer.Argument(metavar="INPUTS...", help="Pictures and folders of pictures.", show_default=False),
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
    yes: options.Yes = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Translate pictures and whole folders of them.

    Pictures come out under their own names, at their own size and in their own format. What is done
    already is not done again.
    """
    from imgtrans.batch import run as batch
    from imgtrans.batch.selection import Selection
    from imgtrans.cli.firstuse import pull_on_first_use
    from imgtrans.cli.listener import RunListener, describe_plan

    console = options.console(quiet, verbose, json)
    pull_on_first_use(console, model, options.catalogues(ctx), yes=yes, only_say=dry_run)
    prepared = batch.prepare(
        batch.Request(
            inputs=inputs or [],
            model=model,
            output=output,
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
        )
    )
    if dry_run:
        plan = batch.dry_run(prepared)
        console.say(
            f"would be {describe_plan(plan, prepared, None)}" if plan.todo else describe_plan(plan, prepared, None)
        )
        for item in plan.todo:
            console.result(f"{item.input} -> {item.output}")
            console.record(event="image", input=str(item.input), output=str(item.output), status="todo")
        for item, problem in plan.refused:
            console.warn(problem)
            console.record(
                event="image", input=str(item.input), output=str(item.output), status="failed", error=problem
            )
        raise typer.Exit(1 if plan.refused else 0)
    listener = RunListener(console)
    try:
        report = batch.run(prepared, listener)
    except KeyboardInterrupt:
        listener.close()
        console.say("stopped; what is done is kept, and the same command goes on from here")
        raise typer.Exit(INTERRUPTED) from None
    finally:
        listener.close()
    listener.report(report)
    if report.translated or report.skipped:
        console.result(str(prepared.result()))
    raise typer.Exit(1 if report.failed else 0)
