"""``imgtrans watch``: a folder that keeps filling."""

import signal
import threading
from pathlib import Path
from typing import Annotated

import typer

from imgtrans.cli import options


def watch(
    ctx: typer.Context,
    inbox: Annotated[Path, typer.Argument(help="The folder to watch, with all folders below it.", show_default=False)],
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
    tiling: options.Tiling = "auto",
    memory: options.Memory = "",
    scratch: options.Scratch = None,
    settle: Annotated[
        float, typer.Option(min=0, help="Seconds that a file must stay unchanged to count as whole.")
    ] = 2.0,
    overwrite: options.Overwrite = False,
    yes: options.Yes = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Translate what is in a folder and whatever arrives there, until Ctrl-C or SIGTERM.

    A file is taken once it has stopped growing, and never twice, across restarts too.
    """
    from imgtrans.cli.firstuse import pull_on_first_use

    console = options.console(quiet, verbose, json)
    pull_on_first_use(console, model, options.catalogues(ctx), yes=yes)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):  # before the imports: they take a while, and who stops then means it
        signal.signal(number, lambda *_: stop.set())
    from imgtrans.batch.request import Request, prepare
    from imgtrans.cli.listener import RunListener
    from imgtrans.watch import watch_folder

    prepared = prepare(
        Request(
            inputs=[inbox],
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
        )
    )
    listener = RunListener(console, each=True)
    report = watch_folder(prepared, listener, stop, settle=settle, say=console.say)
    listener.report(report)
