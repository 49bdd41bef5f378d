"""Settings from a TOML file: found, checked against what the commands know, handed to them as defaults."""

import difflib
import os
import tomllib
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args, get_origin

import platformdirs

from imgtrans.errors import UsageError

FILE_NAME = "imgtrans.toml"
WATCH = "watch"  # the command whose table may have tables
KINDS = ("backends", "executors")  # of implementations that may have options of their own

# A file that came with somebody's pictures must not be able to have others overwritten, or to say what is fetched.
# Nor to run a command, or to take pictures away.
NOT_FROM_WORKING_FOLDER = frozenset(
    {"overwrite", "yes", "catalogues", "report", "on_done", "delete", "archive", "failed", "mirror_deletes"}
)

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
        path: The file; None if there is none.
        from_top: The command and the option of each default that stands in no command's table.
        inboxes: What is said of each folder to watch, in ``[watch.NAME]``, by that name: ``inbox`` and options.
        settings: What is said of options that implementations have of their own, in ``[backends.NAME]``: by kind,
            name and key, as TOML has it.
    """

    defaults: dict[str, Any]
    catalogues: tuple[str, ...] = ()
    path: Path | None = None
    from_top: frozenset[tuple[str, str]] = frozenset()
    inboxes: dict[str, dict[str, Any]] = field(default_factory=dict)
    settings: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)


def find_config() -> Path | None:
    """Return ``./imgtrans.toml`` if it is there, else the user's own, else None."""
    candidates = (Path(FILE_NAME), platformdirs.user_config_path("imgtrans", appauthor=False) / FILE_NAME)
    return next((path for path in candidates if path.is_file()), None)


def load_config(
    path: Path,
    commands: Mapping[str, Mapping[str, Any]],
    trusted: bool,
    command: str = "",
    warn: Callable[[str], None] | None = None,
) -> Config:
    """Read a configuration file.

    Args:
        path: The file. Its tables are commands, their keys options (``-`` and ``_`` are the same);
            ``model`` at the top is the model of every command that takes one; ``catalogues`` there are
            paths (from the file's folder) and URLs of catalogues of models. ``[watch.NAME]`` has the options of
            one inbox of several.
        commands: The options that each command has, with their types.
        trusted: Whether the user chose the file; one that just lies in the working folder may set less.
        command: The one that is asked for.
        warn: Is told what is wrong in the tables of the others; without it, that is an error, too.

    Raises:
        UsageError: If the file is no TOML, or says something that is unknown, of a wrong type or not allowed.
    """
    try:
        content = tomllib.loads(path.read_bytes().decode("utf-8-sig"))  # editors of some systems begin with a mark
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error
    tables: dict[str, dict[str, Any]] = {name: {} for name in commands}
    catalogues: tuple[str, ...] = ()
    inboxes: dict[str, dict[str, Any]] = {}
    settings: dict[str, dict[str, dict[str, Any]]] = {}
    for key, value in content.items():
        if key == "model":
            _check_type(f"{path}: 'model'", value, str)
        elif key == "catalogues":
            _check_allowed(path, key, trusted, "or choose this file with --config")
            catalogues = _catalogues(path, value)
        elif key in KINDS:
            settings[key] = _tables(path, key, value)
        elif key in commands:
            try:
                plain, named = _parts(value) if key == WATCH else (value, {})
                tables[key] = _settings(path, key, plain, commands[key], trusted)
                for name, section in named.items():
                    options = {**commands[key], "inbox": Path}
                    inboxes[name] = _settings(path, f"{key}.{name}", section, options, trusted)
                    if "inbox" not in inboxes[name]:
                        raise UsageError(f"{path}: [{key}.{name}] names no inbox", 'write: inbox = "FOLDER"')
            except UsageError as error:
                if warn is None or key == command:
                    raise
                warn(f"{error.message} ({error.hint})" if error.hint else error.message)
        else:
            raise UsageError(f"{path}: unknown key {key!r}", _elsewhere(key, commands))
    takers = [name for name, options in commands.items() if "model" in content and "model" in options]
    at_top = {(name, "model") for name in takers if "model" not in tables[name]}
    for name, option in at_top:
        tables[name][option] = content["model"]
    return Config(tables, catalogues, path, frozenset(at_top), inboxes, settings)


def _tables(path: Path, kind: str, value: Any) -> dict[str, dict[str, Any]]:
    """Return what is said of implementations of a kind by their names."""
    for name in value if isinstance(value, dict) else [""]:
        if not name or not isinstance(value[name], dict):
            raise UsageError(f"{path}: {kind!r} holds tables, one for each that it says something of",
                             f"write [{kind}.NAME], and its keys below")  # fmt: skip
    return {name: dict(table) for name, table in value.items()}


def _parts(table: Any) -> tuple[Any, dict[str, Any]]:
    """Return what a table says itself, and the tables in it."""
    if not isinstance(table, dict):
        return table, {}
    named = {name: value for name, value in table.items() if isinstance(value, dict)}
    return {name: value for name, value in table.items() if name not in named}, named


def _settings(path: Path, command: str, table: object, options: Mapping[str, Any], trusted: bool) -> dict[str, Any]:
    """Return what a command's table says, checked."""
    if not isinstance(table, dict):
        raise UsageError(f"{path}: {command!r} must be a table, as [{command}] on a line of its own")
    settings: dict[str, Any] = {}
    for name, setting in table.items():
        option, where = name.replace("-", "_"), f"{path}: {name!r} in [{command}]"
        if option not in options:
            spelled = {known.replace("_", "-") for known in options}
            raise UsageError(f"{path}: unknown key {name!r} in [{command}]", suggestion(name, spelled))
        _check_allowed(path, option, trusted, "or give it on the command line")
        if setting == "":
            raise UsageError(f"{where} is empty", "give it a value, or leave it out")
        if _is_list(options[option]):
            settings[option] = _texts(where, setting)
            continue
        _check_type(where, setting, options[option])
        is_path = Path in (options[option], *get_args(options[option]))
        settings[option] = os.path.expanduser(str(setting)) if is_path else setting  # noqa: PTH111 - text it stays
    return settings


def _elsewhere(key: str, commands: Mapping[str, Mapping[str, Any]]) -> str:
    """Return what to do about an unknown key at the top."""
    takers = [f"[{name}]" for name, options in commands.items() if key.replace("-", "_") in options]
    if takers:
        return f"it belongs into a command's table: put it below {' or '.join(takers)}"
    return suggestion(key, {"model", "catalogues", *KINDS, *commands})


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


def suggestion(key: str, known: Set[str]) -> str:
    """Return what may have been meant by an unknown name."""
    nearest = difflib.get_close_matches(key, known, n=1)
    return f"did you mean {nearest[0]!r}?" if nearest else f"known are: {', '.join(sorted(known))}"
