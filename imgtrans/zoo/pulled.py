"""What was pulled before: the hash of each source's bytes, recorded on first use and compared ever after."""

import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import tomli_w

from imgtrans.errors import FilesError
from imgtrans.files import written_atomically
from imgtrans.places import home
from imgtrans.zoo.staging import locked


@dataclass(frozen=True)
class Record:
    """What a source's file was when it was pulled: its SHA-256, and the day (ISO 8601)."""

    sha256: str
    date: str


def record_file() -> Path:
    """Return the file that holds the records."""
    return home() / "pulled.toml"


def recorded(source: str) -> Record | None:
    """Return what was pulled from a source before, or None.

    Raises:
        FilesError: If the records cannot be read.
    """
    entry = _read().get(source)
    return Record(**entry) if entry else None


def record(source: str, sha256: str) -> None:
    """Remember what was pulled from a source, in place of what was remembered before.

    Raises:
        FilesError: If the records cannot be read or written.
    """
    path = record_file()
    try:
        with locked(path.with_name(f"{path.name}.lock")):
            records = _read()
            records[source] = {"sha256": sha256, "date": datetime.now(UTC).date().isoformat()}
            with written_atomically(path) as temporary:
                temporary.write_text(tomli_w.dumps(records), encoding="utf-8")
    except OSError as error:
        raise FilesError(f"{path} cannot be written: {error.strerror}") from error


def _read() -> dict[str, dict[str, str]]:
    path = record_file()
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise FilesError(
            f"{path} cannot be read: {error}", "it holds the hashes of what you pulled; mend it"
        ) from error
    if not all(isinstance(entry, dict) and {*entry} == {"sha256", "date"} for entry in content.values()):
        raise FilesError(f"{path} is damaged", "it holds the hashes of what you pulled; mend it")
    return content
