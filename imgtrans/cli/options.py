"""Options that several commands share: those of a translation, made of its description, and those of all commands."""

import inspect
from collections.abc import Callable, Sequence
from typing import Annotated, Any, get_origin

import typer

from imgtrans.batch.asked import Option, Request, described
from imgtrans.config import Config
from imgtrans.console import Console

ASKED = "asked"

Device = Annotated[
    str, typer.Option(metavar="DEVICE", help="auto, cpu, cuda, cuda:N, several as cuda:0,cuda:1, or all.")
]
Backend = Annotated[
    str, typer.Option(metavar="auto|NAME", help="auto, eager, fused or prepared, or another that is installed.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Pull a model that is not in the zoo yet without asking.")]
Json = Annotated[bool, typer.Option("--json", help="Print results as JSON Lines.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say only what went wrong.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Say more.")]


def asking(*, watched: bool = False) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator that spells out a command's parameter ``asked``, a :class:`Request`: an option for each field.

    Args:
        watched: Only for the fields that a watched folder takes.
    """
    fields = {name: one for name, one in described(Request).items() if one[1].watched or not watched}

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        def spelled_out(**given: Any) -> None:
            values: dict[str, Any] = {name: given.pop(name) for name in fields}
            command(asked=Request(**values), **given)

        own = inspect.signature(command, eval_str=True).parameters.values()
        parameters = [new for one in own for new in (_parameters(fields) if one.name == ASKED else [one])]
        spelled_out.__name__, spelled_out.__doc__ = command.__name__, command.__doc__
        spelled_out.__annotations__ = {one.name: one.annotation for one in parameters}
        spelled_out.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        return spelled_out

    return decorate


def _parameters(fields: dict[str, tuple[Any, Option]]) -> list[inspect.Parameter]:
    """Return the parameters that typer makes options of."""
    defaults = Request()
    made = []
    for name, (kind, option) in fields.items():
        names = [f"--{name.replace('_', '-')}", *([option.short] if option.short else [])]
        default = getattr(defaults, name)
        several = get_origin(kind) is Sequence
        help = f"{option.help} [default: {option.default}]" if option.default else option.help
        shown = not (several or option.default or default in ("", None))
        value = option.value or "|".join(map(str, option.choices)) or None
        spelled = typer.Option(*names, help=help, metavar=value, show_default=shown)
        made.append(
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=[*default] if several else default,
                annotation=Annotated[list[str] if several else kind, spelled],
            )
        )
    return made


def catalogues(ctx: typer.Context) -> tuple[str, ...]:
    """Return the user's catalogues of models, as the configuration names them."""
    configuration: Config = ctx.obj
    return configuration.catalogues


def console(quiet: bool = False, verbose: bool = False, json_lines: bool = False) -> Console:
    """Return the console that the flags ask for."""
    return Console(-1 if quiet else int(verbose), json_lines)
