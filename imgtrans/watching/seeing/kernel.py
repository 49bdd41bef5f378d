"""What Linux tells of its own: which folders this process is told of, and whether disks have come or gone."""

import contextlib
import os
import re
import select
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from imgtrans.watching.seeing.names import is_passed_over

_TIMES, _PAUSE_SECONDS = 20, 0.05  # that is asked: one that was made just now is watched in a moment


def all_watched(folders: Iterable[Path], *, below: bool) -> bool:
    """Whether this process is told of changes in folders; True where that cannot be known.

    Watchdog passes over folders for which the system's limit leaves no watch, but the kernel says what is watched.

    Args:
        folders: The folders; those that are gone do not matter.
        below: Whether of those below them, too.
    """
    for _ in range(_TIMES):
        watched = _watched()
        unwatched = (path for folder in folders for path in _walk(folder, below) if not _is_in(path, watched))
        if watched is None or next(unwatched, None) is None:
            return True
        time.sleep(_PAUSE_SECONDS)
    return False


def _walk(folder: Path, below: bool) -> Iterator[str]:
    for path, names, _ in os.walk(folder):
        yield path
        names[:] = [name for name in names if not is_passed_over(name)] if below else []


def _is_in(path: str, watched: set[int] | None) -> bool:
    try:
        return os.stat(path).st_ino in (watched or ()) or not os.access(path, os.R_OK)  # noqa: PTH116 - for each folder
    except OSError:  # gone meanwhile
        return True


def _watched() -> set[int] | None:
    """Return the inodes that this process has watches on; None if that cannot be known."""
    watched: set[int] | None = None
    with contextlib.suppress(OSError):
        for name in os.listdir("/proc/self/fd"):
            with contextlib.suppress(OSError):  # closed meanwhile
                if os.readlink(f"/proc/self/fd/{name}").endswith("inotify"):  # noqa: PTH115 - no path of a file
                    information = Path(f"/proc/self/fdinfo/{name}").read_text()
                    found = re.findall(r"^inotify wd:\S+ ino:([0-9a-f]+)", information, re.MULTILINE)
                    watched = (watched or set()) | {int(inode, 16) for inode in found}
    return watched


class Mounts:
    """Knows whether anything was mounted or unmounted: a disk that goes and comes back takes its watches with it.

    Whoever looks now and then whether the same folder is there may have missed that.
    """

    def __init__(self) -> None:
        self._descriptor = -1
        with contextlib.suppress(OSError):
            self._descriptor = os.open("/proc/self/mounts", os.O_RDONLY | os.O_CLOEXEC)
        self.changed()

    def changed(self) -> bool:
        """Whether anything has changed since this was last asked; False where that cannot be known."""
        if self._descriptor < 0:
            return False
        poll = select.poll()
        poll.register(self._descriptor, select.POLLPRI)
        return any(events & (select.POLLPRI | select.POLLERR) for _, events in poll.poll(0))

    def close(self) -> None:
        """Ask no more."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
