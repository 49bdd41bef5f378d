"""``imgtrans compare``: the same pictures by several models and at several sizes, side by side."""

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from imgtrans.batch.asked import DEFAULT_MODEL, Request
from imgtrans.cli import complete, options
from imgtrans.errors import FilesError, UsageError

_KINDS = (".png", ".html")


def compare(
    ctx: typer.Context,
    inputs: Annotated[
        list[Path], typer.Argument(metavar="INPUTS...", help="Pictures and folders of them.", show_default=False)
    ],
    models: Annotated[
        str, typer.Option(metavar="A,B,...", help="Models to compare, by name or path.", autocompletion=complete.models)
    ] = DEFAULT_MODEL,
    sizes: Annotated[
        str, typer.Option(metavar="A,B,...", help="Sizes to compare, each auto, native or pixels, as in run.")
    ] = "auto",
    output: Annotated[
        list[Path] | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Where it goes, a .png or an .html; may be given twice. [default: compare.png, compare.html]",
            show_default=False,
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a comparison that is there.")] = False,
    device: options.Device = "auto",
    backend: options.Backend = "auto",
    option: options.Own = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Make a sheet of pictures by several models and at several sizes, with names and times, to choose from.

    Each picture is what run would make of it. The times are those of the network, after its start.

    Examples:
        imgtrans compare a.jpg b.jpg --models summer2winter,winter2summer --sizes 512,native
    """
    console = options.console(quiet, json_lines=json)
    console.beginning(f"getting ready to compare {models}")

    from imgtrans.compare.sheets import compared, write
    from imgtrans.compare.variants import MOST_PICTURES, planned

    places = output or [Path("compare.png"), Path("compare.html")]
    for place in places:
        _check(place, overwrite)
    asked = options.with_settings(ctx, Request(inputs=inputs, device=device, backend=backend, option=option or []))
    with tempfile.TemporaryDirectory(prefix="imgtrans-compare-") as folder:
        variants = planned(asked, _listed(models, "models"), _listed(sizes, "sizes"), Path(folder))
        with console.progress(len(variants)) as display:
            rows = compared(variants, lambda variant: display.advance(1, variant.said))
        if len(rows) == MOST_PICTURES:
            console.warn(f"no more than the first {MOST_PICTURES} pictures are compared")
        for picture, made in rows.items():
            for one in made:
                why = {"error": one.error} if one.error else {}
                console.record(
                    event="compared", input=str(picture), model=one.variant.model, size=one.variant.size,
                    longest=one.variant.longest, seconds=round(one.seconds, 3), **why,
                )  # fmt: skip
        failed = list(dict.fromkeys(one.error for made in rows.values() for one in made if one.error))
        for error in failed:
            console.warn(error)
        if not any(one.path for made in rows.values() for one in made):
            raise FilesError("none of the pictures could be translated, so there is nothing to compare")
        for place in places:
            write(place, [variant for variant, _ in variants], rows)
            console.record(event="sheet", path=str(place))
            console.result(str(place))
    if failed:
        raise typer.Exit(1)


def _listed(text: str, option: str) -> list[str]:
    parts = [part.strip() for part in text.split(",")]
    if not all(parts):
        raise UsageError(f"--{option} is {text!r}, in which one is empty", "put commas between them, as in a,b")
    return parts


def _check(place: Path, overwrite: bool) -> None:
    if place.suffix.lower() not in _KINDS:
        raise UsageError(f"--output is {str(place)!r}, which is no .png and no .html", "as in -o sheet.png")
    if not place.parent.is_dir():
        raise FilesError(f"there is no folder {place.parent}", "make it, or name another place")
    if place.exists() and not overwrite:
        raise FilesError(f"{place} is there already", "name another place with -o, or replace it with --overwrite")
