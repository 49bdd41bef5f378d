"""Reads the journals of an output folder, the whole run's and those of shards, as one."""

import heapq
import itertools
import os
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType

from imgtrans.journal.database import has_output_of, open_to_read, read_entries, read_entry, read_last_run, unusable
from imgtrans.journal.entry import Entry, LastRun
from imgtrans.journal.location import journals


class JournalReader:
    """Reads journals, while runs are at work too, and locks and changes nothing.

    Args:
        output: The output folder; without a journal there, nothing is known.
        without: One that is not read.

    Raises:
        FilesError: If there is one and it cannot be read.
    """

    def __init__(self, output: Path, without: Path | None = None) -> None:
        self._output = output
        opened: list[tuple[float, sqlite3.Connection]] = []
        path = output
        try:
            for path in journals(output):
                if path != without:
                    database = open_to_read(path)
                    if database:
                        last = read_last_run(database)
                        opened.append((last.started if last else 0.0, database))
        except sqlite3.Error as error:
            for _, database in opened:
                database.close()
            raise unusable(path.parent, error) from error
        # What ran last knows best.
        self._databases = [database for _, database in sorted(opened, key=lambda one: one[0], reverse=True)]

    def __enter__(self) -> "JournalReader":
        """Use it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Close it."""
        for database in self._databases:
            database.close()

    def entry(self, output: bytes, stands: os.stat_result | None = None) -> Entry | None:
        """Return what is known of an output; where several know it, the one that made what ``stands`` there."""
        return best((read_entry(database, output) for database in self._databases), stands)

    def entries(self) -> Iterator[Entry]:
        """Return all that is known, in the order of the outputs' bytes."""
        merged = heapq.merge(*map(read_entries, self._databases), key=lambda entry: entry.output)
        for output, same in itertools.groupby(merged, key=lambda entry: entry.output):
            first, *others = same  # in the order of the journals
            yield (best([first, *others], _stands(self._output, output)) or first) if others else first

    def has_output_of(self, model: str) -> bool:
        """Whether an output is known that was made by a model, known by the sha256 of its weights."""
        return any(has_output_of(database, model) for database in self._databases)

    def last_runs(self) -> list[LastRun]:
        """Return what is known of the last run, or of each shard of it; the latest first."""
        return [last for last in map(read_last_run, self._databases) if last]


def best(known: Iterable[Entry | None], stands: os.stat_result | None) -> Entry | None:
    """Return the first entry that made what stands at the output's place; if there is none, the first."""
    first = None
    for entry in known:
        if entry and (stands is None or entry.made(stands)):
            return entry
        first = first or entry
    return first


def _stands(output: Path, key: bytes) -> os.stat_result | None:
    try:
        return (output / os.fsdecode(key)).lstat()
    except OSError:
        return None
