"""The folders to watch: the one on the command line, or those of the configuration."""

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

import typer

from imgtrans.batch.asked import Request, described
from imgtrans.cli.command import ARGUMENTS
from imgtrans.config import Config
from imgtrans.errors import OptionError, UsageError
from imgtrans.watching.conduct import Conduct
from imgtrans.watching.inbox import Inbox, check_apart

Kind = TypeVar("Kind", Request, Conduct)

AGAIN = "imgtrans.inboxes"  # in a context's ``meta``: takes the folders in place of watching them
_GIVEN = ("COMMANDLINE", "ENVIRONMENT")  # what wins over a configuration


def inboxes_of(ctx: typer.Context, folder: Path | None, asked: Request, conduct: Conduct) -> list[Inbox]:
    """Return the folders to watch.

    Args:
        ctx: Of the command.
        folder: The one that the command line names; None is all that the configuration has.
        asked: What the command line, the environment and ``[watch]`` ask of pictures.
        conduct: How they want folders to be looked after.

    Raises:
        UsageError: If there is none, or what the configuration says of one makes no sense.
    """
    if folder is not None:
        return [Inbox(folder, replace(asked, inputs=[folder]), conduct)]
    configuration: Config = ctx.obj
    if not configuration.inboxes:
        raise UsageError(
            "there is no folder to watch", 'name one, or write [watch.NAME] with inbox = "FOLDER" into imgtrans.toml'
        )
    given = {one.name for one in ctx.command.params if _source(ctx, one.name) in _GIVEN}
    found = []
    for name, table in configuration.inboxes.items():
        settings = {key: value for key, value in table.items() if key not in given and key != "inbox"}
        place = f"{configuration.path}: {{}} in [watch.{name}]"
        request, settings = _changed(asked, settings, place)
        own, settings = _changed(conduct, settings, place)
        for key in settings:
            told = place.format(repr(key.replace("_", "-")))
            raise UsageError(f"{told} cannot differ from inbox to inbox", "put it into [watch]")
        root = Path(table["inbox"])
        found.append(Inbox(root, replace(request, inputs=[root]), own, name))
    check_apart(found)
    return found


def again(ctx: typer.Context) -> list[Inbox]:
    """Return the folders to watch after the configuration and the environment were read again.

    Args:
        ctx: Of the command, as it was started.

    Raises:
        UsageError: If what they say now makes no sense.
    """
    from imgtrans.cli.app import read_configuration

    root = ctx.find_root()
    read_configuration(root, root.params.get("config"), ctx.info_name or "")
    found: list[Inbox] = []
    inner = ctx.command.make_context(ctx.info_name, [*ctx.meta[ARGUMENTS]], parent=root)
    inner.meta[AGAIN] = found
    try:
        with inner:
            ctx.command.invoke(inner)
    finally:
        del inner.meta[AGAIN]
    return found


def _source(ctx: typer.Context, name: str | None) -> str:
    return getattr(ctx.get_parameter_source(name or ""), "name", "")


def _changed(asked: Kind, settings: Mapping[str, Any], place: str) -> tuple[Kind, dict[str, Any]]:
    """Return a description with those of some settings that are its own, and the other settings."""
    fields = described(type(asked))
    own = {name: _converted(value, fields[name][0]) for name, value in settings.items() if name in fields}
    try:
        changed = replace(asked, **own)
    except OptionError as error:
        raise error.at(place.format(repr(error.option.replace("_", "-")))) from error
    return changed, {name: value for name, value in settings.items() if name not in fields}


def _converted(value: Any, annotation: Any) -> Any:
    """Return a value from TOML as an option's type has it."""
    kinds = (annotation, *get_args(annotation))
    if get_origin(annotation) is Sequence or (inspect.isclass(annotation) and issubclass(annotation, bool)):
        return value
    return next((kind(value) for kind in (Path, str, float, int) if kind in kinds), value)
