"""What is done about files that have settled, each only when it is its turn, so that none waits for a burst."""

import os
import threading
import time
from collections.abc import Callable

from imgtrans.batch.commit import commit
from imgtrans.protocols import Item, Outcome
from imgtrans.watching.desk import Desk
from imgtrans.watching.finder import RENAMED, Finder, fact_of
from imgtrans.watching.ledger import BUSY, DONE, FAILED, REFUSED
from imgtrans.watching.queueing import Queue
from imgtrans.watching.results import Results, status_of, version_of
from imgtrans.watching.seeing.version import Version
from imgtrans.watching.seeing.writers import is_written

_SLICE_SECONDS = 0.02  # for files that are not to be translated, before somebody looks what has come meanwhile


class Settled:
    """Files that have settled, and what is done about them.

    Args:
        desk: What is worked with.
        finder: Decides about files.
        results: Takes what is known of a picture without translating it.
        written: Files of which an event told, so that the content may be another one.
        gone: Is told of a file that is not there any more.
    """

    def __init__(
        self, desk: Desk, finder: Finder, results: Results, written: set[str], gone: Callable[[str], None]
    ) -> None:
        self._desk, self._finder, self._results, self._written, self._gone = desk, finder, results, written, gone
        self._queue = Queue()

    def __len__(self) -> int:
        """How many nothing has been decided about."""
        return len(self._queue)

    def add(self, now: float) -> None:
        """Take what has settled by now."""
        self._queue.add(self._desk.settling.due(now), now)

    def next(self, now: float, stop: threading.Event) -> Item | None:
        """Return the next picture that is to be translated, if one is found within a moment.

        Raises:
            AwayError: If a folder is not the one it was.
            FilesError: If nothing can be written any more.
        """
        until = time.perf_counter() + _SLICE_SECONDS
        refused: list[Outcome] = []
        item = None
        while item is None and not stop.is_set() and (relative := self._queue.next()) is not None:
            item = self._decide(relative, now, refused)
            if time.perf_counter() >= until:
                break
        if refused:
            commit(refused, self._desk.prepared.recipe, self._desk.journal)
        return item

    def _decide(self, relative: str, now: float, refused: list[Outcome]) -> Item | None:
        """Decide about a file that waited; return it if it is to be translated."""
        desk = self._desk
        version = desk.settling.take(relative, now)
        if version is None:  # it has changed, or gone, while it waited
            return None
        path = desk.inbox / relative
        current = version_of(path)
        if current is None:
            desk.ground.check()
            current = version_of(path)  # whose disk may have come back before that
        if current is None:
            self._gone(relative)
            return None
        fact = desk.ledger[relative]
        in_hand = fact is not None and fact.state == BUSY
        if current != version or in_hand or is_written(os.fspath(path)):
            desk.settling.see(relative, current, now)
            return None
        return self._judge(relative, version, now, refused)

    def _judge(self, relative: str, version: Version, now: float, refused: list[Outcome]) -> Item | None:
        desk = self._desk
        before = desk.ledger[relative]
        again = before is not None and before.version != version and relative in self._written
        self._written.discard(relative)
        desk.ground.check()  # folders for outputs are made now, and not where the outputs' disk was
        verdict = self._finder.judge(relative, version, again=again)
        item = verdict.item
        if item is not None and verdict.state in ("todo", RENAMED):
            desk.ledger.begin(relative, version, item)
            if verdict.before is None:
                return item
            self._results.copy(item, verdict.before)
            return None
        told = before is not None and before.state == REFUSED and before.problem == verdict.problem
        desk.ledger.set(relative, fact_of(verdict, version, lambda one: status_of(one.output)))
        if item is not None and verdict.state == DONE:
            desk.tending.known(item, version)
        elif item is not None and verdict.state == FAILED:  # it may be an upload that has only just begun
            desk.tending.failed(item, verdict.problem, version, desk.tending.retries.failed(item.key, version, now))
            refused.append(Outcome(item, None, verdict.problem))
        elif item is not None and not told:
            desk.tending.failed(item, verdict.problem, version, None)
            if desk.ledger.owner(item.key) is None and not verdict.is_twin:  # else the entry is another file's
                refused.append(Outcome(item, None, verdict.problem))
        return None
