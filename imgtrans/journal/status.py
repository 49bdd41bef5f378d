"""How an output folder stands: what is done, failed, outdated or interrupted, as its journal and its files tell."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from imgtrans.errors import FilesError
from imgtrans.journal.entry import Entry, LastRun
from imgtrans.journal.fetching import fetch_journals
from imgtrans.journal.lease import is_held
from imgtrans.journal.location import inside, journals
from imgtrans.journal.reading import JournalReader
from imgtrans.storage.address import PAGES, Address, addressed
from imgtrans.storage.listings import Listings

STATES = ("done", "failed", "outdated", "interrupted")


@dataclass(frozen=True)
class Standing:
    """How one picture stands.

    Attributes:
        input: The picture.
        output: Where its translation is, or would be.
        state: One of ``STATES``.
        reason: Why it is not done, one sentence; "" if it is.
    """

    input: Path
    output: Path
    state: str
    reason: str = ""


@dataclass(frozen=True)
class Status:
    """How an output folder stands.

    Attributes:
        folder: The output folder.
        runs: The last run into it, or each of its shards, the latest first; none if that is not known.
        listings: Know what stands in it if it is in a store.
        leased: Whether somebody is at work in it there.
    """

    folder: Path
    runs: list[LastRun]
    reader: JournalReader
    listings: Listings | None = None
    leased: bool = False

    @property
    def left(self) -> int:
        """How many pictures they were to do, as far as they had looked, and have neither translated nor failed at."""
        return sum(run.left for run in self.runs)

    @property
    def stopped(self) -> int:
        """How many of them were stopped half-way."""
        return 0 if self.leased else sum(not run.ended and not run.at_work for run in self.runs)

    @property
    def at_work(self) -> int:
        """How many of them are going on."""
        return sum(run.at_work or (self.leased and not run.ended) for run in self.runs)

    def standings(self) -> Iterator[Standing]:
        """Return how each picture that the journal knows stands, in the order of the outputs' names."""
        return (self._standing(entry) for entry in self.reader.entries())

    def _standing(self, entry: Entry) -> Standing:
        output = self.folder / os.fsdecode(entry.output)
        picture = addressed(os.fsdecode(entry.input or entry.source))
        if entry.state == "failed":
            return Standing(picture, output, "failed", entry.error)
        state, reason = self._state_of_output(entry, picture, output)
        return Standing(picture, output, state, reason)

    def _state_of_output(self, entry: Entry, picture: Path, output: Path) -> tuple[str, str]:
        try:
            stands = self.listings.stat(output) if self.listings and isinstance(output, Address) else output.lstat()
        except OSError:
            stands = None
        if entry.state == "writing" and not (stands and _is(stands, entry.output_size, entry.output_mtime_ns)):
            return "interrupted", f"{output} was about to be put in its place."
        if stands is None:
            return "outdated", f"{output} is gone."
        if not entry.made(stands):
            return "outdated", f"{output} is not what imgtrans made any more."
        try:
            if entry.input and not self._is_unchanged(picture, entry):
                return "outdated", f"{picture} has changed since."
        except OSError:  # not there any more, or on a disk that is not: what was made of it is still done
            pass
        # One that has ended has redone what it was asked for; whatever else is here was not asked for.
        last = self.runs[0] if self.runs else None
        if last and not last.ended and (entry.model, entry.settings) != (last.model, last.settings):
            return "outdated", f"{output} was made by another model or with other settings than the last run's."
        return "done", ""

    def _is_unchanged(self, picture: Path, entry: Entry) -> bool:
        if not isinstance(picture, Address):
            return _is(picture.stat(), entry.size, entry.mtime_ns)
        if self.listings is None or picture.scheme in PAGES:  # of a folder of this machine nobody else is asked
            return True
        return _is(self.listings.stat(picture), entry.size, entry.mtime_ns)


@contextmanager
def read_status(folder: Path) -> Iterator[Status]:
    """Read how an output folder stands; nothing is locked or changed, and a run may be at work.

    Raises:
        FilesError: If nothing was ever translated into it, or the journal cannot be read.
    """
    if not folder.exists():
        raise FilesError(f"{folder} is not there")
    with ExitStack() as stack:
        copies, listings, leased = folder, None, False
        if isinstance(folder, Address):
            listings = stack.enter_context(Listings())
            copies = Path(stack.enter_context(TemporaryDirectory(prefix="imgtrans-")))
            fetch_journals(folder, copies, "", listings)
            leased = is_held(inside(folder) / "lock", only_looking=True)
        if not any(journals(copies)):
            raise FilesError(
                f"{folder} has no journal: imgtrans has translated nothing into it",
                "name an output folder of imgtrans run",
            )
        reader = stack.enter_context(JournalReader(copies))
        yield Status(folder, reader.last_runs(), reader, listings, leased)


def _is(status: os.stat_result, size: int, mtime_ns: int) -> bool:
    return (status.st_size, status.st_mtime_ns) == (size, mtime_ns)
