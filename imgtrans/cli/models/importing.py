"""``imgtrans models import``: a checkpoint from elsewhere into the zoo."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imgtrans.cli import options
from imgtrans.cli.models.show import fields
from imgtrans.console import Console
from imgtrans.errors import UsageError

if TYPE_CHECKING:
    from imgtrans.zoo.importing import Imported


def import_model(
    file: Annotated[Path, typer.Argument(help="A checkpoint: .safetensors, .pth or .pt.", show_default=False)],
    name: Annotated[str, typer.Option(help="What to call it. [default: as the file]", show_default=False)] = "",
    network: Annotated[str, typer.Option(help="Which network of the file, if it has several.")] = "",
    assume: Annotated[
        list[str] | None,
        typer.Option(
            help="What to take for true where names and shapes leave it open, as head=sigmoid, "
            "activation=leaky_relu:0.2 or channel_order=BGR; may be given more than once.",
            metavar="KEY=VALUE",
        ),
    ] = None,
    source: Annotated[str, typer.Option("--from", help="What it turns, as summer.")] = "",
    target: Annotated[str, typer.Option("--to", help="What it turns that into, as winter.")] = "",
    licence: Annotated[str, typer.Option(help="Under which licence it may be used.")] = "",
    working_size: Annotated[int, typer.Option(min=0, help="Longest side at which it does best; 0 is any.")] = 0,
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
    """Put a checkpoint into the zoo; its network is recognised from the file and tried on a picture."""
    console = options.console(json_lines=json)
    assumed = dict(map(_pair, assume or []))
    if audition is not None:
        _audition(console, file, network, assumed, audition)
        return
    from imgtrans.zoo.importing import import_checkpoint

    imported = import_checkpoint(
        file,
        name or file.stem,
        network=network,
        assume=assumed,
        source=source,
        target=target,
        licence=licence,
        working_size=working_size,
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


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not (key and equals and value):
        raise UsageError(f"--assume takes KEY=VALUE, not {text!r}", "as in --assume padding=replicate")
    return key.strip().replace("-", "_"), value.strip()


def _said(key: str, value: Any) -> str:
    if isinstance(value, bool):
        value = str(value).lower()
    shown = " ".join(map(str, value)) or "none" if isinstance(value, list) else value
    return f"{key.replace('_', ' ')} {shown}"
