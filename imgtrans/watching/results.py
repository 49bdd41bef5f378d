"""What becomes of pictures of a watched folder: put in its place, written down, told."""

import contextlib
import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from imgtrans.batch.commit import commit
from imgtrans.files import fsync_file, temporary_beside
from imgtrans.journal.entry import Entry
from imgtrans.protocols import Item, Outcome
from imgtrans.watching.desk import Desk
from imgtrans.watching.finder import Finder
from imgtrans.watching.ground import AwayError
from imgtrans.watching.ledger import DONE, FAILED
from imgtrans.watching.seeing.version import Version


class Results:
    """Takes outcomes.

    Args:
        desk: What is worked with.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def finish(self, outcomes: Sequence[Outcome]) -> None:
        """Put outputs in their places, and tell what became of each picture.

        Raises:
            AwayError: If the folders are not those they were; nothing is put anywhere then.
            FilesError: If nothing can be written any more.
        """
        desk = self._desk
        try:
            desk.ground.check()
            if not all(outcome.temporary for outcome in outcomes) and (why := desk.ground.missing()):
                raise AwayError(why)  # that is no picture's failure
        except AwayError:
            for outcome in outcomes:
                if outcome.temporary:
                    with contextlib.suppress(OSError):
                        outcome.temporary.unlink(missing_ok=True)
            raise
        with desk.turn:
            kept = [outcome for outcome in outcomes if not self._is_another_now(outcome)]
            for outcome in commit(kept, desk.prepared.recipe, desk.journal):
                self._tell(outcome)

    def copy(self, item: Item, before: Path) -> None:
        """Make the output of a picture that only has another name now, of the one that it had."""
        temporary = temporary_beside(item.output, self._desk.prepared.temporaries_tag)
        try:
            shutil.copyfile(before, temporary)
            fsync_file(temporary)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            self.finish([Outcome(item, None, f"{before} cannot be copied: {error.strerror}.")])
            return
        self.finish([Outcome(item, temporary)])

    def write_again(self, finder: Finder) -> None:
        """Write down again what is known, if somebody has taken the journal away and left the outputs."""
        desk = self._desk
        if not desk.journal.empty:
            return
        recipe = desk.prepared.recipe
        entries = [
            Entry(
                fact.key, os.fsencode(relative), fact.version.size, fact.version.mtime_ns, recipe.model,
                recipe.settings, DONE, fact.output_size, fact.output_mtime_ns,
                input=os.fsencode((desk.inbox / relative).absolute()),
            )
            for relative, fact in desk.ledger.of(DONE)
            if finder.stands(fact.key, fact.output_size, fact.output_mtime_ns)
        ]  # fmt: skip
        desk.journal.record(entries)
        if entries:
            desk.tending.warned(f"the journal of {desk.output} was gone; it is made anew with what is known")

    def _tell(self, outcome: Outcome) -> None:
        desk, relative = self._desk, os.fsdecode(outcome.item.source)
        fact = desk.ledger[relative]
        if fact is None:  # somebody has taken it away, and what was made of it stays
            return
        if outcome.temporary:
            status = status_of(outcome.item.output)
            size, mtime_ns = (status.st_size, status.st_mtime_ns) if status else (0, 0)
            certain = version_of(outcome.item.input) == fact.version  # else another file's content may have been read
            done = replace(fact, state=DONE, output_size=size, output_mtime_ns=mtime_ns, certain=certain)
            desk.ledger.set(relative, done)
            desk.tending.translated(outcome, fact.version)
        else:
            again = desk.tending.retries.failed(outcome.item.key, fact.version, desk.clock())
            desk.ledger.set(relative, replace(fact, state=FAILED, problem=outcome.error))
            desk.tending.failed(outcome.item, outcome.error, fact.version, again)

    def _is_another_now(self, outcome: Outcome) -> bool:
        """Whether a picture has failed that is gone or another one by now: that is no failure, and it is met anew."""
        desk, relative = self._desk, os.fsdecode(outcome.item.source)
        fact = desk.ledger[relative]
        if outcome.temporary or fact is None:
            return False
        now = version_of(outcome.item.input)
        if now is None:
            desk.ledger.forget(relative)
            return True
        if now == fact.version:
            return False
        desk.ledger.forget(relative)
        desk.settling.see(relative, now, desk.clock())
        return True


def status_of(path: Path) -> os.stat_result | None:
    """Return the status of a file, None if it is not there."""
    try:
        return path.lstat()
    except OSError:
        return None


def version_of(path: Path) -> Version | None:
    """Return what tells the present state of a file, None if it is not there."""
    try:
        return Version.of(path.stat())
    except OSError:
        return None
