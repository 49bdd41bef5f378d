"""``imgtrans models``: the local zoo."""

import typer

from imgtrans.cli.models.importing import import_model
from imgtrans.cli.models.remove import rm
from imgtrans.cli.models.show import info, list_models, where

models = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="List, inspect, import and remove models.")
models.command("list")(list_models)
models.command()(info)
models.command("import")(import_model)
models.command()(rm)
models.command()(where)
