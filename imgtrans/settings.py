"""The options that implementations have of their own: said as text or in TOML, made what their dataclass says."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import Field, fields
from pathlib import Path
from typing import Any, get_type_hints

from imgtrans.config import suggestion
from imgtrans.errors import FilesError, OptionError, UnavailableError, UsageError
from imgtrans.protocols import Configurable
from imgtrans.registry import implementation, registered

Said = Mapping[str, Mapping[str, Mapping[str, Any]]]  # {"backends": {"onnx": {"threads": 2}}}

_TRUTH = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_WORDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a text", Path: "a path"}


def settled(texts: Sequence[str], configuration: Said, used: Mapping[str, str]) -> dict[str, Any]:
    """Return the options of the implementations that are used, as far as something is said of them.

    Args:
        texts: As ``-O`` takes them, ``NAME.KEY=VALUE``; the last of several for one key counts, and any counts more
            than the configuration.
        configuration: What that says by kind, name and key; what it says of implementations that are not used is not
            looked at.
        used: The groups of the registry, each with the name of what is used of it.

    Returns:
        For names of which something is said, an instance of their :attr:`Configurable.Options`.

    Raises:
        OptionError: If a text cannot be understood, or is of something that is not used.
        UsageError: If the configuration says what cannot be.
        UnavailableError: If an implementation that something is said of cannot be loaded.
    """
    given = _given(texts)
    for name, values in given.items():
        if name not in used.values():
            raise _unused(name, next(iter(values)), used)
    found = {}
    for group, name in used.items():
        kind = group.rpartition(".")[2]
        written = configuration.get(kind, {}).get(name, {})
        if name in given or written:
            options = _options_of(group, name)
            values = {key: _typed(f"[{kind}.{name}]", options, key, value) for key, value in written.items()}
            values |= {key: _read(options, name, key, text) for key, text in given.get(name, {}).items()}
            try:
                found[name] = options(**values)
            except ValueError as error:
                raise UsageError(f"{name}: {error}", _known(options)) from error
    return found


def deciding(settings: Mapping[str, Any]) -> str:
    """Return what of options decides outputs, in few letters; "" where all that does is as usual.

    A path is known by what lies there, so that other files in its place make another output.

    Raises:
        FilesError: If there is nothing at a path.
    """
    parts = []
    for name, options in settings.items():
        for one in fields(options):
            value = getattr(options, one.name)
            if one.metadata.get("decides") and value != one.default:
                parts.append(f" {name}.{one.name}={_digest(value) if isinstance(value, Path) else value}")
    return "".join(parts)


def described(group: str, name: str) -> list[tuple[str, str]]:
    """Return what can be said of an implementation: each key with its type and default, and what it is."""
    one = implementation(group, name)
    if not isinstance(one, Configurable):
        return []
    hints = get_type_hints(one.Options)
    return [
        (f"{name}.{field.name}={_values(field, hints[field.name])}", field.metadata.get("help", ""))
        for field in fields(one.Options)
    ]


def _given(texts: Iterable[str]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for text in texts:
        name, dot, rest = text.partition(".")
        key, equals, value = rest.partition("=")
        if not (name and dot and key and equals):
            raise OptionError("option", f"is {text!r}", "write it as NAME.KEY=VALUE, as in onnx.threads=2")
        found.setdefault(name, {})[key.replace("-", "_")] = value
    return found


def _unused(name: str, key: str, used: Mapping[str, str]) -> OptionError:
    for group in used:
        if name in [one.name for one in registered(group)]:
            flag = f"--{group.rpartition('.')[2].removesuffix('s')}"
            return OptionError("option", f"sets {name}.{key}, and {name} is not used", f"name it with {flag} {name}")
    names = {one.name for group in used for one in registered(group)}
    return OptionError("option", f"sets {name}.{key}, and there is no {name!r}", suggestion(name, names))


def _options_of(group: str, name: str) -> Any:
    found = implementation(group, name)
    if not isinstance(found, Configurable):
        raise UsageError(f"{name} has no options of its own", "leave them out")
    return found.Options


def _read(options: type, name: str, key: str, text: str) -> Any:
    """Return the value of a key that was given as text."""
    hints, said = get_type_hints(options), f"sets {name}.{key}"
    if key not in hints:
        raise OptionError("option", f"{said}, which {name} does not have", suggestion(key, {*hints}))
    kind = hints[key]
    try:
        value = _TRUTH[text.lower()] if kind is bool else kind(text)
    except (KeyError, ValueError):
        raise OptionError("option", f"{said}={text}, which is not {_WORDS[kind]}") from None
    if wrong := _no_choice(options, key, value):
        raise OptionError("option", f"{said}={text}", wrong)
    return value


def _typed(where: str, options: type, key: str, value: Any) -> Any:
    """Return the value of a key that a configuration has."""
    hints = get_type_hints(options)
    key = key.replace("-", "_")
    if key not in hints:
        raise UsageError(f"unknown key {key!r} in {where}", suggestion(key, {*hints}))
    kind = hints[key]
    accepted = {Path: (str,), float: (int, float)}.get(kind, (kind,))
    if type(value) not in accepted:
        raise UsageError(f"{key!r} in {where} must be {_WORDS[kind]}, not {value!r}")
    if wrong := _no_choice(options, key, kind(value)):
        raise UsageError(f"{key!r} in {where} is {value!r}", wrong)
    return kind(value)


def _no_choice(options: type, key: str, value: Any) -> str:
    (one,) = (field for field in fields(options) if field.name == key)
    choices = one.metadata.get("choices", ())
    return f"use {', '.join(map(str, choices))}" if choices and value not in choices else ""


def _known(options: type) -> str:
    return f"its options are {', '.join(field.name for field in fields(options))}"


def _values(field: "Field[Any]", kind: type) -> str:
    """Return what a key's values are, and the usual one."""
    choices = field.metadata.get("choices") or ([_WORDS[kind]] if kind is not bool else ["true", "false"])
    usual = str(field.default).lower() if kind is bool else field.default
    shown = f" [{usual}]" if usual not in ("", Path()) else ""
    return "|".join(map(str, choices)) + shown


def _digest(path: Path) -> str:
    """Return what a file, or all files of a folder and those below, are known by."""
    found = hashlib.sha256()
    try:
        files = sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]
        for file in files:
            found.update(file.relative_to(path).as_posix().encode("utf-8", "surrogateescape") + b"\0")
            with file.open("rb") as opened:
                found.update(hashlib.file_digest(opened, "sha256").digest())
    except OSError as error:
        raise FilesError(f"{path} cannot be read: {error.strerror or error}") from error
    return found.hexdigest()[:12]


def configured(group: str, name: str, options: Any) -> Any:
    """Return an implementation, with options of its own if there are any.

    Raises:
        UnavailableError: If there is none of that name.
    """
    found = implementation(group, name)
    if options is None:
        return found
    if not isinstance(found, Configurable):
        raise UnavailableError(f"{name} has no options of its own")
    return found.configured(options)
