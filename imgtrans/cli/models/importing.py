"""``imgtrans models import``: a checkpoint from elsewhere into the zoo."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imgtrans.cli import options
from imgtrans.cli.models import known
from imgtrans.cli.models.show import fields
from imgtrans.console import Console
from imgtrans.zoo import store

if TYPE_CHECKING:
    from imgtrans.zoo.importing import Imported


def import_model(
    file: Annotated[
        Path, typer.Argument(help="A checkpoint: safetensors, or PyTorch's (.pth, .pt, ...).", show_default=False)
    ],
    name: Annotated[str, typer.Option(help="What to call it. [default: as the file]", show_default=False)] = "",
    network: known.Network = "",
    assume: known.Assume = None,
    source: known.From = "",
    target: known.To = "",
    licence: known.Licence = "",
    working_size: Annotated[
        int | None, typer.Option(min=1, help="Longest side at which it does best. [default: any]", show_default=False)
    ] = None,
    audition: Annotated[
        Path | None,
        typer.Option(
            help="Import nothing: write a contact sheet of three photographs through each reading that may be the true "
            "one, the most natural first, with the --assume that gives it.",
            metavar="SHEET.png",
            show_default=False,
        ),
    ] = None,
    json: options.Json = False,
) -> None:
    """Put a checkpoint into the zoo; its network is recognised from the file and tried on a picture.

    Examples:
        imgtrans models import G_AB.pth --name horse2zebra --from horse --to zebra
        imgtrans models import G_AB.pth --audition sheet.png
        imgtrans models import G_AB.pth --name mine --assume head=sigmoid
    """
    console = options.console(json_lines=json)
    assumed = known.assumed(assume)
    if audition is not None:
        _audition(console, file, network, assumed, audition)
        return
    from imgtrans.zoo.importing import import_checkpoint

    imported = import_checkpoint(
        file,
        name or store.name_of(file),
        network=network,
        assume=assumed,
        source=source,
        target=target,
        licence=licence,
        working_size=working_size or 0,
    )
    report(console, str(file), imported)


def _audition(console: Console, file: Path, network: str, assumed: dict[str, str], sheet: Path) -> None:
    """Write a contact sheet of what a checkpoint may be, and list it."""
    from imgtrans.zoo import audition
    from imgtrans.zoo.adapting import check_channels
    from imgtrans.zoo.recognising import recognise

    audition.check_sheet(sheet)
    found = recognise(file, network).assuming(assumed)
    check_channels(file, found.parameters)
    console.say(f"trying {file} on three photographs, under each assumption that is likely")
    candidates = [replace(one, assume={**assumed, **one.assume}) for one in audition.audition(found)]
    audition.write_sheet(candidates, sheet)
    for rank, one in enumerate(candidates, 1):
        doubts = "".join(f"; {doubt}" for doubt in one.naturalness.doubts())
        console.say(f"{rank:2}. {one.score:5.2f}  {one.said}{doubts}")
        console.record(rank=rank, assume=one.assume, score=one.score, **asdict(one.naturalness))
    console.say("nothing was imported; judge by your own eyes, and import with the options of the row that is right")
    console.result(str(sheet))


def report(console: Console, file: str, imported: "Imported") -> None:
    """Tell what came into the zoo."""
    from imgtrans.zoo.audition import in_words

    card, found = imported.model.card, imported.recognised
    whose = f", as {found.recognition.dialect} spells it" if found.recognition.dialect else ""
    assumed = {} if found.label else dict(found.recognition.assumed)
    known = ", ".join(_said(key, value) for key, value in card.parameters.items() if key not in assumed)
    if found.label:
        console.say(f"{file} says itself what it is; it was exported by imgtrans")
    console.say(f"{file}{f' ({found.network})' if found.network else ''} is a {card.architecture}{whose}: {known}")
    if assumed:
        said = ", ".join(f"{key}={value}" for key, value in in_words(assumed).items())
        console.say(f"assumed, as the file does not tell: {said}")
    console.say(f"a trial picture came out with values from {imported.lowest:.2f} to {imported.highest:.2f}")
    if imported.doubts and not imported.zeros:
        console.warn(
            f"what it makes of a photograph does not look right ({'; '.join(imported.doubts)}): something assumed may "
            "not be so; --audition sheet.png shows what else it may be"
        )
    if imported.zeros:
        console.warn(
            f"{len(imported.zeros)} of its kernels are nothing but zeros ({', '.join(imported.zeros[:3])}"
            f"{', ...' if len(imported.zeros) > 3 else ''}): it was never trained, or the file was damaged"
        )
    console.say(f"it is in the zoo as {card.name}")
    trial = {"lowest": imported.lowest, "highest": imported.highest, "doubts": list(imported.doubts)}
    told = {"dialect": found.recognition.dialect, "assumed": assumed, "trial": trial}
    console.record(**{**fields(imported.model), **told})
    console.result(card.name)


def _said(key: str, value: Any) -> str:
    if isinstance(value, bool):
        value = str(value).lower()
    shown = " ".join(map(str, value)) or "none" if isinstance(value, list) else value
    return f"{key.replace('_', ' ')} {shown}"
