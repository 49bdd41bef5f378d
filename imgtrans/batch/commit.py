"""From finished temporaries to outputs: in the order that survives a power cut."""

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from imgtrans.batch.plan import Recipe
from imgtrans.files import cannot_go_on, fsync_folder
from imgtrans.journal.entry import Entry
from imgtrans.journal.writing import Journal
from imgtrans.protocols import Item, Outcome

Stand = Callable[[Path], os.stat_result]  # returns what stands in an output's place, or raises OSError


def commit(outcomes: Sequence[Outcome], recipe: Recipe, journal: Journal, stand: Stand = Path.lstat) -> list[Outcome]:
    """Make a group of outcomes final: the temporaries are on disk, so intent, rename, folder, done.

    The intent lets the next run know an output as ours when the power fails between rename and done.

    Returns:
        The outcomes; one whose output could not be put in its place has failed.

    Raises:
        FilesError: If nothing can be written there any more (a full disk); no temporary is left then.
    """
    try:
        return _commit(outcomes, recipe, journal, stand)
    except (Exception, KeyboardInterrupt, SystemExit):
        for outcome in outcomes:
            if outcome.temporary:
                outcome.temporary.unlink(missing_ok=True)
        raise


def _commit(outcomes: Sequence[Outcome], recipe: Recipe, journal: Journal, stand: Stand) -> list[Outcome]:
    intents: dict[bytes, Entry] = {
        outcome.item.key: intent(outcome.item, outcome.temporary.stat(), recipe, journal, stand)
        for outcome in outcomes
        if outcome.temporary
    }
    journal.record(intents.values())
    final = [_put_in_place(outcome) for outcome in outcomes]
    for folder in {outcome.item.output.parent for outcome in final if outcome.temporary}:
        fsync_folder(folder)
    journal.record(
        replace(intents[outcome.item.key], state="done", before_size=0, before_mtime_ns=0)
        if outcome.temporary
        else failed(outcome, recipe, journal, stand)
        for outcome in final
    )
    return final


def intent(item: Item, written: os.stat_result, recipe: Recipe, journal: Journal, stand: Stand) -> Entry:
    """Return what is noted before an output is put in its place."""
    size, mtime_ns = _older_output(item, journal, stand)
    return replace(recipe.entry(item, "writing", written), before_size=size, before_mtime_ns=mtime_ns)


def failed(outcome: Outcome, recipe: Recipe, journal: Journal, stand: Stand) -> Entry:
    """Return what is noted of a picture that has failed."""
    known = journal.entry(outcome.item.key)
    size, mtime_ns = _older_output(outcome.item, journal, stand)  # it stays known as ours
    if known and not size:  # and if somebody's file stands there just now, ours may come back
        size, mtime_ns = known.output_size, known.output_mtime_ns
    entry = recipe.entry(outcome.item, "failed", error=outcome.error)
    return replace(entry, output_size=size, output_mtime_ns=mtime_ns)


def _older_output(item: Item, journal: Journal, stand: Stand) -> tuple[int, int]:
    """Return size and time of what stands at an output's place, if we made it."""
    try:
        status = stand(item.output)
    except OSError:
        return 0, 0
    known = journal.entry(item.key, status)
    return (status.st_size, status.st_mtime_ns) if known and known.made(status) else (0, 0)


def _put_in_place(outcome: Outcome) -> Outcome:
    if not outcome.temporary:
        return outcome
    try:
        os.replace(outcome.temporary, outcome.item.output)
    except OSError as error:
        if fatal := cannot_go_on(outcome.item.output.parent, error):
            raise fatal from error
        outcome.temporary.unlink(missing_ok=True)
        return replace(outcome, temporary=None, error=f"{outcome.item.output} cannot be written: {error.strerror}.")
    return outcome
