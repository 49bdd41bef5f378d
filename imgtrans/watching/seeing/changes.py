"""What may have changed in a folder: told by the system's events, or found by looking where there are none."""

import errno
import logging
import os
import sys
import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from watchdog.events import (
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer

from imgtrans.journal.database import file_system, on_network
from imgtrans.watching.seeing.kernel import Mounts, all_watched
from imgtrans.watching.seeing.names import is_passed_over

# Without those of opening and reading, of which our own look makes one for each file; and, where closing is told, of
# each write, as a file counts only once it has settled.
_TOLD = [FileCreatedEvent, FileDeletedEvent, FileMovedEvent, DirCreatedEvent, DirDeletedEvent, DirMovedEvent]
_WRITTEN = FileClosedEvent if sys.platform == "linux" else FileModifiedEvent
MOST = 8192  # paths that are remembered one by one; the system's own queue holds twice that
_SLICE_SECONDS = 0.25  # after which a wait looks whether it is to end
_LOG = logging.getLogger("watchdog")
_LOG.addHandler(logging.NullHandler())  # what it tells of its own end is for nobody
# Of a folder that moved while it was met; see `Changes.renew`.
warnings.filterwarnings("ignore", "Callback with id .* already exists", RuntimeWarning)
_LIMITS = {
    errno.ENOSPC: "fs.inotify.max_user_watches (now too small for all its folders)",
    errno.EMFILE: "fs.inotify.max_user_instances (all are in use)",
}


@dataclass
class Changed:
    """What may have changed.

    Attributes:
        paths: Files, and folders with all that is in them.
        everything: Whether anything else may have, too.
    """

    paths: set[Path] = field(default_factory=set)
    everything: bool = False

    def __bool__(self) -> bool:
        return bool(self.paths) or self.everything


class Changes:
    """Collects what is told of a folder, until somebody takes it.

    Args:
        folder: The folder, which exists.
        polling: ``auto`` has events where there are any; ``on`` and ``off`` do not ask.
        say: Is told, once, that there are no events, and why.
    """

    def __init__(self, folder: Path, polling: str, say: Callable[[str], None] = lambda text: None) -> None:
        self._folder = folder
        self._polling = polling
        self._say = say
        self._said = ""
        self._changed = Changed()
        self._arrived = threading.Condition()
        self._observer: object | None = None
        self._fresh: set[Path] = set()
        self._moved = False
        self._lost = _Lost(self)
        self._mounts: Mounts | None = None
        self.begin()

    @property
    def has_events(self) -> bool:
        """Whether the system tells of changes; otherwise somebody has to look."""
        return self._observer is not None

    def begin(self) -> bool:
        """Have the system tell of changes from now on, if it can; what went before is to be looked for.

        Returns:
            Whether it does.
        """
        self.end()
        if self._polling == "on":
            return False
        if self._polling == "auto" and (why := _untold(self._folder)):
            self._tell(why)
            return False
        try:
            self._observer = observer = Observer()  # which may be one too many already
            observer.daemon = True
            observer.schedule(_Handler(self), str(self._folder), recursive=True, event_filter=[*_TOLD, _WRITTEN])
            observer.start()
        except OSError as error:
            self.give_up(_reason(self._folder, error))
            return False
        self._mounts = Mounts()
        _LOG.addHandler(self._lost)
        if not all_watched([self._folder], below=True):
            self.give_up(_reason(self._folder, OSError(errno.ENOSPC, "")))
            return False
        if self._said:
            self._said = ""
            self._say(f"{self._folder}: the system tells of changes again")
        return True

    def renew(self) -> None:
        """Have events told anew if folders were moved; what has changed before is to be looked for.

        If others of the same names are made at once, watchdog watches those and not what is in the ones that moved.
        """
        if self._moved and self.has_events:
            self.begin()

    def give_up(self, why: str) -> None:
        """Do without events, as they do not come."""
        self.end()
        self._tell(why)

    def end(self) -> None:
        """Have the system tell nothing more."""
        observer, self._observer = self._observer, None
        self._moved = False
        _LOG.removeHandler(self._lost)
        if self._mounts is not None:
            self._mounts.close()
            self._mounts = None
        if observer is not None:
            observer.stop()  # type: ignore[attr-defined]
            if observer.is_alive():  # type: ignore[attr-defined]
                observer.join(5.0)  # type: ignore[attr-defined]

    def check(self) -> bool:
        """Return whether events may have gone astray, as a disk has come or gone, or a folder was moved.

        If a disk took them with it they are told anew, and everything is to be looked at.
        """
        if self._mounts is None or not self._mounts.changed():
            return self._moved
        if not all_watched([self._folder], below=False):
            self.begin()
            self.lost()
        return True

    def moved(self) -> None:
        """Take note that a folder has another name, or has gone; called by the system's thread."""
        self._moved = True

    def add(self, path: Path, *, is_folder: bool = False) -> None:
        """Take note of a path; called by the system's thread."""
        with self._arrived:
            if is_folder:
                self._fresh.add(path)
            if len(self._changed.paths) >= MOST:
                self._changed = Changed(everything=True)
            if not self._changed.everything:
                self._changed.paths.add(path)
            self._arrived.notify_all()

    def take(self, seconds: float, stop: threading.Event) -> Changed:
        """Return what has changed since the last time, waiting for it so long, or until ``stop`` is set."""
        left = seconds
        with self._arrived:
            while not self._changed and left > 0 and not stop.is_set():
                self._arrived.wait(min(_SLICE_SECONDS, left))
                left -= _SLICE_SECONDS
            changed, self._changed = self._changed, Changed()
            fresh, self._fresh = self._fresh, set()
        if fresh and self.has_events and not all_watched(fresh, below=False):
            self.begin()
            return Changed(everything=True)
        return changed

    def lost(self) -> None:
        """Events were lost, and everything may have changed; called by the system's thread."""
        with self._arrived:
            self._changed = Changed(everything=True)
            self._arrived.notify_all()

    def wake(self) -> None:
        """End a wait."""
        with self._arrived:
            self._arrived.notify_all()

    def _tell(self, why: str) -> None:
        if why != self._said:
            self._said = why
            self._say(f"{why}: its folders are looked at every few seconds instead")


class _Handler(FileSystemEventHandler):
    """Takes note of what events are about."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Something has happened to a file or a folder."""
        for path in (event.src_path, event.dest_path):
            text = os.fsdecode(path)
            if text and not is_passed_over(os.path.basename(text)):  # noqa: PTH119 - for each event
                if isinstance(event, DirMovedEvent | DirDeletedEvent):
                    self._changes.moved()
                if not isinstance(event, DirDeletedEvent):  # whose files tell of themselves
                    self._changes.add(Path(text), is_folder=event.is_directory)


class _Lost(logging.Handler):
    """Hears that the system's queue was full: watchdog logs that, and tells it in no other way."""

    def __init__(self, changes: Changes) -> None:
        super().__init__(logging.WARNING)
        self._changes = changes

    def emit(self, record: logging.LogRecord) -> None:
        """Something has gone wrong with the events."""
        self._changes.lost()


def _untold(folder: Path) -> str:
    """Return why the system cannot tell of all changes in a folder; "" if it can, as far as is known."""
    if on_network(folder):
        return f"{folder} is on a network or a shared file system, which tells of no changes"
    kind = file_system(folder)
    if kind.startswith("fuse."):  # whose program may well change files by itself
        return f"{folder} is on a file system ({kind}) that may tell of no changes"
    return ""


def _reason(folder: Path, error: OSError) -> str:
    limit = _LIMITS.get(error.errno or 0)
    if limit:
        return f"{folder} cannot be watched by events: the system's limit is {limit}"
    return f"{folder} cannot be watched by events ({error.strerror})"
