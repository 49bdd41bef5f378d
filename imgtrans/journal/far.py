"""The journal of an output folder in a store: worked on in a folder of this machine, and kept beside the outputs."""

import contextlib
import secrets
import sqlite3
import threading
import time
from collections.abc import Collection, Iterable, Sequence
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from imgtrans.errors import FilesError
from imgtrans.journal.entry import Entry
from imgtrans.journal.fetching import NOTE, fetch_journals, packed, stands
from imgtrans.journal.lease import Leases
from imgtrans.journal.location import inside
from imgtrans.journal.writing import Journal
from imgtrans.storage.address import Address
from imgtrans.storage.explained import nothing_else_helps
from imgtrans.storage.listings import Listings

if TYPE_CHECKING:
    import os

SNAPSHOT_SECONDS = 60.0
_SHARE = 20  # of the time, at most, snapshots take one part


class FarJournal(Journal):
    """The journal of a run whose outputs go to a store.

    SQLite works on a copy. Now and then, and at the end, a snapshot of it replaces the one in the store. In between,
    notes say what is about to be written, as a journal's intents do, so that a run that is killed loses nothing that it
    had written: of an output that a note tells of, size and version are known.

    Args:
        output: The output folder.
        folder: Where the copy is; it must exist.
        tag: Of the shard that it is for; "" is the whole run.
        listings: Know what stands in the output folder.
        kept: Whether the copy is all there is: nothing is fetched from the store, or put there.

    Raises:
        FilesError: If another run is using the output folder, or it cannot be read or written.
    """

    def __init__(self, output: Address, folder: Path, tag: str, listings: Listings, *, kept: bool = False) -> None:
        self._far, self._listings, self._kept = output, listings, kept
        self._run, self._count = secrets.token_hex(4), 0
        self._over: list[str] = []  # what the next snapshot makes superfluous
        self._thread: threading.Thread | None = None
        self._problem: FilesError | None = None
        self._changed = False
        self._leases = None if kept else Leases(output, inside(output), tag)
        try:
            if not kept:
                self._over = fetch_journals(output, folder, tag, listings)
                self._changed = bool(self._over)
            super().__init__(folder, tag)
        except BaseException:
            if self._leases:
                self._leases.release()
            raise
        self._next = time.monotonic() + SNAPSHOT_SECONDS

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it, put the last snapshot into the store, and let others in."""
        try:
            if self._thread:
                self._thread.join()
            super().__exit__(kind, value, trace)
            if self._changed and not self._kept:
                with contextlib.nullcontext() if kind is None else contextlib.suppress(FilesError):
                    self._put(self.path, self._over)
        finally:
            if self._leases:
                self._leases.release()

    def intend(self, entries: Sequence[Entry]) -> None:
        """Write down, here and in the store, what is about to be written there."""
        self.record(entries)
        if not entries or not self._leases:
            return
        self._leases.check()
        self._count += 1
        note = inside(self._far) / f"{self.path.stem}-{self._run}-{self._count}{NOTE}"
        with nothing_else_helps():
            note.store.write(note, packed(entries))
        with self._turn:
            self._over.append(note.name)

    def record(self, entries: Iterable[Entry]) -> None:
        """Write entries durably on this machine, and have a snapshot put into the store if it is time."""
        entries = list(entries)
        super().record(entries)
        self._changed = self._changed or bool(entries)
        if self._problem:
            raise self._problem
        if not self._kept and time.monotonic() >= self._next:
            self._next = float("inf")
            self._thread = threading.Thread(target=self._snapshot, name="snapshot", daemon=True)
            self._thread.start()

    def forget(self, outputs: Collection[bytes]) -> None:
        """Take out what is known of outputs."""
        self._changed = self._changed or bool(outputs)
        super().forget(outputs)

    def _snapshot(self) -> None:
        started = time.monotonic()
        copy = self.path.with_name("snapshot")
        try:
            with self._turn:
                over, self._over = self._over, []
                with closing(sqlite3.connect(copy)) as database:
                    self._database.backup(database)
            self._put(copy, over)
        except FilesError as error:
            self._problem = error
        except sqlite3.Error as error:
            self._problem = FilesError(f"the journal in {self.path.parent} cannot be copied: {error}", "make room")
        finally:
            copy.unlink(missing_ok=True)
        self._next = time.monotonic() + max(SNAPSHOT_SECONDS, _SHARE * (time.monotonic() - started))

    def _put(self, path: Path, over: Sequence[str]) -> None:
        """Replace the snapshot in the store, and delete what it makes superfluous."""
        if self._leases:
            self._leases.check()
        place = inside(self._far)
        with nothing_else_helps():
            place.store.put(path, place / self.path.name)
            for name in over:
                place.store.delete(place / name)

    def _stands(self, output: bytes) -> "os.stat_result":
        return stands(self._far, self._listings, output)
