"""From finished temporaries to outputs: in the order that survives a power cut."""

import os
from collections.abc import Sequence
from dataclasses import replace

from imgtrans.batch.journal import Entry, Journal
from imgtrans.batch.plan import Recipe
from imgtrans.files import fsync_folder
from imgtrans.protocols import Outcome


def commit(outcomes: Sequence[Outcome], recipe: Recipe, journal: Journal) -> list[Outcome]:
    """Make a group of outcomes final: the temporaries are on disk, so intent, rename, folder, done.

    The intent lets the next run know an output as ours when the power fails between rename and done.

    Returns:
        The outcomes; one whose output could not be put in its place has failed.
    """
    intents: dict[bytes, Entry] = {
        outcome.item.key: recipe.entry(outcome.item, "writing", outcome.temporary.stat())
        for outcome in outcomes
        if outcome.temporary
    }
    journal.record(intents.values())
    final = [_put_in_place(outcome) for outcome in outcomes]
    for folder in {outcome.item.output.parent for outcome in final if outcome.temporary}:
        fsync_folder(folder)
    journal.record(
        replace(intents[outcome.item.key], state="done") if outcome.temporary else _failed(outcome, recipe, journal)
        for outcome in final
    )
    return final


def _put_in_place(outcome: Outcome) -> Outcome:
    if not outcome.temporary:
        return outcome
    try:
        os.replace(outcome.temporary, outcome.item.output)
    except OSError as error:
        outcome.temporary.unlink(missing_ok=True)
        return replace(outcome, temporary=None, error=f"{outcome.item.output} cannot be written: {error.strerror}.")
    return outcome


def _failed(outcome: Outcome, recipe: Recipe, journal: Journal) -> Entry:
    entry = recipe.entry(outcome.item, "failed", error=outcome.error)
    before = journal.entry(outcome.item.key)  # an older output of ours stays known as ours
    if before is None:
        return entry
    return replace(entry, output_size=before.output_size, output_mtime_ns=before.output_mtime_ns)
