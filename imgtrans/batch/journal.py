"""The journal of an output folder: what was made there, from what, by which model, and what failed and why."""

import os
import socket
import sqlite3
import time
from collections.abc import Collection, Iterable, Iterator
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
    before_mtime_ns INTEGER NOT NULL,
    input BLOB NOT NULL DEFAULT x'' -- the absolute path, for whoever asks how things stand
) WITHOUT ROWID
"""
_RUN_SCHEMA = """
CREATE TABLE IF NOT EXISTS run (  -- the last one, on one row
    name TEXT NOT NULL,           -- of the model
    model TEXT NOT NULL,          -- sha256 of its weights
    settings TEXT NOT NULL,
    process TEXT NOT NULL,        -- host, process id and start, to know whether it is still at work
    planned INTEGER NOT NULL,     -- pictures that it was to settle
    settled INTEGER NOT NULL,     -- of these translated or failed
    started REAL NOT NULL,        -- seconds since 1970
    ended REAL NOT NULL           -- 0 if it was never ended
)
"""
_PAGE = 1000  # entries read at once: a reader that stayed longer would keep a run from writing
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
    input: bytes = b""

    def made(self, output: os.stat_result) -> bool:
        """Whether the file that stands at the output's place is one that we made."""
        stands = (output.st_size, output.st_mtime_ns)
        # Killed between intent and rename: the older one is still there.
        older = self.state == "writing" and stands == (self.before_size, self.before_mtime_ns)
        return older or stands == (self.output_size, self.output_mtime_ns)


@dataclass(frozen=True)
class LastRun:
    """What the journal knows of the last run into its folder; the columns of its table."""

    name: str
    model: str
    settings: str
    process: str
    planned: int
    settled: int
    started: float
    ended: float

    @property
    def at_work(self) -> bool:
        """Whether it is still going on, as far as can be seen from this machine."""
        return not self.ended and self.process == _process_of(self.process)


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
            self._database.execute(_RUN_SCHEMA)
            if "input" not in {row[1] for row in self._database.execute("PRAGMA table_info(images)")}:
                self._database.execute("ALTER TABLE images ADD COLUMN input BLOB NOT NULL DEFAULT x''")
        except sqlite3.Error as error:
            self._lock.release()
            raise _unusable(output, error) from error
        self._output = output
        self._began = False

    def __enter__(self) -> "Journal":
        """Use it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it and let others in."""
        try:
            if self._began and kind is None:
                self._write([("UPDATE run SET ended = ?", [(time.time(),)])])
        finally:
            self._database.close()
            self._lock.release()

    def begin(self, name: str, model: str, settings: str, planned: int) -> None:
        """Note that a run begins; closing the journal after it has gone well ends it.

        Args:
            name: The model's name.
            model: sha256 of its weights.
            settings: What else decides its outputs.
            planned: How many pictures it will translate or fail at.
        """
        row = (name, model, settings, _process_of(), planned, 0, time.time(), 0)
        self._write([("DELETE FROM run", [()]), ("INSERT INTO run VALUES (?, ?, ?, ?, ?, ?, ?, ?)", [row])])
        self._began = True

    def entry(self, output: bytes) -> Entry | None:
        """Return what is known of an output."""
        return _entry(self._database, output)

    def failed(self) -> Iterator[Entry]:
        """Return what failed when it was last tried."""
        return _entries(self._database, "state = 'failed'")

    def record(self, entries: Iterable[Entry]) -> None:
        """Write entries durably: when this returns they survive a power cut.

        Raises:
            FilesError: If that is impossible (a full disk); then none of them is written.
        """
        entries = list(entries)
        if not entries:
            return
        settled = sum(entry.state in ("done", "failed") for entry in entries)
        places = ", ".join("?" * len(vars(entries[0])))
        rows = [tuple(vars(entry).values()) for entry in entries]
        self._write(
            [
                (f"INSERT OR REPLACE INTO images VALUES ({places})", rows),  # noqa: S608 - question marks
                ("UPDATE run SET settled = settled + ?", [(settled,)]),
            ]
        )

    def forget(self, outputs: Collection[bytes]) -> None:
        """Take out what is known of outputs."""
        if outputs:
            self._write([("DELETE FROM images WHERE output = ?", [(output,) for output in outputs])])

    @property
    def empty(self) -> bool:
        """Whether nothing is known of any output."""
        return self._database.execute("SELECT 1 FROM images LIMIT 1").fetchone() is None

    def _write(self, statements: Iterable[tuple[str, list[tuple[object, ...]]]]) -> None:
        """Have statements, each with its rows, done all or not at all."""
        try:
            self._database.execute("BEGIN IMMEDIATE")
            for statement, rows in statements:
                self._database.executemany(statement, rows)
            self._database.execute("COMMIT")
        except sqlite3.Error as error:
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            raise FilesError(
                f"the journal in {self._output / FOLDER} cannot be written any more: {error}",
                "make room and run the same command again: it goes on where it stopped",
            ) from error


class JournalReader:
    """Reads a journal, while a run is at work too, and locks and changes nothing of it.

    All that SQLite may leave beside it are its two files of a log, which is empty.

    Args:
        output: The output folder; without a journal there, nothing is known.

    Raises:
        FilesError: If there is one and it cannot be read.
    """

    def __init__(self, output: Path) -> None:
        path = output / FOLDER / "journal.sqlite"
        self._database: sqlite3.Connection | None = None
        if path.exists():
            address = f"{path.resolve().as_uri()}?mode=ro"
            try:
                self._database = sqlite3.connect(address, uri=True)
                if not _can_be_read(self._database) and not path.with_name(f"{path.name}-wal").exists():
                    # Reading with WAL makes a file beside it, which a folder that cannot be written does not allow.
                    self._database.close()
                    self._database = sqlite3.connect(f"{address}&immutable=1", uri=True)
                self._database.execute("SELECT 1 FROM images LIMIT 1")
            except sqlite3.Error as error:
                if self._database:
                    self._database.close()
                raise _unusable(output, error) from error

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

    def entries(self) -> Iterator[Entry]:
        """Return all that is known, in the order of the outputs' bytes."""
        return _entries(self._database) if self._database else iter(())

    def last_run(self) -> LastRun | None:
        """Return what is known of the last run."""
        if self._database is None:
            return None
        try:
            row = self._database.execute("SELECT * FROM run").fetchone()
        except sqlite3.Error:  # made before runs were noted
            return None
        return LastRun(*row) if row else None


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


def _entries(database: sqlite3.Connection, where: str = "TRUE") -> Iterator[Entry]:
    query = f"SELECT * FROM images WHERE output > ? AND {where} ORDER BY output LIMIT ?"  # noqa: S608 - ours alone
    after = b""
    while True:
        try:
            rows = database.execute(query, (after, _PAGE)).fetchall()
        except sqlite3.Error as error:
            raise FilesError(f"the journal cannot be read: {error}") from error
        yield from (Entry(*row) for row in rows)
        if len(rows) < _PAGE:
            return
        after = rows[-1][0]


def _can_be_read(database: sqlite3.Connection) -> bool:
    try:
        database.execute("SELECT 1 FROM images LIMIT 1")
    except sqlite3.OperationalError:
        return False
    return True


def _process_of(like: str = "") -> str:
    """Return host, process id and start of this process, or of the one with the process id of ``like``, if any."""
    pid = os.getpid()
    if like:
        pid = int(like.rsplit(" ", 2)[1])
    try:
        return f"{socket.gethostname()} {pid} {psutil.Process(pid).create_time():.2f}"
    except psutil.Error:
        return ""


def _unusable(output: Path, error: sqlite3.Error) -> FilesError:
    if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
        return FilesError(f"the journal in {output / FOLDER} cannot be used: {error}", "make room, or look at the disk")
    return FilesError(
        f"the journal in {output / FOLDER} cannot be used: {error}",
        "if it is damaged, delete that folder; --overwrite then lets imgtrans replace the pictures it does not know",
    )
