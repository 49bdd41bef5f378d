"""``imgtrans gallery``: a page to look at what is in an output folder."""

from pathlib import Path
from typing import Annotated

import typer

from imgtrans.cli import options
from imgtrans.console import Console
from imgtrans.gallery.place import PAGE


def gallery(
    output: Annotated[Path, typer.Argument(help="An output folder of run or watch.", show_default=False)],
    page: Annotated[str, typer.Option(metavar="NAME", help="What the page in that folder is called.")] = PAGE,
    open: Annotated[bool, typer.Option("--open", help="Show it in the browser.")] = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Make a page that shows an output folder: originals and translations with a slider between them.

    The page lies in the output folder, needs no server and no network, and is made again by the same
    command. Only the small pictures that are missing are made.

    Examples:
        imgtrans gallery photos-winter/ --open
    """
    console = options.console(quiet, json_lines=json)
    path = make(output, console, page)
    if open:
        import webbrowser  # not typer.launch, which starts xdg-open and never asks how that went

        if not webbrowser.open(path.absolute().as_uri()):
            console.warn(f"no browser could be started; open {path}")


def make(output: Path, console: Console, page: str = PAGE) -> Path:
    """Make the page of an output folder, and tell how it goes and where it is."""
    from imgtrans.gallery.making import MOST, make_gallery

    with console.progress(0) as display:
        path, left_out = make_gallery(output, page, lambda done, of: display.reach(done, of, "thumbnails"))
    if left_out:
        console.warn(f"the page shows the first {MOST:,} pictures; {left_out:,} more are in {output}")
    console.record(event="gallery", page=str(path), left_out=left_out)
    console.result(str(path))
    return path
