"""The journal of a run: what was made in an output folder, from what, by which model, and what failed and why."""

import contextlib
import itertools
import os
import sqlite3
import threading
import time
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from types import TracebackType

from imgtrans.errors import FilesError
from imgtrans.journal.database import (
    has_output_of,
    open_to_read,
    open_to_write,
    read_entries,
    read_entry,
    read_last_run,
    storing,
    unusable,
)
from imgtrans.journal.entry import Entry, LastRun, process_of
from imgtrans.journal.location import SUFFIX, beside, inside
from imgtrans.journal.locks import RunLock
from imgtrans.journal.reading import JournalReader, best

_WHOLE_RUN = "journal"
_AT_ONCE = 1000  # entries taken over from a shard in one transaction


class Journal:
    """Opens (and makes) the journal of an output folder for one run, which has it alone until it is closed.

    It is ``OUT/.imgtrans``; that of single pictures whose outputs come into a folder of the user's is kept elsewhere.

    A shard has a journal of its own and also knows what the others' say. The next whole run takes them all over.
    Several threads may use it.

    Args:
        output: The output folder; it must exist.
        tag: Of the shard that it is for, such as ``3-of-16``; "" is the whole run.
        singles: Whether it is for single pictures.

    Raises:
        FilesError: If another run is using the folder, or the journal cannot be opened.
    """

    def __init__(self, output: Path, tag: str = "", singles: bool = False) -> None:
        self._output = output
        self._began = False
        self._planned, self._complete = 0, False
        self._turn = threading.RLock()
        folder, other = (beside(output), inside(output)) if singles else (inside(output), beside(output))
        self.path = folder / (f"shard-{tag}{SUFFIX}" if tag else f"{_WHOLE_RUN}{SUFFIX}")
        try:
            folder.mkdir(parents=singles, exist_ok=True)
            self._lock = RunLock(folder, tag, output, other)
        except OSError as error:
            raise FilesError(f"{folder if singles else output} cannot be written: {error.strerror}") from error
        try:
            self._database = open_to_write(self.path)
            try:
                if not tag:
                    self._take_over()
                self._others = JournalReader(output, without=self.path)
            except BaseException:
                self._database.close()
                raise
        except sqlite3.Error as error:
            self._lock.release()
            raise unusable(folder, error) from error
        except BaseException:
            self._lock.release()
            raise

    def __enter__(self) -> "Journal":
        """Use it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it and let others in."""
        with self._turn:
            try:
                if self._began:
                    with contextlib.nullcontext() if kind is None else contextlib.suppress(FilesError):
                        self._write([self._progress(0, time.time() if kind is None else 0)])
            finally:
                self._others.close()
                self._database.close()
                self._lock.release()

    def begin(self, name: str, model: str, settings: str) -> None:
        """Note that a run begins; closing the journal after it has gone well ends it.

        Args:
            name: The model's name.
            model: sha256 of its weights.
            settings: What else decides its outputs.
        """
        row = (name, model, settings, process_of(), self._planned, 0, self._complete, time.time(), 0)
        self._write([("DELETE FROM run", [()]), ("INSERT INTO run VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", [row])])
        self._began = True

    def expect(self, planned: int, complete: bool) -> None:
        """Take note of how many pictures are to be translated or fail, and whether more may come."""
        self._planned, self._complete = planned, complete

    def entry(self, output: bytes, stands: os.stat_result | None = None) -> Entry | None:
        """Return what is known of an output; where several know it, the one that made what ``stands`` there."""
        with self._turn:
            own = read_entry(self._database, output)
            if own and (stands is None or own.made(stands)):
                return own
            other = self._others.entry(output, stands)
            return best((own, other), stands)

    def last_runs(self) -> list[LastRun]:
        """Return what is known of the last run, or of each shard of it, before this one."""
        with self._turn:
            own = read_last_run(self._database)
            return ([own] if own else []) + self._others.last_runs()

    def has_output_of(self, model: str) -> bool:
        """Whether an output is known that was made by a model, known by the sha256 of its weights."""
        with self._turn:
            return has_output_of(self._database, model) or self._others.has_output_of(model)

    def failed(self) -> Iterator[Entry]:
        """Return what failed when it was last tried."""
        return read_entries(self._database, "state = 'failed'")

    def done(self) -> Iterator[Entry]:
        """Return what is done."""
        return read_entries(self._database, "state = 'done'")

    def failed_before(self) -> Iterator[Entry]:
        """Return what failed in an earlier run and was not tried in this one."""
        return read_entries(self._database, "state = 'failed' AND output NOT IN (SELECT output FROM fails)")

    def record(self, entries: Iterable[Entry]) -> None:
        """Write entries durably: when this returns they survive a power cut.

        Raises:
            FilesError: If that is impossible (a full disk); then none of them is written.
        """
        entries = list(entries)
        if not entries:
            return
        settled = sum(entry.state in ("done", "failed") for entry in entries)
        failed: list[tuple[object, ...]] = [(entry.output,) for entry in entries if entry.state == "failed"]
        self._write(
            [
                storing(entries),
                ("INSERT OR IGNORE INTO fails VALUES (?)", failed),
                self._progress(settled),
            ]
        )

    def forget(self, outputs: Collection[bytes]) -> None:
        """Take out what is known of outputs."""
        if outputs:
            self._write([("DELETE FROM images WHERE output = ?", [(output,) for output in outputs])])

    def forget_failures(self, outputs: Collection[bytes]) -> None:
        """Take out which of some outputs have failed; an older output that stands there stays known as ours."""
        if outputs:
            keys: list[tuple[object, ...]] = [(output,) for output in outputs]
            older = "UPDATE images SET state = 'done', size = 0, mtime_ns = 0, error = ''"
            self._write(
                [
                    ("DELETE FROM images WHERE output = ? AND state = 'failed' AND output_size = 0", keys),
                    (f"{older} WHERE output = ? AND state = 'failed'", keys),
                ]
            )

    @property
    def empty(self) -> bool:
        """Whether nothing is known of any output."""
        with self._turn:
            return self._database.execute("SELECT 1 FROM images LIMIT 1").fetchone() is None

    def _progress(self, settled: int, ended: float = 0) -> tuple[str, list[tuple[object, ...]]]:
        statement = "UPDATE run SET settled = settled + ?, planned = ?, complete = ?, ended = ?"
        return statement, [(settled, self._planned, self._complete, ended)]

    def _take_over(self) -> None:
        """Take over what shards have noted; nobody else has a journal then."""
        for path in sorted(self.path.parent.glob(f"*{SUFFIX}")):
            if path == self.path:
                continue
            shard = open_to_read(path)
            if shard:
                with contextlib.closing(shard):
                    better = filter(self._knows_better, read_entries(shard))
                    while taken := list(itertools.islice(better, _AT_ONCE)):
                        self._write([storing(taken)])
            for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
                path.with_name(name).unlink(missing_ok=True)

    def _knows_better(self, entry: Entry) -> bool:
        """Whether a shard's entry tells of what stands at the output's place, and our own, if any, does not."""
        own = read_entry(self._database, entry.output)
        if own is None:
            return True
        try:
            stands = self._stands(entry.output)
        except OSError:
            return False
        return entry.made(stands) and not own.made(stands)

    def _stands(self, output: bytes) -> os.stat_result:
        return (self._output / os.fsdecode(output)).lstat()

    def _write(self, statements: Iterable[tuple[str, list[tuple[object, ...]]]]) -> None:
        """Have statements, each with its rows, done all or not at all."""
        with self._turn:
            try:
                self._database.execute("BEGIN IMMEDIATE")
                for statement, rows in statements:
                    self._database.executemany(statement, rows)
                self._database.execute("COMMIT")
            except sqlite3.Error as error:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                raise FilesError(
                    f"the journal in {self.path.parent} cannot be written any more: {error}",
                    "make room and run the same command again: it goes on where it stopped",
                ) from error
