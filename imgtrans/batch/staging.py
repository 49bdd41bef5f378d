"""Pictures on their way between a store and this machine: fetched ahead of the work, as far as there is room."""

import errno
import os
import queue
import secrets
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from imgtrans.batch.plan import Decision
from imgtrans.errors import FilesError
from imgtrans.finding.file import inspect
from imgtrans.images.refused import why_not
from imgtrans.memory import in_words
from imgtrans.protocols import Item, Outcome
from imgtrans.storage.address import Address
from imgtrans.storage.explained import ObjectError, StoreError
from imgtrans.storage.store import AT_ONCE
from imgtrans.storage.versions import Version

LARGEST_ROOM = 4 << 30  # bytes that pictures on their way may take
_AHEAD = 2 * AT_ONCE  # pictures that are here and not asked for yet
_LOOK_SECONDS = 0.1
_TRIES = 3
_LONGEST_SUFFIX = 16
_SAMPLES, _LARGEST_SAMPLE = 32, 64 << 20  # pictures that are fetched only to be looked at, and bytes of each
_UNANSWERED = 8  # pictures one after the other: then nothing more is tried
_PREFIX = "imgtrans-stage-"


@dataclass
class _Here:
    """A picture that is on its way, and what of it is here."""

    item: Item
    staged: Item
    room: int


class Room:
    """Bytes of a folder that pictures on their way may take; one that needs more than all waits until it is alone.

    Args:
        size: How many.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._taken = 0
        self._stopped = False
        self._changed = threading.Condition()

    def take(self, size: int) -> bool:
        """Wait until there is room; return False if everything ends before."""
        with self._changed:
            while self._taken and self._taken + size > self._size and not self._stopped:
                self._changed.wait()
            self._taken += size
            return not self._stopped

    def give_back(self, size: int) -> None:
        """Have others use it; a negative number takes more."""
        with self._changed:
            self._taken -= size
            self._changed.notify_all()

    def stop(self) -> None:
        """Let everybody go who waits."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()


class Staging:
    """A folder of this machine through which pictures go.

    Threads draw items and fetch what is not here; what they fetch is looked at, as only its content says whether it is
    a picture. Leaving it deletes the folder.

    Args:
        where: In which folder it is made; None is the system's for temporary files.
        described: Returns the name that a picture comes out with, given its own and its format.
        room: Bytes that may lie there at once.
    """

    def __init__(self, where: Path | None, described: Callable[[str, str], str], room: int = LARGEST_ROOM) -> None:
        self._where, self._described = where, described
        self._room = Room(room)
        self._ready: queue.Queue[Item | BaseException | None] = queue.Queue(_AHEAD)
        self._here: dict[bytes, _Here] = {}
        self._turn = threading.Lock()
        self._folder: Path | None = None
        self._stopped = False
        self._working = self._unanswered = self._samples = 0
        self._tell: Callable[[Decision], None] = lambda decision: None

    def __enter__(self) -> "Staging":
        """Use it."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Fetch nothing more, and delete what is here."""
        self._stopped = True
        self._room.stop()
        for _ in range(_TRIES):  # a thread may just be writing there
            if self._folder and self._folder.exists():
                shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def folder(self) -> Path:
        """The folder, made when it is asked for.

        Raises:
            FilesError: If it cannot be made.
        """
        with self._turn:
            if self._folder is None:
                parent = Path(self._where or tempfile.gettempdir())
                _sweep(parent)
                try:
                    self._folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=parent))
                except OSError as error:
                    hint = "name a folder with --scratch"
                    raise FilesError(f"{parent} cannot be written: {error.strerror}", hint) from error
            return self._folder

    def items(self, items: Iterator[Item], tell: Callable[[Decision], None], threads: int = AT_ONCE) -> Iterator[Item]:
        """Yield items as they are here: read and written as files of this machine, in the order in which they come.

        Args:
            items: What is to be brought.
            tell: Is told of what cannot be, in any thread.
            threads: That bring it.
        """
        self._tell = tell
        self._working = threads
        for _ in range(threads):
            threading.Thread(target=self._work, args=(items,), name="fetch", daemon=True).start()
        while not self._stopped:
            try:
                ready = self._ready.get(timeout=_LOOK_SECONDS)
            except queue.Empty:
                continue
            if ready is None:
                return
            if isinstance(ready, BaseException):
                raise ready
            yield ready

    def sample(self, item: Item) -> Item | None:
        """Return an item that can be read here, fetched if it is small and not many were; else None."""
        if not isinstance(item.input, Address):
            return item
        if self._samples >= _SAMPLES or item.size > _LARGEST_SAMPLE:
            return None
        self._samples += 1
        staged, problem = self._here_as(item)
        return None if problem else staged

    def back(self, outcome: Outcome) -> Outcome:
        """Return an outcome as that of the picture that it is of; what was fetched for it is deleted."""
        with self._turn:
            here = self._here[outcome.item.key]
        if isinstance(here.item.input, Address):
            here.staged.input.unlink(missing_ok=True)
        size = outcome.temporary.stat().st_size if outcome.temporary and isinstance(here.item.output, Address) else 0
        self._room.give_back(here.room - size)
        here.room = size
        return replace(
            outcome,
            item=here.item,
            error=_renamed(outcome.error, here),
            note=_renamed(outcome.note, here),
        )

    def over(self, item: Item) -> None:
        """Forget a picture that is done with."""
        with self._turn:
            here = self._here.pop(item.key)
        self._room.give_back(here.room)

    def _work(self, items: Iterator[Item]) -> None:
        try:
            for item in items:
                if not self._bring(item):
                    break
        except BaseException as error:  # it is for whoever waits for pictures
            self._put(error)
        with self._turn:
            self._working -= 1
            last = not self._working
        if last:
            self._put(None)

    def _bring(self, item: Item) -> bool:
        """Make a picture ready; return False if everything ends."""
        room = 2 * max(item.size, 1 << 16)  # what it will be written as is most likely no larger than this
        if not self._room.take(room):
            return False
        staged, problem = self._here_as(item)
        if problem:
            self._room.give_back(room)
            self._tell(Decision(item, "refused", problem))
            return True
        with self._turn:
            if self._stopped:
                return False
            self._here[item.key] = _Here(item, staged, room)
        self._put(staged)
        return True

    def _here_as(self, item: Item) -> tuple[Item, str]:
        """Return an item as one of files of this machine, fetched; and why that cannot be, or ""."""
        name = secrets.token_hex(8)
        staged = item
        if isinstance(item.output, Address):
            staged = replace(staged, output=self.folder / f"{name}.out")
        if not isinstance(item.input, Address):
            return staged, ""
        suffix = item.input.suffix  # by which alone a few formats are told
        path = self.folder / f"{name}{suffix if len(suffix) < _LONGEST_SUFFIX else ''}"
        try:
            problem, format = self._fetched(item, item.input, path)
            self._unanswered = 0
        except ObjectError as error:
            problem, format = f"{item.input} cannot be read: {error.strerror}.", ""
            self._unanswered += error.passing
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise FilesError(
                    f"{self.folder.parent} is full", "make room, or name a folder with --scratch"
                ) from error
            if self._unanswered >= _UNANSWERED:
                hint = "run the same command again once it answers: it goes on where it stopped"
                raise StoreError(problem.rstrip("."), hint) from error
        if problem:
            path.unlink(missing_ok=True)
            return staged, problem
        status = path.stat()
        return replace(staged, input=path, format=format, size=status.st_size, mtime_ns=status.st_mtime_ns), ""

    def _fetched(self, item: Item, address: Address, path: Path) -> tuple[str, str]:
        """Fetch a picture; return why that is of no use, or "", and its format."""
        free = shutil.disk_usage(self.folder).free
        if item.size > free:
            return f"{address} has {in_words(item.size)}, and {self.folder.parent} has room for {in_words(free)}.", ""
        address.store.fetch(address, path, Version(item.size, item.mtime_ns))
        found = inspect(path, Path(address.name))
        if not found.format:
            return (found.problem or why_not(path)).replace(str(path), str(address)), ""
        if self._described(address.name, found.format) != self._described(address.name, item.format):
            return f"{address} is a {found.format} by its content; it has to be called so to be translated.", ""
        return "", found.format

    def _put(self, ready: "Item | BaseException | None") -> None:
        while not self._stopped:
            try:
                self._ready.put(ready, timeout=_LOOK_SECONDS)
            except queue.Full:
                continue
            return


def _renamed(text: str, here: _Here) -> str:
    for staged, own in ((here.staged.input, here.item.input), (here.staged.output, here.item.output)):
        text = text.replace(str(staged), str(own))
    return text


def _sweep(parent: Path) -> None:
    """Delete what runs of this machine have left that were killed."""
    for path in parent.glob(f"{_PREFIX}*"):
        pid = path.name.removeprefix(_PREFIX).split("-")[0]
        if pid.isdecimal() and not psutil.pid_exists(int(pid)):
            shutil.rmtree(path, ignore_errors=True)
