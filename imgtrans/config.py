"""Settings from a TOML file: found, checked against what the commands know, handed to them as defaults."""

import difflib
import os
import tomllib
from collections.abc import Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args, get_origin

import platformdirs

from imgtrans.errors import UsageError

FILE_NAME = "imgtrans.toml"

# A file that came with somebody's pictures must not be able to have others overwritten, or to say what is fetched.
NOT_FROM_WORKING_FOLDER = frozenset({"overwrite", "yes", "catalogues", "report"})

# What an option of a type takes from TOML; a text may be of digits alone, as in ``size = 512``.
_TYPES: dict[type, tuple[str, tuple[type, ...]]] = {
    bool: ("true or false", (bool,)),
    int: ("a whole number", (int,)),
    float: ("a number", (int, float)),
    str: ("a text", (str, int)),
}


@dataclass(frozen=True)
class Config:
    """What a configuration file says.

    Attributes:
        defaults: The options of each command.
        catalogues: Paths and URLs of the user's catalogues of models.
    """

    defaults: dict[str, Any]
    catalogues: tuple[str, ...] = ()


def find_config() -> Path | None:
    """Return ``./imgtrans.toml`` if it is there, else the user's own, else None."""
    candidates = (Path(FILE_NAME), platformdirs.user_config_path("imgtrans", appauthor=False) / FILE_NAME)
    return next((path for path in candidates if path.is_file()), None)


def load_config(path: Path, commands: Mapping[str, Mapping[str, Any]], trusted: bool) -> Config:
    """Read a configuration file.

    Args:
        path: The file. Its tables are commands, their keys options (``-`` and ``_`` are the same);
            ``model`` at the top is the model of every command that takes one; ``catalogues`` there are
            paths (from the file's folder) and URLs of catalogues of models.
        commands: The options that each command has, with their types.
        trusted: Whether the user chose the file; one that just lies in the working folder may set less.

    Raises:
        UsageError: If the file is no TOML, or says something that is unknown, of a wrong type or not allowed.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error
    defaults: dict[str, dict[str, Any]] = {command: {} for command in commands}
    catalogues: tuple[str, ...] = ()
    for key, value in content.items():
        if key == "model":
            _check_type(f"{path}: 'model'", value, str)
            for command, options in commands.items():
                if "model" in options:
                    defaults[command].setdefault("model", value)
            continue
        if key == "catalogues":
            _check_allowed(path, key, trusted, "or choose this file with --config")
            catalogues = _catalogues(path, value)
            continue
        if key not in commands:
            raise UsageError(f"{path}: unknown key {key!r}", _suggestion(key, {"model", "catalogues", *commands}))
        if not isinstance(value, dict):
            raise UsageError(f"{path}: {key!r} must be a table, as [{key}] on a line of its own")
        for name, setting in value.items():
            option = name.replace("-", "_")
            if option not in commands[key]:
                raise UsageError(f"{path}: unknown key {name!r} in [{key}]", _suggestion(option, {*commands[key]}))
            _check_allowed(path, option, trusted, "or give it on the command line")
            if _is_list(commands[key][option]):
                defaults[key][option] = _texts(f"{path}: {name!r} in [{key}]", setting)
                continue
            _check_type(f"{path}: {name!r} in [{key}]", setting, commands[key][option])
            is_path = Path in (commands[key][option], *get_args(commands[key][option]))
            defaults[key][option] = os.path.expanduser(setting) if is_path else setting  # noqa: PTH111 - text it stays
    return Config(defaults, catalogues)


def _check_allowed(path: Path, key: str, trusted: bool, otherwise: str) -> None:
    if key in NOT_FROM_WORKING_FOLDER and not trusted:
        raise UsageError(
            f"{path}: {key!r} cannot be set by a file in the working folder",
            f"set it in your own configuration, {otherwise}",
        )


def _catalogues(path: Path, value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(where, str) for where in value):
        raise UsageError(f"{path}: 'catalogues' must be a list of paths and URLs, not {value!r}")
    # To an absolute path, joining changes nothing.
    return tuple(w if "://" in w else str(path.parent / os.path.expanduser(w)) for w in value)  # noqa: PTH111 - as above


def _check_type(where: str, value: object, annotation: Any) -> None:
    """Make sure that TOML has the type that an option's annotation (``int``, ``Path | None``) asks for."""
    kind = next((kind for kind in _TYPES if kind in (annotation, *get_args(annotation))), str)
    wanted, types = _TYPES[kind]
    if type(value) not in types:
        raise UsageError(f"{where} must be {wanted}, not {value!r}")


def _is_list(annotation: Any) -> bool:
    return any(get_origin(kind) is list for kind in (annotation, *get_args(annotation)))


def _texts(where: str, value: object) -> list[str]:
    """Return the texts of an option that can be given several times; TOML may have one alone."""
    texts = value if isinstance(value, list) else [value]
    if not all(isinstance(text, str) for text in texts):
        raise UsageError(f"{where} must be a text or a list of texts, not {value!r}")
    return [str(text) for text in texts]


def _suggestion(key: str, known: Set[str]) -> str:
    nearest = difflib.get_close_matches(key, known, n=1)
    return f"did you mean {nearest[0]!r}?" if nearest else f"known are: {', '.join(sorted(known))}"
