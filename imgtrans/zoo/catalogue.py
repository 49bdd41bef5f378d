"""Catalogues of models that can be pulled: the one that comes with imgtrans, and the user's own."""

import dataclasses
import difflib
import hashlib
import os
import re
import tempfile
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from imgtrans.errors import FilesError, ImgtransError, ModelError, UnavailableError, UsageError
from imgtrans.places import home
from imgtrans.zoo import store

_BUNDLED = Path(__file__).parent.parent / "catalogue.toml"
_FRESH_SECONDS = 86400.0
_LARGEST = 1 << 20
_URL = re.compile(r"(https?|hf)://\S+", re.IGNORECASE)
_NUMBERS = frozenset({"training_size", "working_size", "megabytes"})
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Entry:
    """What a catalogue says of a model.

    Attributes:
        name: What it is pulled by.
        url: Where its checkpoint is: http, https or hf.
        catalogue: The catalogue's path or URL; empty for the one that comes with imgtrans.
        dialect: Whose code wrote the checkpoint.
        source: What the model turns (``from`` in the file).
        target: What it turns that into (``to`` in the file).
        licence: Under which licence it is published.
        page: The page that says more.
        sha256: Of the checkpoint file, as hexadecimal digits; empty where unknown.
        network: Which network, of a checkpoint that holds several.
        assume: What is true of it that the checkpoint does not tell, as its padding.
        training_size: Side of its training pictures in pixels; 0 where unknown.
        working_size: Longest side at which it does best, in pixels; 0 works at the picture's own.
        megabytes: About how large its file is; 0 where unknown.
        package: The plugin that knows its network; empty where imgtrans itself does.
    """

    name: str
    url: str
    catalogue: str = ""
    dialect: str = ""
    source: str = ""
    target: str = ""
    licence: str = ""
    page: str = ""
    sha256: str = ""
    network: str = ""
    assume: Mapping[str, str] = field(default_factory=dict)
    training_size: int = 0
    working_size: int = 0
    megabytes: int = 0
    package: str = ""


_KEYS = {"from": "source", "to": "target"} | {
    known.name: known.name
    for known in dataclasses.fields(Entry)
    if known.name not in ("name", "catalogue", "source", "target")
}

Warn = Callable[[str], None]


def find(name: str, catalogues: Sequence[str] = (), warn: Warn = lambda text: None) -> Entry | None:
    """Return what the first catalogue that knows a model says of it, or None.

    Args:
        name: The model's name.
        catalogues: Paths and URLs of the user's catalogues; none is looked at for what comes before it has.
        warn: Told which catalogue cannot be fetched.

    Raises:
        UsageError: If a catalogue cannot be read or is malformed.
    """
    return next((found[name] for found in _in_turn(catalogues, warn) if name in found), None)


def entries(catalogues: Sequence[str] = (), warn: Warn = lambda text: None) -> list[Entry]:
    """Return all that can be pulled, as :func:`find` finds it."""
    found: dict[str, Entry] = {}
    for more in _in_turn(catalogues, warn):
        found = more | found
    return sorted(found.values(), key=lambda entry: entry.name)


def nearest(name: str, catalogues: Sequence[str] = ()) -> str:
    """Return the name in the catalogues that is most like ``name``, or nothing."""
    names = [entry.name for entry in entries(catalogues)]
    return next(iter(difflib.get_close_matches(name, names, n=1)), "")


def read(path: Path, where: str = "") -> dict[str, Entry]:
    """Read a catalogue; ``where`` is its URL if it was fetched.

    Raises:
        UsageError: If it cannot be read or is malformed.
    """
    where = where or str(path)
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"the catalogue {where} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(f"the catalogue {where} is not TOML: {error}") from error
    try:
        defaults, models = _table(content, "defaults"), _table(content, "models")
        if unknown := {*content} - {"defaults", "models"}:
            raise ValueError(f"unknown key {min(unknown)!r}; known are 'defaults' and 'models'")
        return {name: _entry(name, defaults | _table(models, name), where) for name in models}
    except ValueError as error:
        raise UsageError(f"the catalogue {where} is malformed: {error}") from error


def _table(content: dict[str, Any], name: str) -> dict[str, Any]:
    table = content.get(name, {})
    if not isinstance(table, dict):
        raise ValueError(f"{name!r} is no table")
    return table


def _entry(name: str, table: dict[str, Any], where: str) -> Entry:
    for key, value in table.items():
        if key not in _KEYS:
            close = difflib.get_close_matches(key, _KEYS, n=1)
            raise ValueError(
                f"{name!r} has an unknown key {key!r}" + (f"; did you mean {close[0]!r}?" if close else "")
            )
        kind = int if key in _NUMBERS else dict if key == "assume" else str
        texts: list[Any] = [*value.values()] if isinstance(value, dict) else []
        if type(value) is not kind or not all(isinstance(text, str) for text in texts):
            raise ValueError(f"{key!r} of {name!r} is {value!r}")
    if not (_URL.fullmatch(table.get("url", "")) and urlsplit(table["url"]).netloc):
        raise ValueError(f"{name!r} has no url that begins with http://, https:// or hf://")
    if table.get("sha256") and not _SHA256.fullmatch(table["sha256"]):
        raise ValueError(f"the sha256 of {name!r} is not 64 hexadecimal digits")
    return Entry(name=name, catalogue=where, **{_KEYS[key]: value for key, value in table.items()})


def _in_turn(catalogues: Sequence[str], warn: Warn) -> Iterator[dict[str, Entry]]:
    """Give one catalogue after the other, each when it is asked for; none of the user's has a bundled model's name."""
    yield {name: dataclasses.replace(entry, catalogue="") for name, entry in read(_BUNDLED).items()}
    taken = {model.name for model in store.models() if model.bundled}
    for where in catalogues:
        try:
            path = _fetched(where, warn, time.time()) if "://" in where else Path(where)
        except (ModelError, UnavailableError) as error:
            warn(f"the catalogue {where} is left out: {error.message}")
            continue
        yield {name: entry for name, entry in read(path, where).items() if name not in taken}


def _fetched(url: str, warn: Warn, now: float) -> Path:
    """Return a copy of a catalogue that is not older than a day, or the newest that can be had."""
    from imgtrans.zoo.download import Limits, download  # noqa: PLC0415 - httpx, for those who have such a catalogue

    folder = home() / "catalogues"
    copy = folder / f"{hashlib.sha256(url.encode()).hexdigest()[:16]}.toml"
    try:
        changed = copy.stat().st_mtime if copy.exists() else 0.0
        if 0 <= now - changed < _FRESH_SECONDS:
            return copy
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as place:
            fresh = Path(place) / copy.name
            download(url, fresh, limits=Limits(bytes=_LARGEST, read=10.0, attempts=2))
            read(fresh, url)  # what is malformed takes no good one's place
            os.replace(fresh, copy)
    except ImgtransError as error:
        if not changed:
            raise
        day = time.strftime("%Y-%m-%d", time.localtime(changed))
        warn(f"the catalogue {url} is used as it was on {day}: {error.message}")
    except OSError as error:
        raise FilesError(f"{copy} cannot be written: {error.strerror}") from error
    return copy
