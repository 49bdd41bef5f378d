"""From finished files to objects in a store: in the order that lets the next run know what it finds there."""

import os
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from imgtrans.batch.commit import Stand, failed, intent
from imgtrans.batch.plan import Recipe
from imgtrans.journal.far import FarJournal
from imgtrans.protocols import Outcome
from imgtrans.storage.address import Address, standing
from imgtrans.storage.explained import ObjectError
from imgtrans.storage.store import AT_ONCE, md5_of
from imgtrans.storage.threads import in_order
from imgtrans.storage.versions import Version, version_of_content

# For how long outcomes come together before they go to a store, as each group of them costs requests of its own.
GATHER_SECONDS = 0.5


def upload(outcomes: Sequence[Outcome], recipe: Recipe, journal: FarJournal, stand: Stand) -> list[Outcome]:
    """Make a group of outcomes final: a note of what is about to be written, the objects, done.

    By the note the next run knows an output as ours if this one is killed before its next snapshot: the store tells of
    which size and version it is.

    Returns:
        The outcomes; one whose output could not be written has failed. No file is left of any.

    Raises:
        FilesError: If nothing can be written there any more.
    """
    written = [outcome for outcome in outcomes if outcome.temporary]
    intents = {
        outcome.item.key: intent(outcome.item, _expected(outcome), recipe, journal, stand) for outcome in written
    }
    journal.intend([*intents.values()])
    versions: dict[bytes, Version | str] = {}
    calls = [partial(_put, outcome) for outcome in written]
    for outcome, version in zip(written, in_order(calls, AT_ONCE), strict=True):
        versions[outcome.item.key] = version
    final, entries = [], []
    for outcome in outcomes:
        made = versions.get(outcome.item.key, "")
        if isinstance(made, Version):
            entry = replace(intents[outcome.item.key], state="done", before_size=0, before_mtime_ns=0)
            entries.append(replace(entry, output_size=made.size, output_mtime_ns=made.number))
            final.append(outcome)
        else:
            final.append(replace(outcome, temporary=None, error=made or outcome.error))
            entries.append(failed(final[-1], recipe, journal, stand))
    journal.record(entries)
    return final


def _expected(outcome: Outcome) -> os.stat_result:
    """Return what the store will most likely say of an output."""
    assert outcome.temporary is not None
    version = version_of_content(outcome.temporary.stat().st_size, md5_of(outcome.temporary))
    return standing(_place(outcome), version.size, version.number)


def _put(outcome: Outcome) -> Version | str:
    """Put an output in its place; return its version, or why that cannot be."""
    assert outcome.temporary is not None
    place = _place(outcome)
    try:
        version = place.store.put(outcome.temporary, place)
    except ObjectError as error:
        return f"{place} cannot be written: {error.strerror}."
    outcome.temporary.unlink(missing_ok=True)
    return version


def _place(outcome: Outcome) -> Address:
    assert isinstance(outcome.item.output, Address)
    return outcome.item.output
