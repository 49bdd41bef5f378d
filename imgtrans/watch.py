"""A folder that keeps filling: wait until a file is whole, hand it on, never twice."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator

from watchdog.events import DirModifiedEvent, FileModifiedEvent, FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

from imgtrans.batch.lookahead import ReadyFolders
from imgtrans.batch.plan import Decision, decide
from imgtrans.batch.request import Prepared
from imgtrans.batch.run import Translating, execute, opened_journal, record_refused
from imgtrans.errors import FilesError, UsageError
from imgtrans.finding.pictures import items_below
from imgtrans.journal.writing import Journal
from imgtrans.protocols import Item
from imgtrans.watching.after import Version
from imgtrans.watching.tending import Tending

# Events are lost on network shares and under load; a look at the whole folder now and then finds what they missed.
RESCAN_SECONDS = 30.0
POLL_SECONDS = 0.5

State = tuple[int, int]  # size and mtime_ns: what a file must keep to count as whole


class Settling:
    """Decides when files have stopped changing.

    Args:
        seconds: How long a file must stay unchanged.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._since: dict[bytes, tuple[State, float]] = {}
        self._handed_on: dict[bytes, State] = {}

    @property
    def waiting(self) -> int:
        """How many files have not settled yet."""
        return len(self._since)

    def again(self, key: bytes) -> None:
        """Hand a file on once more."""
        self._handed_on.pop(key, None)

    def settled(self, items: Iterable[Item], now: float) -> list[Item]:
        """Return the items that are whole at time ``now`` (seconds), each version of a file once.

        Args:
            items: All that is in the folder now; what is not among them is forgotten.
            now: A monotonic time.
        """
        whole = []
        present = set()
        for item in items:
            version = (item.size, item.mtime_ns)
            present.add(item.key)
            if self._handed_on.get(item.key) == version:
                continue
            seen, since = self._since.get(item.key, (None, now))
            if seen != version:
                since = now
            if now - since >= self._seconds:
                whole.append(item)
                self._handed_on[item.key] = version
                self._since.pop(item.key, None)
            else:
                self._since[item.key] = (version, since)
        for known in (self._since, self._handed_on):
            for key in known.keys() - present:
                del known[key]
        return whole


class _Wake(FileSystemEventHandler):
    """Sets an event whenever anything changes; what changed is found by looking."""

    def __init__(self, changed: threading.Event) -> None:
        self._changed = changed

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Something happened, if only somebody reading a file: reading is none of our business."""
        if event.event_type not in ("opened", "closed_no_write") or isinstance(
            event, DirModifiedEvent | FileModifiedEvent
        ):
            self._changed.set()


def watch_folder(
    prepared: Prepared,
    tending: Tending,
    engine: Translating,
    stop: threading.Event,
    *,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Translate what is in a folder and what arrives there, until ``stop`` is set.

    Pictures being worked on when it is set are finished; the others wait for the next time.

    Args:
        prepared: What is asked for.
        tending: Is told what happens.
        engine: Translates.
        stop: Ends it.
        clock: Returns a monotonic time in seconds.

    Raises:
        UsageError: If the input is not one folder.
        FilesError: If the folder disappears, or the output folder is in use or full.
    """
    (inbox,) = prepared.request.inputs
    if not inbox.is_dir():
        raise UsageError(f"{inbox} is not a folder", "imgtrans run translates single pictures")
    changed = threading.Event()
    settling = Settling(tending.conduct.settle)
    with opened_journal(prepared.destination) as journal:
        prepared.check_model(journal)
        where = engine.describe()
        observer = Observer()
        observer.schedule(_Wake(changed), str(inbox), recursive=True)
        observer.start()
        try:
            prepared.begin(journal)
            tending.ready(where)
            while not stop.is_set():
                changed.clear()
                todo: list[Item] = []
                versions: dict[bytes, Version] = {}
                refused = []
                for decision in _decide_settled(prepared, settling, journal, clock()):
                    item = decision.item
                    try:
                        version = versions[item.key] = Version.of(item.input.stat())
                    except OSError:
                        continue
                    if decision.state == "todo":
                        todo.append(item)
                    elif decision.state == "done":
                        tending.known(item, version)
                    elif decision.state == "refused":
                        tending.failed(item, decision.problem, version, None)
                        refused.append(decision)
                record_refused(refused, prepared.recipe, journal)
                tending.looked(journal, waiting=settling.waiting, todo=len(todo))
                if todo:
                    for outcome in execute(todo, engine, prepared.recipe, journal, stop=stop):
                        version = versions[outcome.item.key]
                        if outcome.temporary:
                            tending.translated(outcome, version)
                        else:
                            again = tending.retries.failed(outcome.item.key, version, clock())
                            tending.failed(outcome.item, outcome.error, version, again)
                    continue
                for key in tending.retries.due(clock()):
                    settling.again(key)
                    changed.set()
                if settling.waiting:
                    tending.idle(waiting=settling.waiting)
                    stop.wait(POLL_SECONDS)
                elif tending.conduct.once and tending.retries.seconds(clock()) is None:
                    return
                else:
                    tending.idle(waiting=0)
                    _wait_for_any(
                        stop, changed, min(RESCAN_SECONDS, tending.retries.seconds(clock()) or RESCAN_SECONDS)
                    )
        finally:
            observer.stop()
            observer.join()


def _decide_settled(prepared: Prepared, settling: Settling, journal: Journal, now: float) -> Iterator[Decision]:
    if not prepared.request.inputs[0].is_dir():
        raise FilesError(f"{prepared.request.inputs[0]} is not there any more")
    ready = ReadyFolders(prepared.policy.named)  # made anew each time: somebody may have taken one away
    problems: dict[bytes, str] = {}
    for item in settling.settled(_items(prepared, problems), now):
        decision = Decision(item, "refused", problems[item.key])
        if not decision.problem:
            decision = decide(item, prepared.recipe, journal, prepared.policy)
        if decision.state == "todo" and (problem := ready.problem(item.output.parent)):
            decision = Decision(item, "refused", problem)
        yield decision


def _items(prepared: Prepared, problems: dict[bytes, str]) -> Iterator[Item]:
    """Yield what is in the inbox; of two files that would make one output only the first."""
    for item, found in items_below(prepared.request.inputs[0], prepared.destination, prepared.selection):
        if item is not None and item.key not in problems:
            problems[item.key] = found.problem
            yield item


def _wait_for_any(stop: threading.Event, changed: threading.Event, seconds: float) -> None:
    """Wait until either event is set, or the time is over."""
    deadline = time.monotonic() + seconds
    while not stop.is_set() and not changed.wait(POLL_SECONDS) and time.monotonic() < deadline:
        pass
