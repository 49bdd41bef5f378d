"""What watches each of some inboxes, put together: those that ask for the same of the same model share it."""

import os
import threading
from collections.abc import Hashable, Sequence
from contextlib import AbstractContextManager

from imgtrans.batch.request import Prepared, prepare
from imgtrans.batch.run import Translating
from imgtrans.errors import FilesError, UsageError
from imgtrans.watching.core import watch_folder
from imgtrans.watching.inbox import Inbox
from imgtrans.watching.service.standing import Standing
from imgtrans.watching.service.supervisor import Watcher
from imgtrans.watching.sharing import SharedEngine, Turns
from imgtrans.watching.sources.ondone import OnDone, parsed
from imgtrans.watching.tending import Log, Tending


def watchers_of(inboxes: Sequence[Inbox], log: Log) -> list[Watcher]:
    """Return what watches inboxes; nothing is begun or written yet.

    Raises:
        ImgtransError: If what is asked for of one cannot be.
    """
    prepared = [prepare(inbox.request) for inbox in inboxes]
    for inbox, one in zip(inboxes, prepared, strict=True):
        if not inbox.folder.is_dir():
            raise UsageError(f"{inbox.folder} is not a folder", "imgtrans run translates single pictures")
        inbox.conduct.check_folders(inbox.folder, one.destination.folder)
    _check_outputs(prepared)
    turns = Turns()
    shared: dict[Hashable, _Shared] = {}
    watchers = []
    for inbox, one in zip(inboxes, prepared, strict=True):
        mine = shared.setdefault(_what_decides(one, inbox), _Shared(one, turns, inbox.conduct.idle_unload or 0.0, log))
        watchers.append(_watcher(inbox, one, mine, log))
    return watchers


class _Shared:
    """An engine, and those that use it."""

    def __init__(self, prepared: Prepared, turns: Turns, idle_seconds: float, log: Log) -> None:
        self._log = log
        self.engine = SharedEngine(self._open, turns, idle_seconds, self._told)
        self._prepared = prepared
        self._users: list[Tending] = []
        self._lock = threading.Lock()

    def take(self, tending: Tending) -> None:
        """Somebody is going to use it."""
        self._users.append(tending)

    def leave(self) -> None:
        """Somebody does not use it any more; the last one closes it."""
        with self._lock:
            self._users = self._users[1:]
            last = not self._users
        if last:
            self.engine.close()

    def _open(self) -> AbstractContextManager[Translating]:
        return self._prepared.open_executor(self._progress, self._users[0].warned, endless=True)

    def _progress(self, share: float) -> None:
        for tending in self._users:
            tending.standing.lives()

    def _told(self, loaded: bool) -> None:
        for tending in self._users:
            tending.loaded(loaded)
        self._log.record(event="loaded" if loaded else "unloaded", model=self._prepared.model.name)


def _watcher(inbox: Inbox, prepared: Prepared, shared: _Shared, log: Log) -> Watcher:
    conduct = inbox.conduct
    standing = Standing(
        os.path.realpath(inbox.folder), str(prepared.destination.folder.absolute()), prepared.model.name
    )
    words = parsed(conduct.on_done) if conduct.on_done else []
    on_done = OnDone(words, conduct.on_done_timeout, log.warn) if words else None
    tending = Tending(inbox, prepared, log, on_done, standing)
    shared.take(tending)

    def release(seconds: float) -> None:
        if on_done and (left := on_done.close(seconds)):
            log.warn(f"--on-done was not run, or broken off, for {left} pictures")
        shared.leave()

    return Watcher(
        inbox.folder,
        standing,
        lambda stop: watch_folder(prepared, tending, shared.engine, stop),
        release,
        conduct.metrics,
    )


def _what_decides(prepared: Prepared, inbox: Inbox) -> Hashable:
    """Return all that an opened engine depends on."""
    request = prepared.request
    return (
        prepared.recipe,
        prepared.wanted,
        request.device,
        request.precision,
        request.batch_size,
        request.max_pixels,
        request.tiling,
        request.backend,
        repr(prepared.settings),
        request.memory,
        request.scratch,
        inbox.conduct.idle_unload,
    )


def _check_outputs(prepared: Sequence[Prepared]) -> None:
    """Make sure that no two inboxes have one output folder.

    Raises:
        FilesError: If two have.
    """
    known: dict[str, Prepared] = {}
    for one in prepared:
        other = known.setdefault(os.path.realpath(one.destination.folder), one)
        if other is not one:
            first, second = other.request.inputs[0], one.request.inputs[0]
            raise FilesError(
                f"{first} and {second} would both go to {one.destination.folder}", "give each an output of its own"
            )
