"""What there is to do: each picture that is met becomes work, a skip or a failure."""

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from imgtrans.finding.file import Found
from imgtrans.finding.inputs import Named
from imgtrans.finding.pictures import Aside
from imgtrans.finding.twins import Met
from imgtrans.images.written import written_format
from imgtrans.journal.entry import Entry, LastRun
from imgtrans.protocols import Item
from imgtrans.storage.address import Address


@dataclass
class Tally:
    """How many files of each kind a plan has met so far.

    Attributes:
        todo: Pictures to translate.
        done: Pictures whose translation is there already.
        refused: Pictures that will not be tried.
        ignored: Files that are no pictures.
        outputs: Pictures that imgtrans itself has made, which are left alone.
        converted: Pictures of a format that cannot be written.
        size: Bytes of the pictures to translate.
        complete: Whether all has been met.
        aside: What else was met on the way.
    """

    todo: int = 0
    done: int = 0
    refused: int = 0
    ignored: int = 0
    outputs: int = 0
    converted: int = 0
    size: int = 0
    complete: bool = False
    aside: Aside = field(default_factory=Aside)

    @property
    def met(self) -> int:
        """How many files have been met."""
        return self.todo + self.done + self.refused + self.ignored + self.outputs

    def counts(self) -> dict[str, int]:
        """Return all numbers, for a program to read."""
        numbers = {name: value for name, value in vars(self).items() if isinstance(value, int)}
        return {**numbers, "unmatched": self.aside.unmatched}


@dataclass(frozen=True)
class Decision:
    """What is done with one picture.

    Attributes:
        item: The picture.
        state: ``todo``, ``done``, ``refused``, or ``ignored`` if it is no picture to translate.
        problem: The sentence that says why it is refused, or what it is.
    """

    item: Item
    state: str
    problem: str = ""


class Records(Protocol):
    """What a plan asks of journals."""

    def last_runs(self) -> list[LastRun]:
        """Return what is known of the last run, or of each shard of it; the latest first."""
        ...

    def has_output_of(self, model: str) -> bool:
        """Whether an output is known that was made by a model, known by the sha256 of its weights."""
        ...

    def entry(self, output: bytes, stands: os.stat_result | None = None) -> Entry | None:
        """Return what is known of an output; of several the one that tells of what stands in its place."""
        ...


@dataclass(frozen=True)
class Recipe:
    """What decides an output besides its input, as the journal keeps it.

    Attributes:
        model: sha256 of the model's weights.
        settings: Everything else.
    """

    model: str
    settings: str

    def entry(self, item: Item, state: str, output: os.stat_result | None = None, error: str = "") -> Entry:
        """Return the journal's entry for a picture made by this recipe."""
        size, mtime_ns = (output.st_size, output.st_mtime_ns) if output else (0, 0)
        return Entry(
            item.key,
            item.source,
            item.size,
            item.mtime_ns,
            self.model,
            self.settings,
            state,
            size,
            mtime_ns,
            error,
            input=os.fsencode(item.input.absolute()),
        )


@dataclass(frozen=True)
class Policy:
    """What is done where an output stands already.

    Attributes:
        overwrite: Whether files that imgtrans did not make are replaced.
        force: Whether what is done is done again.
        only_failed: Whether nothing is done but what failed when it was last tried.
        named: What the user named, which is never written over.
        stand: Returns what stands in an output's place, or raises `OSError`.
        far: Whether that is in a store, which alone says what version a thing that was written there is of.
    """

    overwrite: bool = False
    force: bool = False
    only_failed: bool = False
    named: Named | None = None
    stand: Callable[[Path], os.stat_result] = Path.lstat
    far: bool = False

    def made(self, known: Entry, stands: os.stat_result) -> bool:
        """Whether what stands in an output's place is one that we made.

        In a store, what is of the size that was about to be written there is, too, though it may be done again.
        """
        return known.made(stands) or (self.far and known.state == "writing" and stands.st_size == known.output_size)


def decisions(
    met: Iterable[Met], recipe: Recipe, records: Records, policy: Policy, tally: Tally, limit: int = 0
) -> Iterator[Decision]:
    """Decide on each picture as it is met, and count.

    Args:
        met: The files that are met; see :func:`imgtrans.finding.pictures.discover`.
        recipe: What is to be made of them.
        records: What was made before.
        policy: What is done where an output stands already.
        tally: Counts them.
        limit: After so many to translate it ends; 0 is never.
    """
    for item, found in met:
        if item is not None and policy.only_failed and not _has_failed(records.entry(item.key)):
            continue
        if item is None:
            tally.outputs += found.made
            tally.ignored += not found.made
            yield _ignored(found)
            continue
        decision = Decision(item, "refused", found.problem) if found.problem else decide(item, recipe, records, policy)
        tally.refused += decision.state == "refused"
        tally.done += decision.state == "done"
        if decision.state == "todo":
            tally.todo += 1
            tally.size += item.size
        tally.converted += bool(found.format) and found.format != written_format(found.format) == "PNG"
        yield decision
        if limit and tally.todo == limit:
            break
    tally.complete = True


def decide(item: Item, recipe: Recipe, records: Records, policy: Policy) -> Decision:
    """Decide on one picture by what stands where its output would go."""
    try:
        status = policy.stand(item.output)
    except OSError:
        return Decision(item, "todo")
    if _is_input(item, status) or (policy.named and policy.named.is_one(status)):
        return Decision(item, "refused", f"{item.output} is an input itself, which imgtrans never writes over.")
    known = records.entry(item.key, status)
    ours = known is not None and policy.made(known, status)
    if known and ours and known.state in ("writing", "done") and _same(known, recipe.entry(item, known.state, status)):
        return Decision(item, "todo" if policy.force else "done")
    if ours or policy.overwrite:
        return Decision(item, "todo")
    return Decision(
        item,
        "refused",
        f"{item.output} is there already and was not made by imgtrans; --overwrite would replace it.",
    )


def _ignored(found: Found) -> Decision:
    nowhere = Item(found.path, Path(), b"", os.fsencode(found.relative), found.format, found.size, found.mtime_ns)
    return Decision(nowhere, "ignored", "made by imgtrans" if found.made else "not a picture")


def _is_input(item: Item, output: os.stat_result) -> bool:
    if isinstance(item.input, Address):  # which would be asked for its version
        return item.input.samefile(item.output)
    try:
        return os.path.samestat(item.input.stat(), output)
    except OSError:
        return False


def _has_failed(known: Entry | None) -> bool:
    return known is not None and known.state == "failed"


def _same(known: Entry, wanted: Entry) -> bool:
    return replace(known, before_size=0, before_mtime_ns=0, input=wanted.input) == wanted
