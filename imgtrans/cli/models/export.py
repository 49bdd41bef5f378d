"""``imgtrans models export``: a model as a file for other programs."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from imgtrans.cli import complete, options


def export(
    name: Annotated[
        str,
        typer.Argument(
            help="A model's name, or the path of a checkpoint.", show_default=False, autocompletion=complete.models
        ),
    ],
    to: Annotated[
        str,
        typer.Option(metavar="safetensors|pth|onnx|torch.export", help="What it is written as.", show_default=False),
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file. [default: here, named after the model]")
    ] = None,
    layout: Annotated[
        str,
        typer.Option(
            metavar="deck|junyanz|imgtrans",
            help="Whose keys safetensors and pth have. [default: the first that fits]",
        ),
    ] = "",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file if it is there.")] = False,
    json: options.Json = False,
) -> None:
    """Write a model for other programs, in float32, and compare what the file computes with the model.

    onnx (opset 18; needs the extra imgtrans[onnx]) and torch.export leave the batch and the size open. A file that
    differs by more than 0.001 is not written. safetensors carries the model's card, for imgtrans models import.

    Examples:
        imgtrans models export horse2zebra --to onnx
        imgtrans models export horse2zebra --to pth --layout junyanz -o net_G.pth
    """
    from imgtrans.zoo.export import SUFFIXES
    from imgtrans.zoo.export import export as export_model
    from imgtrans.zoo.loading import find_model

    console = options.console(json_lines=json)
    model = find_model(name)
    path = output or Path(f"{model.name}{SUFFIXES.get(to, '')}")
    done = export_model(model, path, to, layout=layout, overwrite=overwrite)
    (low, high), (least, most) = model.card.value_range, model.card.made_range
    likewise = "likewise" if (low, high) == (least, most) else f"with values from {least:g} to {most:g}"
    console.say(
        f"{path} is {model.name} as {to}{f' in the layout of {done.layout}' if done.layout else ''}, in float32"
    )
    console.say(
        f"pictures go in as (N, {done.channels}, H, W) with values from {low:g} to {high:g}, colours as "
        f"{model.card.channel_order}, and come out {likewise}; H and W are multiples of {done.multiple}, at least "
        f"{done.smallest}"
    )
    for difference in done.differences:
        console.say(
            f"largest difference from the model, {difference.batch} of {difference.width}x{difference.height}: "
            f"{difference.largest:.2g}"
        )
    console.record(
        name=model.name,
        path=str(path),
        to=to,
        value_range=[low, high],
        output_range=[least, most],
        largest_difference=done.largest,
        **asdict(done),
    )
    console.result(str(path))
