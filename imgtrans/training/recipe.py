"""A training as a file: ``train.toml`` beside a run says all that is needed to do it again."""

import os
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import tomli_w

from imgtrans import __version__
from imgtrans.config import suggestion
from imgtrans.errors import FilesError, UsageError
from imgtrans.files import written_atomically
from imgtrans.training.data.folders import Folders
from imgtrans.training.options import TrainOptions
from imgtrans.training.presets import combined, preset
from imgtrans.zoo.store import is_path

RECIPE = "train.toml"

_PATHS = ("data", "a", "b", "test_a", "test_b")  # relative to the recipe
_TEXTS = ("name", "preset")
_WORDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}
_HEAD = "# What imgtrans {version} was asked for. To do it again: imgtrans train --recipe {file} --name NEW\n"


@dataclass(frozen=True)
class Recipe:
    """What a recipe says.

    Attributes:
        settings: Of the training, as fields of ``TrainOptions``, those of its preset included.
        folders: Of the pictures, by the options that name them: ``data``, or ``a`` and ``b``.
        name: Of the model; None where it does not say.
    """

    settings: dict[str, Any]
    folders: dict[str, Path]
    name: str | None = None


def read_recipe(path: Path) -> Recipe:
    """Read a recipe; ``-`` and ``_`` in its keys are the same.

    Raises:
        FilesError: If it cannot be read.
        UsageError: If it is no TOML, or says something that is unknown or of a wrong type.
    """
    try:
        content = tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise FilesError(f"the recipe {path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(
            f"the recipe {path} cannot be read: {error}", "it must be TOML, as train.toml of a run"
        ) from error
    kinds: dict[str, Any] = {field.name: field.type for field in fields(TrainOptions)}
    kinds |= dict.fromkeys((*_PATHS, *_TEXTS), str)
    said: dict[str, Any] = {}
    for key, value in content.items():
        name = key.replace("-", "_")
        if name not in kinds:
            spelled = {known.replace("_", "-") for known in kinds}
            raise UsageError(f"{path}: unknown key {key!r}", suggestion(key.replace("_", "-"), spelled))
        if type(value) is not kinds[name] and not (kinds[name] is float and type(value) is int):
            raise UsageError(f"{path}: {key!r} must be {_WORDS[kinds[name]]}, not {value!r}")
        said[name] = value
    if {"steps", "epochs"} <= said.keys() or {"steps", "decay_epochs"} <= said.keys():
        raise UsageError(f"{path}: 'steps' replaces 'epochs' and 'decay-epochs'", "leave either out")
    name, chosen = (said.pop(key, None) for key in _TEXTS)
    folders = {key: _towards(path.parent, said.pop(key)) for key in _PATHS if key in said}
    if is_path(said.get("init", "")):
        said["init"] = str(_towards(path.parent, said["init"]))
    settings = combined(preset(chosen).settings if chosen else {}, said)
    return Recipe(settings, folders, name)


def write_recipe(path: Path, folders: Folders, name: str, options: TrainOptions) -> None:
    """Write the recipe of a run: every setting, so that it stays the same when defaults change.

    Raises:
        OSError: If it cannot be written.
    """
    settings = options.to_dict()
    for left_out in ("epochs", "decay_epochs") if options.steps else ("steps",):
        del settings[left_out]
    if not options.init:
        del settings["init"]
    elif is_path(options.init):
        settings["init"] = _from(path, Path(options.init).expanduser())
    named = {"a": folders.A, "b": folders.B, "test_a": folders.test_A, "test_b": folders.test_B}
    if folders.root:
        named = {"data": folders.root}
    where = {key: _from(path, folder) for key, folder in named.items() if folder}
    content = {**where, "name": name, **settings}
    text = tomli_w.dumps({key.replace("_", "-"): value for key, value in content.items()})
    with written_atomically(path) as temporary:
        temporary.write_text(_HEAD.format(version=__version__, file=path.name) + text, encoding="utf-8")


def _towards(folder: Path, written: str) -> Path:
    """Return the path that is written in a recipe that stands in a folder."""
    path = Path(written).expanduser()
    return path if path.is_absolute() else (folder / path).resolve()


def _from(recipe: Path, path: Path) -> str:
    """Return how a path is written in a recipe: from the recipe's folder, so that both can move together."""
    path, folder = path.resolve(), recipe.resolve().parent
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # on another drive
        return path.as_posix()
