"""Goes ahead of the work: finds what is to do in a thread of its own, as far as a bounded queue lets it."""

import queue
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from imgtrans.batch.plan import Decision
from imgtrans.errors import FilesError
from imgtrans.files import cannot_go_on, sweep_temporaries
from imgtrans.finding.inputs import Named
from imgtrans.protocols import Item

AHEAD = 4096  # pictures; a few megabytes
_LOOK_SECONDS = 0.1
_GRACE_SECONDS = 5.0  # for a share that does not answer, when everything ends


class Lookahead:
    """An iterator of what is to be translated, fed by a thread that plans.

    Args:
        decisions: What there is; everything else than ``todo`` is told and passed over.
        tell: Is told of these; also of what is to do and cannot be, since its output folder cannot be made. It is
            called in any thread, one at a time.
        ready: Makes the folders that they go to.

    Attributes:
        found: How many there are to do, so far.
    """

    def __init__(self, decisions: Iterator[Decision], tell: Callable[[Decision], None], ready: "ReadyFolders") -> None:
        self._decisions = decisions
        self._tell = tell
        self._ready = ready
        self._todo: queue.Queue[Item | None] = queue.Queue(AHEAD)
        self.found = 0
        self._stopped = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._look_ahead, name="lookahead", daemon=True)
        self._first: Item | None = None
        self._taking, self._telling = threading.Lock(), threading.Lock()

    def __enter__(self) -> "Lookahead":
        """Start to look ahead."""
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        """Stop, whether all has been found or not."""
        self._stopped.set()
        self._thread.join(_GRACE_SECONDS)

    def finds_anything(self, meanwhile: Callable[[], None] = lambda: None) -> bool:
        """Wait until there is something to do; return False if there is nothing at all.

        Args:
            meanwhile: Is called now and then.

        Raises:
            FilesError: If planning has failed.
        """
        self._first = self._next(meanwhile)
        self.check()
        return self._first is not None

    def wait(self, seconds: float) -> None:
        """Wait until all is found, or as much as is looked ahead, but no longer than that."""
        ended = time.monotonic() + seconds
        while self._thread.is_alive() and not self._todo.full() and (left := ended - time.monotonic()) > 0:
            self._thread.join(min(left, _LOOK_SECONDS))

    def check(self) -> None:
        """Raise what has ended the planning, if anything has.

        Raises:
            FilesError: If two inputs would make one output, say.
        """
        if self._error:
            raise self._error

    def __iter__(self) -> Iterator[Item]:
        """Iterate."""
        return self

    def __next__(self) -> Item:
        """Return what is to be done next, its output folder made; what cannot be planned ends it, for :meth:`check`."""
        with self._taking:
            while (item := self._first or self._next()) is not None:
                self._first = None
                try:
                    problem = self._ready.problem(item.output.parent)
                    if not problem:
                        return item
                    self._say(Decision(item, "refused", problem))
                except FilesError as error:
                    self._error = error
                    self._stopped.set()
        raise StopIteration

    def _next(self, meanwhile: Callable[[], None] = lambda: None) -> Item | None:
        while not self._stopped.is_set():
            try:
                item = self._todo.get(timeout=_LOOK_SECONDS)
            except queue.Empty:
                meanwhile()
                continue
            if item is None:
                self._todo.put(None)  # for whoever asks again
            return item
        return None

    def _look_ahead(self) -> None:
        try:
            for decision in self._decisions:
                if self._stopped.is_set():
                    return
                if decision.state == "todo":
                    self._put(decision.item)
                    self.found += 1
                else:
                    self._say(decision)
        except BaseException as error:
            self._error = error
        self._put(None)

    def _put(self, item: Item | None) -> None:
        while not self._stopped.is_set():
            try:
                self._todo.put(item, timeout=_LOOK_SECONDS)
            except queue.Full:
                continue
            return

    def _say(self, decision: Decision) -> None:
        with self._telling:
            if not self._stopped.is_set():
                self._tell(decision)


class ReadyFolders:
    """Makes output folders and clears them of an interrupted run's temporaries, each once.

    Args:
        named: What the user named, no folder of which is one.
        tag: Of these temporaries.
    """

    def __init__(self, named: Named | None = None, tag: str = "") -> None:
        self._named = named
        self._tag = tag
        self._known: dict[Path, str] = {}

    def problem(self, folder: Path) -> str:
        """Return why a folder cannot be used, one sentence; "" if it can.

        Raises:
            FilesError: If nothing can be written any more (a full disk).
        """
        if folder not in self._known:
            self._known[folder] = self._make_ready(folder)
        return self._known[folder]

    def _make_ready(self, folder: Path) -> str:
        if self._named and (holder := self._named.holding(folder)):  # by a link that stands where outputs go
            return f"{folder} is in {holder}, which is an input; imgtrans never writes into its inputs."
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            if fatal := cannot_go_on(folder, error):
                raise fatal from error
            return f"the folder {folder} cannot be made: {error.strerror}."
        sweep_temporaries(folder, self._tag)
        return ""
