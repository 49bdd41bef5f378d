"""Options that several commands share: those of a translation, made of its description, and those of all commands."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import is_dataclass, replace
from typing import Annotated, Any, get_origin, get_type_hints

import typer

from imgtrans.batch.asked import MESSAGES, MODEL, SPEED, Option, Request, described
from imgtrans.cli import complete
from imgtrans.config import Config
from imgtrans.console import Console

Device = Annotated[
    str,
    typer.Option(
        metavar="DEVICE",
        help="auto, cpu, cuda, cuda:N, mps, xpu, xpu:N, several as cuda:0,cuda:1, or all.",
        rich_help_panel=SPEED,
        autocompletion=complete.devices,
    ),
]
Backend = Annotated[
    str,
    typer.Option(
        metavar="auto|NAME",
        help="auto, eager, fused or prepared, or another that is installed.",
        rich_help_panel=SPEED,
        autocompletion=complete.backends,
    ),
]
Own = Annotated[
    list[str] | None,
    typer.Option(
        "--option",
        "-O",
        metavar="NAME.KEY=VALUE",
        help="An option that the backend has of its own, as -O onnx.threads=2.",
        show_default=False,
        rich_help_panel=SPEED,
    ),
]
Yes = Annotated[
    bool,
    typer.Option("--yes", "-y", help="Pull a model that is not in the zoo yet without asking.", rich_help_panel=MODEL),
]
Json = Annotated[bool, typer.Option("--json", help="Print results as JSON Lines.", rich_help_panel=MESSAGES)]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say only what went wrong.", rich_help_panel=MESSAGES)]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Say more.", rich_help_panel=MESSAGES)]


def asking(*, watched: bool = False) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator that spells out those of a command's parameters that are descriptions, such as ``Request``.

    Each of their fields becomes an option.

    Args:
        watched: Only the fields that a watched folder takes.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = inspect.signature(command, eval_str=True).parameters
        kinds: dict[str, Any] = {name: one.annotation for name, one in own.items() if is_dataclass(one.annotation)}
        fields = {
            name: {field: one for field, one in described(kind).items() if one[1].watched or not watched}
            for name, kind in kinds.items()
        }

        def spelled_out(**given: Any) -> None:
            made = {name: kind(**{field: given.pop(field) for field in fields[name]}) for name, kind in kinds.items()}
            command(**made, **given)

        parameters = [
            new
            for name, one in own.items()
            for new in (_parameters(kinds[name](), fields[name]) if name in kinds else [one])
        ]
        spelled_out.__name__, spelled_out.__doc__ = command.__name__, command.__doc__
        spelled_out.__annotations__ = {one.name: one.annotation for one in parameters}
        spelled_out.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        return spelled_out

    return decorate


def _parameters(defaults: object, fields: dict[str, tuple[Any, Option]]) -> list[inspect.Parameter]:
    """Return the parameters that typer makes options of."""
    made = []
    for name, (kind, option) in fields.items():
        names = [f"--{name.replace('_', '-')}", *([option.short] if option.short else [])]
        default = getattr(defaults, name)
        several = get_origin(kind) is Sequence
        help = f"{option.help} [default: {option.default}]" if option.default else option.help
        shown = not (several or option.default or default in ("", None))
        value = option.value or "|".join(map(str, option.choices)) or None
        spelled = typer.Option(
            *names,
            help=help,
            metavar=value,
            show_default=shown,
            rich_help_panel=option.group,
            autocompletion=complete.of(name, option),
        )
        made.append(
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=[*default] if several else default,
                annotation=Annotated[list[str] if several else kind, spelled],
            )
        )
    return made


def grouped(groups: Mapping[str, str]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator that says below what a command's options are listed in help.

    Args:
        groups: The names of groups, each with those of its parameters, spaces between.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        hints = get_type_hints(command, include_extras=True)
        for group, names in groups.items():
            for name in names.split():
                (option,) = hints[name].__metadata__
                option.rich_help_panel = group
        return command

    return decorate


def catalogues(ctx: typer.Context) -> tuple[str, ...]:
    """Return the user's catalogues of models, as the configuration names them."""
    configuration: Config = ctx.obj
    return configuration.catalogues


def with_settings(ctx: typer.Context, asked: Request) -> Request:
    """Return a request with what the configuration says of the options that implementations have of their own."""
    configuration: Config = ctx.obj
    return replace(asked, settings=configuration.settings)


def console(quiet: bool = False, verbose: bool = False, json_lines: bool = False) -> Console:
    """Return the console that the flags ask for."""
    return Console(-1 if quiet else int(verbose), json_lines)
