"""Commands whose help says everything in 80 columns, and whose mistakes name the place that a value came from."""

import inspect
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from imgtrans.batch.asked import GROUPS
from imgtrans.config import Config, suggestion
from imgtrans.errors import ImgtransError, OptionError, UsageError

_SETTINGS = (
    "Each option can also be set in the environment, as {variable}, or in imgtrans.toml, as {key} in [{command}]. "
    "One that may be given several times takes several texts there: with spaces between in the environment, as a list "
    "in imgtrans.toml."
)
_EXAMPLES = "\n\nExamples:\n"  # in a command's docstring
_MANY = 12  # options, from which on they are listed in groups
ARGUMENTS = "imgtrans.arguments"  # of a command, in its context's ``meta``
PLACES = "imgtrans.places"  # there, too: where values came from that are neither the user's nor the configuration's
_WORDS = {int: "a whole number", float: "a number", bool: "true or false"}
_METAVARS = {int: "N", float: "NUMBER", Path: "PATH"}


class _Spoken:
    """What :class:`Command` and :class:`Group` have in common."""

    def invoke(self: Any, ctx: Any) -> Any:
        """Run it; where an option's value turns out to be wrong, say where that came from."""
        try:
            return super().invoke(ctx)  # type: ignore[misc]
        except ImgtransError as error:
            if error.place:
                raise
            if isinstance(error, OptionError) and error.option in (option.name for option in self.params):
                raise error.at(place_of(ctx, error.option)) from error
            error.message, error.place = _placed(ctx, self.params, error.message)
            raise

    def get_short_help_str(self: Any, limit: int = 0) -> str:
        """Return the first sentence of its help, all of it."""
        first = " ".join((self.help or "").partition("\n\n")[0].split())
        return first.partition(". ")[0].removesuffix(".")

    def collect_usage_pieces(self: Any, ctx: Any) -> list[str]:
        """Return what stands behind the command in the line of its usage."""
        arguments = [metavar(one) for one in self.params if one.param_type_name == "argument" and one.required]
        arguments += [
            f"[{metavar(one)}]" for one in self.params if one.param_type_name == "argument" and not one.required
        ]
        commands = [self.subcommand_metavar] if hasattr(self, "subcommand_metavar") else []
        return ["[OPTIONS]", *arguments, *commands]

    def format_help_text(self: Any, ctx: Any, formatter: Any) -> None:
        """Write what it does; its examples come last."""
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text(parts(self.help)[0])

    def format_options(self: Any, ctx: Any, formatter: Any) -> None:
        """Write the arguments, the options by their groups, and whatever else a command has."""
        shown = [option for option in self.get_params(ctx) if not getattr(option, "hidden", False)]
        arguments = [(metavar(one), one.help or "") for one in shown if one.param_type_name == "argument"]
        options = [one for one in shown if one.param_type_name == "option"]
        sections = {"Arguments": arguments}
        if len(options) < _MANY:
            sections["Options"] = [(names(one), help_of(one, ctx)) for one in options]
        else:
            groups = [getattr(one, "rich_help_panel", None) or GROUPS[-1] for one in options]
            own = [name for name in dict.fromkeys(groups) if name not in GROUPS]
            sections |= {name: [] for name in (*own, *GROUPS)}
            for one, group in zip(options, groups, strict=True):
                sections[group].append((names(one), help_of(one, ctx)))
        for title, rows in sections.items():
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)
        if hasattr(self, "format_commands"):
            self.format_commands(ctx, formatter)
        elif ctx.info_name in settable(ctx):
            key = next(one.name for one in shown if "_" in one.name)  # shows both spellings
            formatter.write_paragraph()
            variable = f"{ctx.auto_envvar_prefix}_{key.upper()}"
            formatter.write_text(_SETTINGS.format(variable=variable, key=key.replace("_", "-"), command=ctx.info_name))

    def format_epilog(self: Any, ctx: Any, formatter: Any) -> None:
        """Write the examples as they are."""
        if examples := parts(self.help)[1]:
            with formatter.section("Examples"):
                for line in examples.splitlines():
                    formatter.write(f"{'':{formatter.current_indent}}{line.strip()}\n")


class Command(_Spoken, TyperCommand):
    """A command."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Understand its arguments, and what the environment sets."""
        ctx.meta[ARGUMENTS] = tuple(args)  # they are used up
        rest: list[str] = super().parse_args(ctx, args)
        known = {f"{ctx.auto_envvar_prefix}_{one.name.upper()}" for one in self.params if one.opts[0].startswith("-")}
        for variable in sorted(os.environ):
            if variable.startswith(f"{ctx.auto_envvar_prefix}_") and variable not in known:
                raise UsageError(f"the environment variable {variable} sets nothing", suggestion(variable, known))
        return rest


class Group(_Spoken, TyperGroup):
    """A group of commands."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Refuse what is empty, for all commands at once: as a path it would be the working folder."""
        before = ""
        for argument in args if ctx.parent is None else []:
            if not argument:
                what = f"what stands behind {before}" if before else "the argument"
                raise UsageError(f"{what} is empty", "is it a variable in quotes that has no value?")
            if argument.startswith("--") and argument.endswith("="):
                raise UsageError(f"{argument[:-1]} is empty", "give it a value, or leave it out")
            before = argument
        return list(super().parse_args(ctx, args))


class App(typer.Typer):
    """An application, or a part of one, of such commands; its help is plain: square brackets are not markup."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(cls=Group, rich_markup_mode=None, **{"no_args_is_help": True, **settings})

    def command(self, name: str | None = None) -> Callable[[Any], Any]:  # type: ignore[override]
        """Return a decorator that makes a function a command."""
        return super().command(name, cls=Command)


def settable(ctx: Any) -> dict[str, Any]:
    """Return the commands that the environment and the configuration are for, by name, each a click command."""
    root = ctx.find_root().command
    return {name: root.commands[name] for name in ("run", "watch", "train")}


def place_of(ctx: Any, name: str) -> str:
    """Return where the value of a command's option came from: the option, the environment or the configuration."""
    if told := ctx.meta.get(PLACES, {}).get(name):
        return str(told)
    source = getattr(ctx.get_parameter_source(name), "name", "")
    shown = name.replace("_", "-")
    configuration = ctx.find_root().obj
    if source == "ENVIRONMENT":
        return f"{ctx.auto_envvar_prefix}_{name.upper()}"
    if source == "DEFAULT_MAP" and isinstance(configuration, Config):
        at_top = (ctx.info_name, name) in configuration.from_top
        return f"{configuration.path}: {shown!r}{'' if at_top else f' in [{ctx.info_name}]'}"
    return f"--{shown}"


def _placed(ctx: Any, options: list[Any], message: str) -> tuple[str, str]:
    """Return a message that says of options, or their values, where they were set if not on the command line.

    With it comes the last of these places; "" if it is about none.
    """
    found = ""
    for option in options:
        flag, place = f"--{option.name.replace('_', '-')}", place_of(ctx, option.name)
        if place == flag:
            continue
        named = rf"{flag}(?![\w-])"
        value = str(ctx.params.get(option.name) or "")
        if re.search(named, message):
            message, found = place.join(re.split(named, message)), place
        elif len(value) > 1 and re.search(rf"(?<![\w/.-]){re.escape(value)}(?![\w-])", message):
            message, found = f"{message} ({place})", place
    return message, found


def mistake(error: Any) -> UsageError:
    """Return what is said of a command line that cannot be understood.

    Args:
        error: The parser's error.
    """
    ctx, option = error.ctx, getattr(error, "param", None)
    if getattr(error, "option_name", "") == "--config" and ctx and ctx.parent:
        return UsageError(
            "--config stands before the command", f"write it as imgtrans --config FILE {ctx.info_name} ..."
        )
    reasons: list[Any] = getattr(error.__cause__, "errors", list)()  # of what converts values
    if ctx and option is not None and option.param_type_name == "option" and reasons:
        problem = f"is {reasons[0].get('input')!r}"
        return OptionError(option.name, problem, f"use {_wanted(option)}").at(place_of(ctx, option.name))
    command = ctx.command_path if ctx else "imgtrans"
    return UsageError(str(error.format_message()).rstrip("."), f"try {command} --help")


def parts(help: str | None) -> tuple[str, str]:
    """Return a command's help without its examples, and these; "" if it has none."""
    text, _, examples = inspect.cleandoc(help or "").partition(_EXAMPLES)
    return text, examples


def _kind(parameter: Any) -> Any:
    """Return the type of a parameter's values."""
    return getattr(getattr(parameter, "type_descriptor", None), "annotation", str)


def _wanted(option: Any) -> str:
    """Return in words what the values of an option are."""
    least = "" if option.min is None else f" from {option.min:g} up"
    return _WORDS.get(_kind(option), "another value") + least


def metavar(parameter: Any) -> str:
    """Return what stands for the value of an argument, or of an option."""
    name: str = parameter.metavar or ""
    if parameter.param_type_name == "argument":
        name = name.replace("[", "").replace("]", "") or parameter.name.upper()  # click marks what may be left out
        return f"{name}..." if parameter.nargs != 1 and not name.endswith("...") else name
    return name or _METAVARS.get(_kind(parameter), "TEXT")


def names(option: Any) -> str:
    """Return how an option is written, as ``-m, --model MODEL``."""
    written = ", ".join(sorted(option.opts, key=len))
    return written if option.is_flag else f"{written} {metavar(option)}"


def help_of(option: Any, ctx: Any) -> str:
    """Return what an option is for, and what it is if it is not given."""
    text = option.help or ""
    default = option.get_default(ctx, call=False)
    if option.show_default and not option.is_flag and "[default:" not in text and default not in (None, "", (), []):
        text += f" [default: {default}]"
    return f"{text} [required]" if option.required else text
