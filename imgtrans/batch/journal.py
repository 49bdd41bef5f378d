"""The journal of an output folder: what was made there, from what, by which model."""

import os
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import psutil
from filelock import FileLock, Timeout

from imgtrans.errors import FilesError

FOLDER = ".imgtrans"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS images (
    output BLOB PRIMARY KEY,      -- relative to the output folder
    source BLOB NOT NULL,         -- relative to what the user named
    size INTEGER NOT NULL,        -- of the input, bytes
    mtime_ns INTEGER NOT NULL,
    model TEXT NOT NULL,          -- sha256 of the weights
    settings TEXT NOT NULL,       -- what else decides the output
    state TEXT NOT NULL,          -- writing, done or failed
    output_size INTEGER NOT NULL, -- of the output, bytes
    output_mtime_ns INTEGER NOT NULL,
    error TEXT NOT NULL,
    before_size INTEGER NOT NULL, -- of our older output that a "writing" one replaces; 0 if there is none
    before_mtime_ns INTEGER NOT NULL
) WITHOUT ROWID
"""
_NETWORK_FILE_SYSTEMS = frozenset(
    {"nfs", "nfs4", "cifs", "smb", "smb2", "smb3", "smbfs", "afs", "9p", "fuse.sshfs", "fuse.s3fs", "fuse.rclone"}
)


@dataclass(frozen=True)
class Entry:
    """What the journal knows of one output; the columns of its table."""

    output: bytes
    source: bytes
    size: int
    mtime_ns: int
    model: str
    settings: str
    state: str
    output_size: int = 0
    output_mtime_ns: int = 0
    error: str = ""
    before_size: int = 0
    before_mtime_ns: int = 0

    def made(self, output: os.stat_result) -> bool:
        """Whether the file that stands at the output's place is one that we made."""
        stands = (output.st_size, output.st_mtime_ns)
        # Killed between intent and rename: the older one is still there.
        older = self.state == "writing" and stands == (self.before_size, self.before_mtime_ns)
        return older or stands == (self.output_size, self.output_mtime_ns)


class Journal:
    """Opens (and makes) ``OUT/.imgtrans`` for one run, which has it alone until it is closed.

    Args:
        output: The output folder; it must exist.

    Raises:
        FilesError: If another run is using the folder, or the journal cannot be opened.
    """

    def __init__(self, output: Path) -> None:
        folder = output / FOLDER
        try:
            folder.mkdir(exist_ok=True)
            self._lock = FileLock(folder / "lock")
            self._lock.acquire(timeout=0)
        except Timeout:
            raise FilesError(
                f"{output} is in use by another run", "wait for it to end, or name another output folder with -o"
            ) from None
        except OSError as error:
            raise FilesError(f"{output} cannot be written: {error.strerror}") from error
        try:
            # Autocommit: transactions are begun and ended where they are meant.
            self._database = sqlite3.connect(folder / "journal.sqlite", isolation_level=None)
            self._database.execute(f"PRAGMA journal_mode={'DELETE' if on_network(output) else 'WAL'}")
            self._database.execute("PRAGMA synchronous=FULL")  # done means done, after a power cut too
            self._database.execute(_SCHEMA)
        except sqlite3.Error as error:
            self._lock.release()
            raise _unusable(output, error) from error

    def __enter__(self) -> "Journal":
        """Use it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it and let others in."""
        self._database.close()
        self._lock.release()

    def entry(self, output: bytes) -> Entry | None:
        """Return what is known of an output."""
        return _entry(self._database, output)

    def record(self, entries: Iterable[Entry]) -> None:
        """Write entries durably: when this returns they survive a power cut."""
        rows = [tuple(vars(entry).values()) for entry in entries]
        if not rows:
            return
        self._database.execute("BEGIN IMMEDIATE")
        self._database.executemany("INSERT OR REPLACE INTO images VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
        self._database.execute("COMMIT")


class JournalReader:
    """Reads a journal without making, locking or changing anything, for a dry run."""

    def __init__(self, output: Path) -> None:
        path = output / FOLDER / "journal.sqlite"
        self._database: sqlite3.Connection | None = None
        if path.exists():
            self._database = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)

    def __enter__(self) -> "JournalReader":
        """Use it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        if self._database:
            self._database.close()

    def entry(self, output: bytes) -> Entry | None:
        """Return what is known of an output."""
        return _entry(self._database, output) if self._database else None


def on_network(folder: Path) -> bool:
    """Whether a folder is on a network file system, where SQLite's WAL does not work."""
    path = os.path.realpath(folder)
    mounts = [part for part in psutil.disk_partitions(all=True) if _is_below(path, part.mountpoint)]
    return bool(mounts) and max(mounts, key=lambda part: len(part.mountpoint)).fstype.lower() in _NETWORK_FILE_SYSTEMS


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def _entry(database: sqlite3.Connection, output: bytes) -> Entry | None:
    try:
        row = database.execute("SELECT * FROM images WHERE output = ?", (output,)).fetchone()
    except sqlite3.Error as error:
        raise FilesError(f"the journal cannot be read: {error}") from error
    return Entry(*row) if row else None


def _unusable(output: Path, error: sqlite3.Error) -> FilesError:
    return FilesError(
        f"the journal in {output / FOLDER} cannot be used: {error}",
        "if it is damaged, delete that folder; --overwrite then lets imgtrans replace the pictures it does not know",
    )
