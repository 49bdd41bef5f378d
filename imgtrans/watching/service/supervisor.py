"""Several inboxes in one process: started together, looked after, reloaded and stopped, each watched by a thread."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from imgtrans.errors import FilesError
from imgtrans.watching.service import metrics
from imgtrans.watching.service.notify import Notifier
from imgtrans.watching.service.place import InboxLock
from imgtrans.watching.service.standing import HUNG_SECONDS, STARTING, STOPPED, STOPPING, Standing
from imgtrans.watching.service.status import StatusFile, watching

BEAT_SECONDS = 0.5
METRICS_SECONDS = 15.0


@dataclass
class Watcher:
    """One inbox that is watched.

    Attributes:
        folder: The inbox.
        standing: How it stands; the thread changes it.
        work: Watches, until the event is set.
        release: Is called once it has ended: lets go of what it has.
        metrics: Where numbers about it are kept; None if nowhere.
    """

    folder: Path
    standing: Standing
    work: Callable[[threading.Event], None]
    release: Callable[[float], None] = lambda seconds: None
    metrics: Path | None = None
    stop: threading.Event = field(default_factory=threading.Event)
    error: BaseException | None = None
    thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to watch."""
        name = self.standing.inbox
        self.thread = threading.Thread(target=self._run, name=f"watching {name}", daemon=True)
        self.thread.start()

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self.thread is not None and self.thread.is_alive()

    def _run(self) -> None:
        try:
            self.work(self.stop)
        except BaseException as error:  # it is for whoever supervises
            self.error = error


class Supervisor:
    """Looks after watchers.

    Args:
        watchers: They.
        folder: Where locks and status files are.
        notifier: Speaks to systemd.
        clock: Returns a monotonic time in seconds.
    """

    def __init__(
        self,
        watchers: Sequence[Watcher],
        folder: Path,
        notifier: Notifier,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._notifier = notifier
        self._folder = folder
        self._clock = clock
        self._metrics_written = self._alive_told = float("-inf")
        self._line = ""
        self._ready = False
        self._next: Sequence[Watcher] | None = None
        self._locks: list[InboxLock] = []
        self._watchers: list[Watcher] = []
        self._files: list[StatusFile] = []
        self._take(watchers)

    def _take(self, watchers: Sequence[Watcher]) -> None:
        try:
            for watcher in watchers:
                self._locks.append(InboxLock(watcher.folder, self._folder))
                if other := watching(watcher.folder):  # with its lock in another folder, as services have
                    raise FilesError(f"{watcher.folder} is watched by another process ({other})", "stop that first")
        except BaseException:
            self._let_go()
            raise
        self._watchers = [*watchers]
        self._files = [StatusFile(watcher.standing, self._folder) for watcher in watchers]

    def start(self) -> None:
        """Begin to watch."""
        for watcher in self._watchers:
            watcher.start()

    def beat(self) -> bool:
        """Tell whoever wants to know how things stand; return whether anybody still watches.

        Raises:
            BaseException: What ended a watcher.
        """
        # Asked before there is a look at errors: who ends with one has noted it by then.
        running = any(watcher.running for watcher in self._watchers)
        for watcher in self._watchers:
            if watcher.error:
                raise watcher.error
        if self._next is not None and not running:
            following, self._next = self._next, None
            self._switch(following)
            running = True
        standings = [watcher.standing for watcher in self._watchers]
        for file in self._files:
            file.beat()
        now = self._clock()
        if now - self._metrics_written >= METRICS_SECONDS:
            self._write_metrics()
        if not self._ready and all(standing.state != STARTING for standing in standings):
            self._ready = True
            self._notifier.ready(self._describe())
        elif (line := self._describe()) != self._line:
            self._line = line
            self._notifier.status(line)
        least = self._notifier.watchdog_seconds / 3
        if least and now - self._alive_told >= least and all(now - s.alive < HUNG_SECONDS for s in standings):
            self._alive_told = now
            self._notifier.alive()
        return running

    def stop(self, seconds: float) -> bool:
        """Have what is in hand finished, and end; return whether all have ended in the time that there is.

        Those that have not begun, and may be loading the model for long, are not waited for.
        """
        deadline = self._clock() + seconds
        begun = [watcher for watcher in self._watchers if watcher.standing.state != STARTING]
        for watcher in self._watchers:
            watcher.stop.set()
            if watcher.running:
                watcher.standing.state = STOPPING
        self._notifier.stopping(self._describe())
        for watcher in begun:
            if watcher.thread:
                watcher.thread.join(max(0.0, deadline - self._clock()))
        ended = not any(watcher.running for watcher in self._watchers)
        if ended:
            for watcher in self._watchers:
                watcher.release(max(0.0, deadline - self._clock()))
        return ended

    def replace(self, watchers: Sequence[Watcher]) -> None:
        """Watch with others, as soon as what is in hand is finished; those of the same inboxes go on counting."""
        self._notifier.reloading()
        self._next = watchers
        for watcher in self._watchers:
            watcher.stop.set()

    def _switch(self, watchers: Sequence[Watcher]) -> None:
        for before in self._watchers:
            before.release(0.0)
        self._let_go()
        known = {before.standing.inbox: before.standing for before in self._watchers}
        for watcher in watchers:
            if watcher.standing.inbox in known:
                watcher.standing.go_on_from(known[watcher.standing.inbox])
        self._ready = False
        self._take(watchers)
        self.start()

    def close(self) -> None:
        """Leave word that nobody watches any more, and let others do so."""
        for watcher in self._watchers:
            watcher.standing.state, watcher.standing.why = STOPPED, ""
        for file in self._files:
            file.beat(at_once=True)
        self._write_metrics()
        self._let_go()

    @property
    def in_hand(self) -> int:
        """How many pictures are being translated."""
        return sum(watcher.standing.in_hand for watcher in self._watchers if watcher.running)

    @property
    def failed(self) -> int:
        """How many pictures have failed for good."""
        return sum(watcher.standing.failed for watcher in self._watchers)

    def summary(self) -> str:
        """Return what was done, in one line."""
        standings = [watcher.standing for watcher in self._watchers]
        counts = [
            (sum(one.translated for one in standings), "translated"),
            (sum(one.known for one in standings), "done before"),
            (self.failed, "failed"),
        ]
        return ", ".join(f"{count} {what}" for count, what in counts if count or what == "translated")

    def _describe(self) -> str:
        standings = [watcher.standing for watcher in self._watchers]
        if len(standings) == 1:
            return standings[0].line()
        return "; ".join(f"{standing.inbox}: {standing.line()}" for standing in standings)

    def _write_metrics(self) -> None:
        self._metrics_written = self._clock()
        by_file: dict[Path, list[Standing]] = {}
        for watcher in self._watchers:
            if watcher.metrics:
                by_file.setdefault(watcher.metrics, []).append(watcher.standing)
        for path, standings in by_file.items():
            metrics.write(path, standings)

    def _let_go(self) -> None:
        while self._locks:
            self._locks.pop().release()
