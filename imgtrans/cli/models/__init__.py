"""``imgtrans models``: the local zoo."""

from imgtrans.cli.command import App
from imgtrans.cli.models.change import rename, rm
from imgtrans.cli.models.export import export
from imgtrans.cli.models.importing import import_model
from imgtrans.cli.models.info import info
from imgtrans.cli.models.pull import list_catalogue, pull
from imgtrans.cli.models.show import list_models, where
from imgtrans.cli.models.verify import verify

models = App(help="List, inspect, import, export and remove models.")
models.command("list")(list_models)
models.command()(info)
models.command("import")(import_model)
models.command()(pull)
models.command("catalogue")(list_catalogue)
models.command()(verify)
models.command()(rename)
models.command()(rm)
models.command()(export)
models.command()(where)
