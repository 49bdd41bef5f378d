"""The application: its commands, global options and configuration."""

import sys
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from imgtrans import __version__, signals
from imgtrans.cli.command import App, settable
from imgtrans.cli.compare import compare
from imgtrans.cli.doctor import doctor
from imgtrans.cli.evaluate import evaluate
from imgtrans.cli.gallery import gallery
from imgtrans.cli.models import models
from imgtrans.cli.plugins import plugins
from imgtrans.cli.run import run
from imgtrans.cli.status import status
from imgtrans.cli.train import train
from imgtrans.cli.watch import watch
from imgtrans.config import Config, find_config, load_config
from imgtrans.console import Console
from imgtrans.errors import UsageError

_HELP = {"--help", "-h"}
_TIDY_UP = {"run", "watch", "models"}  # when they are stopped; the others have nothing to put in order, or see to it

_THREE = """\
Translate folders of pictures with CycleGAN models.

  imgtrans run photos/ --model summer2winter   translates a folder of pictures
  imgtrans watch inbox/                        translates whatever arrives in a folder
  imgtrans train --data ./dataset              trains a model of your own

imgtrans --help lists all commands, imgtrans COMMAND --help says what one can do."""

app = App(
    pretty_exceptions_enable=False,
    no_args_is_help=False,
    invoke_without_command=True,
    context_settings={"auto_envvar_prefix": "IMGTRANS", "help_option_names": sorted(_HELP)},
    help="Translate folders of pictures with CycleGAN models, watch folders, and train models of your own.",
)
app.command()(run)
app.command()(status)
app.command()(gallery)
app.command()(compare)
app.command()(watch)
app.command()(train)
app.command()(evaluate)
app.add_typer(models, name="models")
app.command()(plugins)
app.command()(doctor)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"imgtrans {__version__}")
        raise typer.Exit


@app.command("help")
def help_on(
    ctx: typer.Context,
    command: Annotated[
        list[str] | None,
        typer.Argument(metavar="COMMAND...", help="A command, as: models import.", show_default=False),
    ] = None,
) -> None:
    """Say what imgtrans, or a command of it, can do.

    Examples:
        imgtrans help run
        imgtrans help models import
    """
    inner: Any = ctx.find_root()
    for name in command or []:
        found = getattr(inner.command, "commands", {}).get(name)
        if found is None:
            raise UsageError(f"there is no command {' '.join(command or [])!r}", f"try {inner.command_path} --help")
        inner = type(inner)(found, info_name=name, parent=inner, **found.context_settings)
    typer.echo(inner.get_help())


@app.command("version")
def version_of() -> None:
    """Print the version.

    Examples:
        imgtrans version
    """
    _print_version(True)


def _is_setting(parameter: Any, types: dict[str, Any]) -> bool:
    return parameter.opts[0].startswith("-") and parameter.name in types  # no argument, and no --help


@app.callback()
def configure(
    ctx: typer.Context,
    config: Annotated[
        Path | None, typer.Option(help="Configuration file. [default: ./imgtrans.toml, else yours]")
    ] = None,
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            "-V",
            callback=_print_version,
            is_eager=True,
            allow_from_autoenv=False,
            help="Print the version and exit.",
        ),
    ] = False,
) -> None:
    """Read the configuration; what it says are the commands' defaults."""
    if ctx.invoked_subcommand is None:
        typer.echo(_THREE)
        return
    if ctx.invoked_subcommand in _TIDY_UP:
        signals.raise_errors()
    read_configuration(ctx, config, ctx.invoked_subcommand or "")


def read_configuration(ctx: Any, config: Path | None, command: str) -> None:
    """Have what a configuration says be the defaults of commands.

    Args:
        ctx: The context of the application.
        config: The file that the user names, if any.
        command: The command that is asked for.

    Raises:
        UsageError: If it cannot be read or understood.
    """
    if config is not None and not config.is_file():
        raise UsageError(f"there is no configuration file {config}")
    ctx.obj, ctx.default_map = Config({}), None
    path = config or find_config()
    if path is None:
        return
    functions = {"run": run, "watch": watch, "train": train}
    commands = {}
    for name, one in settable(ctx).items():
        types = get_type_hints(functions[name])
        commands[name] = {option.name: types[option.name] for option in one.params if _is_setting(option, types)}
    warn = Console().warn
    try:
        trusted = config is not None or path.is_absolute()
        ctx.obj = load_config(path, commands, trusted, command, warn)
    except UsageError as error:
        if not _HELP & {*sys.argv[1:]}:
            raise
        warn(error.message)  # help is what somebody with a broken configuration needs
    ctx.default_map = ctx.obj.defaults
