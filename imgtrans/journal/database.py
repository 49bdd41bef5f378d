"""The SQLite file of one journal: its tables, and what is read from them."""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil

from imgtrans.errors import FilesError
from imgtrans.journal.entry import Entry, LastRun

_SCHEMA = """
CREATE TABLE IF NOT EXISTS images (
    output BLOB PRIMARY KEY,
    source BLOB NOT NULL,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    model TEXT NOT NULL,
    settings TEXT NOT NULL,
    state TEXT NOT NULL,
    output_size INTEGER NOT NULL,
    output_mtime_ns INTEGER NOT NULL,
    error TEXT NOT NULL,
    before_size INTEGER NOT NULL,
    before_mtime_ns INTEGER NOT NULL,
    input BLOB NOT NULL DEFAULT x''
) WITHOUT ROWID
"""
_RUN_SCHEMA = """
CREATE TABLE IF NOT EXISTS run (  -- the last one, on one row
    name TEXT NOT NULL,
    model TEXT NOT NULL,
    settings TEXT NOT NULL,
    process TEXT NOT NULL,
    planned INTEGER NOT NULL,
    settled INTEGER NOT NULL,
    complete INTEGER NOT NULL,
    started REAL NOT NULL,
    ended REAL NOT NULL
)
"""
_PAGE = 1000  # entries read at once: a reader that stayed longer would keep a run from writing
_WAIT_SECONDS = 60.0  # for whoever is writing: on a network file system that takes its time
_NETWORK_FILE_SYSTEMS = frozenset(
    {"nfs", "nfs4", "cifs", "smb", "smb2", "smb3", "smbfs", "afs", "9p", "lustre", "gpfs", "beegfs", "ceph",
     "fuse.ceph", "fuse.glusterfs", "fuse.juicefs", "fuse.sshfs", "fuse.s3fs", "fuse.rclone",
     "virtiofs", "vboxsf", "prl_fs", "vmhgfs", "fuse.vmhgfs-fuse", "fuse.grpcfuse", "fuse.osxfs", "fakeowner"}
)  # fmt: skip


def open_to_write(path: Path) -> sqlite3.Connection:
    """Open a journal, or make it.

    Raises:
        sqlite3.Error: If that is impossible.
    """
    # Autocommit: transactions are begun and ended where they are meant. The caller sees to it that threads take turns.
    database = sqlite3.connect(path, timeout=_WAIT_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        database.execute(f"PRAGMA journal_mode={'DELETE' if on_network(path.parent) else 'WAL'}")
        database.execute("PRAGMA synchronous=FULL")  # done means done, after a power cut too
        database.execute(_SCHEMA)
        database.execute(_RUN_SCHEMA)
        if "input" not in _columns(database, "images"):
            database.execute("ALTER TABLE images ADD COLUMN input BLOB NOT NULL DEFAULT x''")
        if "complete" not in _columns(database, "run"):
            database.execute("DROP TABLE run")  # of an older version; it is only known until the next run
            database.execute(_RUN_SCHEMA)
        # What fails in this run, to know in the end which failures are of files that are no longer there.
        database.execute("CREATE TEMP TABLE fails (output BLOB PRIMARY KEY) WITHOUT ROWID")
    except sqlite3.Error:
        database.close()
        raise
    return database


def open_to_read(path: Path) -> sqlite3.Connection | None:
    """Open a journal that is there, maybe while somebody writes it, and change nothing.

    All that SQLite may leave beside it are its two files of a log, which is empty.

    Returns:
        None if it was never begun: whoever made it was killed just then.

    Raises:
        sqlite3.Error: If that is impossible.
    """
    address = f"{path.resolve().as_uri()}?mode=ro"
    database = sqlite3.connect(address, timeout=_WAIT_SECONDS, uri=True, check_same_thread=False)
    if not _can_be_read(database) and not path.with_name(f"{path.name}-wal").exists():
        # Reading with WAL makes a file beside it, which a folder that cannot be written does not allow.
        database.close()
        database = sqlite3.connect(f"{address}&immutable=1", uri=True, check_same_thread=False)
    try:
        begun = database.execute("SELECT 1 FROM sqlite_master WHERE name = 'images'").fetchone()
        if begun:
            database.execute("SELECT 1 FROM images LIMIT 1")
            return database
    except sqlite3.Error:
        database.close()
        raise
    database.close()
    return None


def read_entry(database: sqlite3.Connection, output: bytes) -> Entry | None:
    """Return what is known of an output."""
    try:
        row = database.execute("SELECT * FROM images WHERE output = ?", (output,)).fetchone()
    except sqlite3.Error as error:
        raise FilesError(f"the journal cannot be read: {error}") from error
    return Entry(*row) if row else None


def read_entries(database: sqlite3.Connection, where: str = "TRUE") -> Iterator[Entry]:
    """Return all that is known, in the order of the outputs' bytes."""
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


def storing(entries: Sequence[Entry]) -> tuple[str, list[tuple[object, ...]]]:
    """Return the statement that stores entries, of which there is at least one, and its rows."""
    places = ", ".join("?" * len(vars(entries[0])))
    rows = [tuple(vars(entry).values()) for entry in entries]
    return f"INSERT OR REPLACE INTO images VALUES ({places})", rows  # noqa: S608 - question marks


def has_output_of(database: sqlite3.Connection, model: str) -> bool:
    """Whether an output is known that was made by a model, known by the sha256 of its weights."""
    query = "SELECT 1 FROM images WHERE model = ? AND state != 'failed' LIMIT 1"
    try:
        return database.execute(query, (model,)).fetchone() is not None
    except sqlite3.Error as error:
        raise FilesError(f"the journal cannot be read: {error}") from error


def read_last_run(database: sqlite3.Connection) -> LastRun | None:
    """Return what is known of the last run."""
    try:
        row = database.execute("SELECT * FROM run").fetchone()
    except sqlite3.Error:  # made before runs were noted
        return None
    return LastRun(*row) if row and len(row) == len(LastRun.__annotations__) else None


def unusable(folder: Path, error: sqlite3.Error) -> FilesError:
    """Return what is said of a journal, in that folder, that SQLite cannot work with."""
    if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
        return FilesError(f"the journal in {folder} cannot be used: {error}", "make room, or look at the disk")
    return FilesError(
        f"the journal in {folder} cannot be used: {error}",
        "if it is damaged, delete that folder; --overwrite then lets imgtrans replace the pictures it does not know",
    )


def file_system(folder: Path) -> str:
    """Return the type of the file system that a folder is on, in small letters; "" if that is not known."""
    path = os.path.realpath(folder)
    mounts = [part for part in psutil.disk_partitions(all=True) if _is_below(path, part.mountpoint)]
    return max(mounts, key=lambda part: len(part.mountpoint)).fstype.lower() if mounts else ""


def on_network(folder: Path) -> bool:
    """Whether a folder is on a file system shared with other machines, where SQLite's WAL does not work."""
    return file_system(folder) in _NETWORK_FILE_SYSTEMS


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def _columns(database: sqlite3.Connection, table: str) -> set[str]:
    return {row[1] for row in database.execute(f"PRAGMA table_info({table})")}


def _can_be_read(database: sqlite3.Connection) -> bool:
    try:
        database.execute("SELECT 1 FROM sqlite_master LIMIT 1")
    except sqlite3.OperationalError:
        return False
    return True
