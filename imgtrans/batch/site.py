"""Where a run works: folders of this machine, or a store from which pictures come or to which they go."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from imgtrans.batch.commit import commit
from imgtrans.batch.folders import opened_journal
from imgtrans.batch.plan import Decision, Policy, Records
from imgtrans.batch.request import Prepared
from imgtrans.batch.staging import Staging
from imgtrans.batch.uploading import upload
from imgtrans.errors import FilesError
from imgtrans.finding.listing import names_addresses
from imgtrans.images.written import output_name
from imgtrans.journal.far import FarJournal
from imgtrans.journal.fetching import fetch_journals
from imgtrans.journal.reading import JournalReader
from imgtrans.journal.writing import Journal
from imgtrans.protocols import Item, Outcome
from imgtrans.storage.address import Address
from imgtrans.storage.listings import Listings

Tell = Callable[[Decision], None]


class Site(Protocol):
    """Where a run works.

    Attributes:
        policy: What is done where outputs stand already.
    """

    policy: Policy

    def __enter__(self) -> "Site":
        """Use it."""
        ...

    def __exit__(self, *exception: object) -> None:
        """Leave nothing behind that was only on its way."""
        ...

    def journal(self) -> AbstractContextManager[Journal]:
        """Open the journal of the output folder, which a run has alone."""
        ...

    def records(self) -> AbstractContextManager[Records]:
        """Open what journals say, for who changes nothing."""
        ...

    def items(self, items: Iterator[Item], tell: Tell) -> Iterator[Item]:
        """Yield items as they can be worked on here; tell of those that cannot be."""
        ...

    def sample(self, item: Item) -> Item | None:
        """Return an item that can be looked at here; None if it would have to be fetched and enough were."""
        ...

    def finish(self, outcomes: Sequence[Outcome], journal: Journal) -> list[Outcome]:
        """Put outputs in their places, and return what became of each picture."""
        ...


class Folders:
    """A run that reads and writes files of this machine.

    Args:
        prepared: What is asked for.
    """

    def __init__(self, prepared: Prepared) -> None:
        self._prepared = prepared
        self.policy = prepared.policy

    def __enter__(self) -> "Folders":
        """Use them."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Do nothing."""

    def journal(self) -> AbstractContextManager[Journal]:
        """Open the journal in the output folder."""
        return opened_journal(self._prepared.destination, self._prepared.shard.tag)

    def records(self) -> AbstractContextManager[Records]:
        """Open what its journals say."""
        return JournalReader(self._prepared.destination.folder)

    def items(self, items: Iterator[Item], tell: Tell) -> Iterator[Item]:
        """Return items as they are."""
        return items

    def sample(self, item: Item) -> Item | None:
        """Return an item as it is."""
        return item

    def finish(self, outcomes: Sequence[Outcome], journal: Journal) -> list[Outcome]:
        """Rename outputs to what they are called."""
        return commit(outcomes, self._prepared.recipe, journal)


class Stores:
    """A run whose pictures come from a store, or go to one, or both.

    Args:
        prepared: What is asked for.
    """

    def __init__(self, prepared: Prepared) -> None:
        self._prepared = prepared
        self._listings = Listings()
        self._staging = Staging(prepared.request.scratch, self._described)
        output = prepared.destination.folder
        self._output = output if isinstance(output, Address) else None
        self.policy = replace(prepared.policy, stand=self._stand, far=self._output is not None)

    def __enter__(self) -> "Stores":
        """Use them."""
        self._listings.__enter__()
        self._staging.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        """Delete what is here."""
        self._staging.__exit__()
        self._listings.__exit__(None, None, None)

    def journal(self) -> AbstractContextManager[Journal]:
        """Open a copy of the journal in the output folder, or the one that the user wants to keep here."""
        tag = self._prepared.shard.tag
        if self._output is None:
            return opened_journal(self._prepared.destination, tag)
        kept = self._prepared.request.journal
        if kept is None:
            return FarJournal(self._output, self._staging.folder, tag, self._listings)
        try:
            kept.mkdir(exist_ok=True)
        except OSError as error:
            raise FilesError(f"--journal: the folder {kept} cannot be made: {error.strerror}") from error
        return FarJournal(self._output, kept, tag, self._listings, kept=True)

    @contextmanager
    def records(self) -> Iterator[Records]:
        """Fetch what its journals say."""
        output, kept = self._output, self._prepared.request.journal
        if output is not None and kept is None:
            kept = self._staging.folder
            fetch_journals(output, kept, "", self._listings)
        with JournalReader(kept or self._prepared.destination.folder) as reader:
            yield reader

    def items(self, items: Iterator[Item], tell: Tell) -> Iterator[Item]:
        """Yield items as they have been fetched."""
        return self._staging.items(items, tell)

    def sample(self, item: Item) -> Item | None:
        """Fetch an item, if not many were."""
        return self._staging.sample(item)

    def finish(self, outcomes: Sequence[Outcome], journal: Journal) -> list[Outcome]:
        """Put outputs where they belong."""
        recipe, stand = self._prepared.recipe, self.policy.stand
        own = [self._staging.back(outcome) for outcome in outcomes]
        try:
            if isinstance(journal, FarJournal):
                return upload(own, recipe, journal, stand)
            return commit(own, recipe, journal, stand)
        finally:
            for outcome in own:
                self._staging.over(outcome.item)

    def _stand(self, path: Path) -> os.stat_result:
        return self._listings.stat(path) if isinstance(path, Address) else path.lstat()

    def _described(self, name: str, format: str) -> str:
        destination = self._prepared.destination
        return output_name(name, format, destination.format, destination.keep_gray)[0]


def site_of(prepared: Prepared) -> Site:
    """Return where a run works."""
    places = (*prepared.request.inputs, prepared.destination.folder)
    if any(isinstance(path, Address) for path in places) or names_addresses(prepared.selection):
        return Stores(prepared)
    return Folders(prepared)
