"""``imgtrans models import``: a checkpoint from elsewhere into the zoo."""

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
            help="What to take for true where names and shapes leave it open, as padding=replicate, "
            "value_range=0,1 or channel_order=BGR; may be given more than once.",
            metavar="KEY=VALUE",
        ),
    ] = None,
    source: Annotated[str, typer.Option("--from", help="What it turns, as summer.")] = "",
    target: Annotated[str, typer.Option("--to", help="What it turns that into, as winter.")] = "",
    licence: Annotated[str, typer.Option(help="Under which licence it may be used.")] = "",
    working_size: Annotated[int, typer.Option(min=0, help="Longest side at which it does best; 0 is any.")] = 0,
    json: options.Json = False,
) -> None:
    """Put a checkpoint into the zoo; its network is recognised from the file and tried on a picture."""
    from imgtrans.zoo.importing import import_checkpoint

    console = options.console(json_lines=json)
    imported = import_checkpoint(
        file,
        name or file.stem,
        network=network,
        assume=dict(map(_pair, assume or [])),
        source=source,
        target=target,
        licence=licence,
        working_size=working_size,
    )
    report(console, str(file), imported)


def report(console: Console, file: str, imported: "Imported") -> None:
    """Tell what came into the zoo."""
    card, found = imported.model.card, imported.recognised
    whose = f", as {found.recognition.dialect} spells it" if found.recognition.dialect else ""
    assumed = {} if found.label else dict(found.recognition.assumed)
    known = ", ".join(_said(key, value) for key, value in card.parameters.items() if key not in assumed)
    if found.label:
        console.say(f"{file} says itself what it is; it was exported by imgtrans")
    console.say(f"{file}{f' ({found.network})' if found.network else ''} is a {card.architecture}{whose}: {known}")
    if assumed:
        console.say(f"assumed, as the file does not tell: {', '.join(_said(*pair) for pair in assumed.items())}")
    console.say(f"a trial picture came out with values from {imported.lowest:.2f} to {imported.highest:.2f}")
    if imported.zeros:
        console.warn(
            f"{len(imported.zeros)} of its kernels are nothing but zeros ({', '.join(imported.zeros[:3])}"
            f"{', ...' if len(imported.zeros) > 3 else ''}): it was never trained, or the file was damaged"
        )
    console.say(f"it is in the zoo as {card.name}")
    trial = {"lowest": imported.lowest, "highest": imported.highest}
    console.record(**fields(imported.model), dialect=found.recognition.dialect, assumed=assumed, trial=trial)
    console.result(card.name)


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not (key and equals and value):
        raise UsageError(f"--assume takes KEY=VALUE, not {text!r}", "as in --assume padding=replicate")
    return key.strip().replace("-", "_"), value.strip()


def _said(key: str, value: Any) -> str:
    shown = " ".join(map(str, value)) if isinstance(value, list) else value
    return f"{key.replace('_', ' ')} {shown}"
