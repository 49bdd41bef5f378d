"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from imgtrans.config import Config
from imgtrans.console import Console

Model = Annotated[str, typer.Option("--model", "-m", help="A model's name, or the path of a checkpoint.")]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        help="Where outputs go; - is standard output. [default: beside the input, named after the model]",
    ),
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N, several as cuda:0,cuda:1, or all.")]
Precision = Annotated[str, typer.Option(help="auto, float32 or bfloat16.")]
BatchSize = Annotated[
    int,
    typer.Option(min=0, help="Pictures of one size computed together, at most; 0 lets memory decide."),
]
Size = Annotated[
    str,
    typer.Option(
        help="Longest side at which the network works: auto (what the model's card says), native, or pixels. "
        "Pictures always come out at their own size and keep their own detail."
    ),
]
Upsample = Annotated[
    str,
    typer.Option(
        help="How what the network changed at a smaller size is carried over to the full picture: guided (along the "
        "picture's own edges), or bicubic (for models that draw fine patterns)."
    ),
]
Format = Annotated[
    str, typer.Option(help="What outputs are written as: keep (what the picture was), jpg, png, webp, avif or tiff.")
]
Quality = Annotated[
    int,
    typer.Option(
        min=0, max=100, help="Quality of JPEG, WebP and AVIF, 1 to 100; 0 is what the picture had, or else a high one."
    ),
]
Alpha = Annotated[str, typer.Option(help="Transparency: keep it, or flatten the picture onto white.")]
KeepGray = Annotated[
    bool, typer.Option("--keep-gray", help="Write gray pictures gray, with the translation's lightness.")
]
Frames = Annotated[str, typer.Option(help="Of animations and files of several pages: all frames, or the first.")]
Depth = Annotated[
    int, typer.Option(help="Bits a channel, 8, or 16 in PNG and TIFF: read, translated and written with all of them.")
]
Suffix = Annotated[str, typer.Option(help="Added to the names of outputs: with -winter, a.jpg becomes a-winter.jpg.")]
MaxPixels = Annotated[int, typer.Option(min=0, help="Refuse pictures with more pixels; 0 is a gigapixel.")]
Include = Annotated[
    list[str] | None,
    typer.Option(
        metavar="GLOB",
        help="Take only what matches, as '*.jpg' or 'holiday/**'; several add up. One without a slash is of a name in "
        "any folder, one with is of the path below the input. Upper and lower case are the same.",
        show_default=False,
    ),
]
Exclude = Annotated[
    list[str] | None, typer.Option(metavar="GLOB", help="Leave out what matches, even if included.", show_default=False)
]
Limit = Annotated[int, typer.Option(min=0, help="Translate so many pictures at most; 0 is all.")]
FilesFrom = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Take only what FILE (- is standard input) lists, a path a line; outputs go where they would without, or "
        "without INPUTS by their paths from the working folder.",
        show_default=False,
    ),
]
Null = Annotated[bool, typer.Option("--null", "-0", help="What --files-from reads is separated by NUL.")]
Tiling = Annotated[
    str,
    typer.Option(
        help="auto streams pictures that are too large for memory, or faster so, strip by strip, with the result that "
        "they would have whole; exact streams every picture; off none, and refuses what is too large."
    ),
]
Memory = Annotated[
    str,
    typer.Option(
        help="Main memory that the run may take in all, as 4GB. [default: most of what is free]", show_default=False
    ),
]
Scratch = Annotated[
    Path | None,
    typer.Option(help="The folder for what streaming stores beyond that. [default: the output folder]"),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Pull a model that is not in the zoo yet without asking.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace outputs that imgtrans did not make.")]
Json = Annotated[bool, typer.Option("--json", help="Print results as JSON Lines.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say only what went wrong.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Say more.")]

DEFAULT_MODEL = "summer2winter"


def catalogues(ctx: typer.Context) -> tuple[str, ...]:
    """Return the user's catalogues of models, as the configuration names them."""
    configuration: Config = ctx.obj
    return configuration.catalogues


def console(quiet: bool = False, verbose: bool = False, json_lines: bool = False) -> Console:
    """Return the console that the flags ask for."""
    return Console(-1 if quiet else int(verbose), json_lines)
