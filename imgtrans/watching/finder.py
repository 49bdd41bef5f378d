"""Decides about files of a watched folder, one version of one file at a time, and opens only what is new."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from imgtrans.batch.lookahead import ReadyFolders
from imgtrans.batch.plan import Decision, decide
from imgtrans.batch.request import Prepared
from imgtrans.finding.destination import item_for
from imgtrans.finding.file import Found
from imgtrans.finding.file import look as look_at
from imgtrans.finding.outputs import KnownOutputs
from imgtrans.images.refused import header_of, other_kind, picture_not_read
from imgtrans.journal.entry import Entry
from imgtrans.journal.writing import Journal
from imgtrans.protocols import Item
from imgtrans.watching.ledger import ASIDE, DONE, FAILED, REFUSED, Fact, Ledger
from imgtrans.watching.seeing.version import Version

RENAMED = "renamed"


@dataclass(frozen=True)
class Verdict:
    """What is done about a file.

    Attributes:
        state: ``todo``, ``done`` (before), ``refused``, ``failed`` (there is no picture in it yet), ``renamed`` (its
            output can be copied) or ``aside``.
        item: The picture; None if it is none.
        problem: Why it is refused or has failed, one sentence.
        before: Where the output of a renamed picture is.
        is_twin: Whether it is refused because its output is another picture's.
    """

    state: str
    item: Item | None = None
    problem: str = ""
    before: Path | None = None
    is_twin: bool = False


class Finder:
    """Decides what is done about settled files.

    Args:
        prepared: What is asked for.
        journal: Of the output folder.
        ledger: What is known of the files; it is asked and not changed.
        outputs: Knows the outputs of imgtrans; None takes them like other pictures.
    """

    def __init__(self, prepared: Prepared, journal: Journal, ledger: Ledger, outputs: KnownOutputs | None) -> None:
        self._prepared = prepared
        self._journal = journal
        self._ledger = ledger
        self._outputs = outputs
        self._output_and_separator = os.fsencode(prepared.destination.folder) + os.fsencode(os.sep)
        (self._inbox,) = prepared.request.inputs
        self._ready: set[Path] = set()

    def known_done(self) -> dict[str, Entry]:
        """Return what the journal knows as done with what is asked for now, by the paths of the sources."""
        recipe = self._prepared.recipe
        return {
            os.fsdecode(entry.source): entry
            for entry in self._journal.done()
            if (entry.model, entry.settings) == (recipe.model, recipe.settings) and self._goes_there(entry)
        }

    def _goes_there(self, entry: Entry) -> bool:
        """Whether a source's output would be called so now, as far as its name tells; its format decides the rest."""
        output = Path(os.fsdecode(entry.output))
        place = self._prepared.destination.place(self._inbox, Path(os.fsdecode(entry.source)))
        named = output.name.startswith(place.stem) and output.name[len(place.stem) :].startswith(".")
        return output.parent == place.parent and (named or output.name == place.name)

    def is_done(self, version: Version, entry: Entry) -> bool:
        """Whether a version of a file is what the journal says an output was made of, and that stands."""
        if (entry.size, entry.mtime_ns) != (version.size, version.mtime_ns):
            return False
        return self.stands(entry.output, entry.output_size, entry.output_mtime_ns)

    def stands(self, key: bytes, size: int, mtime_ns: int) -> bool:
        """Whether an output is there as it was made."""
        try:
            status = os.lstat(self._output_and_separator + key)  # at each look for each output
        except OSError:
            return False
        return (status.st_size, status.st_mtime_ns) == (size, mtime_ns)

    def judge(self, relative: str, version: Version, *, again: bool = False) -> Verdict:
        """Decide about a version of a file, which is opened for it.

        Args:
            relative: Its path below the inbox.
            version: What it is now.
            again: Whether it is known that its content is another one though size and time say that it is done.
        """
        found = look_at(self._inbox / relative, Path(relative), self._inbox)
        if found.format and self._outputs is not None and self._outputs.made(found):
            return Verdict(ASIDE)
        if not found.format and not found.problem:
            return Verdict(ASIDE)
        item = item_for(found, self._prepared.destination)
        if found.problem and not _may_become_one(found):
            return Verdict(REFUSED, item, found.problem)
        if problem := self._twin(relative, item):
            return Verdict(REFUSED, item, problem, is_twin=True)
        if found.problem:
            return Verdict(FAILED, item, found.problem)
        decision = decide(item, self._prepared.recipe, self._journal, self._prepared.policy)
        if decision.state == "done" and again:
            decision = Decision(item, "todo")
        if decision.state != "todo":
            return Verdict(decision.state, item, decision.problem)
        if problem := self._unready(item.output.parent):
            return Verdict(REFUSED, item, problem)
        if not again and (before := self._before(relative, version, found)):
            return Verdict(RENAMED, item, before=before)
        return Verdict("todo", item)

    def _unready(self, folder: Path) -> str:
        """Return why an output folder cannot be used; "" if it can. It is made, or made again if it was taken away.

        Temporaries are swept from it the first time only: later there may be some that are being written.
        """
        if folder in self._ready and folder.is_dir():
            return ""
        problem = ReadyFolders(self._prepared.policy.named).problem(folder)
        if not problem:
            self._ready.add(folder)
        return problem

    def _twin(self, relative: str, item: Item) -> str:
        """Return why a file cannot have its output as another one has it already; "" if it can."""
        other = self._ledger.owner(item.key)
        if other is None:
            known = self._journal.entry(item.key)
            other = os.fsdecode(known.source) if known and known.state == "done" else None
        if other is None or other == relative or not os.path.lexists(self._inbox / other):
            return ""
        mine, others = self._inbox / relative, self._inbox / other
        return f"{others} and {mine} would both become {item.output}, and the first one has; rename one of them."

    def _before(self, relative: str, version: Version, found: Found) -> Path | None:
        """Return the output of a file that only has another name now, if it would be made alike."""
        known = self._ledger.before(version)
        if known is None:
            return None
        other, fact = known
        if os.path.lexists(self._inbox / other) or not self.stands(fact.key, fact.output_size, fact.output_mtime_ns):
            return None
        path = self._prepared.destination.folder / os.fsdecode(fact.key)
        like = item_for(replace(found, relative=Path(other)), self._prepared.destination)
        return path if like.key == fact.key and path.suffix.lower() == Path(relative).suffix.lower() else None


def _may_become_one(found: Found) -> bool:
    """Whether a file without a picture in it may only not be whole yet; others are of another kind."""
    try:
        return not (picture_not_read(found.path) or other_kind(header_of(found.path)))
    except OSError:  # nobody may read it
        return False


def fact_of(verdict: Verdict, version: Version, output: Callable[[Item], "os.stat_result | None"]) -> Fact:
    """Return what is kept of a verdict that asks for no work."""
    if verdict.item is None:
        return Fact(version, ASIDE)
    if verdict.state == DONE and (status := output(verdict.item)):
        return Fact(version, DONE, verdict.item.key, status.st_size, status.st_mtime_ns)
    return Fact(version, verdict.state, verdict.item.key, problem=verdict.problem)
