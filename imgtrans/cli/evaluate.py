"""``imgtrans evaluate``: scores of translated pictures against real ones."""

from pathlib import Path
from typing import Annotated

import typer

from imgtrans.cli import complete, options


def evaluate(
    fake_dir: Annotated[Path, typer.Argument(help="Folder of translated pictures.", show_default=False)],
    real_dir: Annotated[
        Path, typer.Argument(help="Folder of real pictures that they are to be like.", show_default=False)
    ],
    input: Annotated[
        Path | None, typer.Option(help="Folder of what was translated: was its structure kept?", show_default=False)
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="Data set whose trainA and trainB classifiers learn from. [default: beside REAL_DIR]"),
    ] = None,
    extractor: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="statistics, classifier, classifier-luminance, inception or dino; may be given several times. "
            "[default: those that need no weights]",
        ),
    ] = None,
    features: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Weights of inception or dino, instead of fetching them.", show_default=False
        ),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Pictures of each folder, at most.")] = 5000,
    seed: Annotated[int, typer.Option(help="Of the intervals, classifiers and drawn pictures.")] = 0,
    device: Annotated[
        str,
        typer.Option(
            metavar="DEVICE", help="auto, cpu, cuda, cuda:N, mps, xpu or xpu:N.", autocompletion=complete.devices
        ),
    ] = "auto",
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Score translated pictures against real ones: KID with its interval first, each score with what saw it.

    A smaller KID or FID is better; precision, recall, taken_for_real and structure are at best 1. Scores of different
    extractors cannot be compared.

    Examples:
        imgtrans evaluate fakes/ dataset/testB --input dataset/testA
        imgtrans evaluate fakes/ dataset/testB --extractor inception --extractor dino
    """
    console = options.console(quiet, json_lines=json)
    console.beginning("looking at the pictures")

    from imgtrans.quality.evaluation import Request, evaluate

    request = Request(
        fake_dir, real_dir, input, data, tuple(dict.fromkeys(extractor or ())), features, limit, seed, device
    )
    with console.progress(0) as progress:
        result = evaluate(request, console.say, lambda done, total: progress.reach(done, total, "pictures"))
    for why in result.left_out.values():
        console.warn(f"{why} It is left out.")
    for doubt in dict.fromkeys(result.doubts):
        console.warn(doubt)
    fakes, reals = result.pictures
    console.say(f"{fakes} fakes and {reals} real pictures, seed {seed}")
    for score in result.scores:
        console.record(
            score=score.name, value=score.value, low=score.low, high=score.high, extractor=score.extractor,
            fakes=fakes, reals=reals, seed=seed,
        )  # fmt: skip
    console.table(
        ["score", "value", "from", "to", "extractor"],
        [
            [
                score.name,
                *(("" if n is None else f"{n:.4f}") for n in (score.value, score.low, score.high)),
                score.extractor,
            ]
            for score in result.scores
        ],
    )
