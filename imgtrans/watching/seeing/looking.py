"""A look at a whole folder that opens nothing: one listing for each folder, one status for each file."""

import os
import stat
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import NamedTuple

from imgtrans.finding.selection import Selection
from imgtrans.journal.location import FOLDER
from imgtrans.watching.seeing.names import is_passed_over
from imgtrans.watching.seeing.version import Version

LOOK_SECONDS = 300.0  # at least between looks at everything, which find what events have missed
_LOOK_SHARE = 800  # times as long as a look computes there is none


class Seen(NamedTuple):
    """A regular file that was seen.

    Attributes:
        relative: Its path below the folder.
        version: What it is now.
    """

    relative: str
    version: Version


class Looker:
    """Looks at a folder, whole or in part.

    Links are followed if they lead to a file in the same folder, else passed over: a daemon must not be led out of its
    inbox by whoever may write into it. So are pipes, sockets, devices and folders on the way to the outputs.

    Args:
        folder: The folder.
        closed: Real paths of folders that are not entered.
        selection: What is taken.
        aside: Is told, each time it is met, what was passed over, and why.
    """

    def __init__(
        self,
        folder: Path,
        closed: Collection[str],
        selection: Selection,
        aside: Callable[[str, str], None] = lambda path, why: None,
    ) -> None:
        self._folder = folder
        self._root = os.fspath(folder)
        self._real = os.path.realpath(folder)
        self._closed = closed
        self._selection = selection
        self._aside = aside

    def all(self) -> Iterator[Seen]:
        """Yield every file.

        Raises:
            OSError: If the folder itself cannot be listed.
        """
        yield from self._below("", must=True)

    def at(self, path: Path) -> Iterator[Seen]:
        """Yield what is at a path, the file or all files of the folder; nothing if it is gone or none of ours."""
        try:
            relative = os.fspath(path.relative_to(self._folder))
        except ValueError:
            return
        parts = path.relative_to(self._folder).parts
        if not parts or FOLDER in parts or any(map(is_passed_over, parts)):
            return
        above = self._root
        for part in parts[:-1]:
            above = os.path.join(above, part)  # noqa: PTH118 - for each event
            if os.path.islink(above) or os.path.realpath(above) in self._closed:  # noqa: PTH114
                return
        try:
            status = os.lstat(path)
        except OSError:
            return
        if stat.S_ISDIR(status.st_mode):
            if os.path.realpath(path) not in self._closed and self._selection.enters(Path(relative)):
                yield from self._below(relative)
        elif seen := self._seen(os.fspath(path), relative, status):
            yield seen

    def _below(self, start: str, *, must: bool = False) -> Iterator[Seen]:
        stack = [start]
        while stack:
            folder = stack.pop()
            path = os.path.join(self._root, folder) if folder else self._root  # noqa: PTH118 - for 100,000 files
            try:
                with os.scandir(path) as entries:
                    listed = sorted(entries, key=lambda entry: entry.name)
            except OSError as error:
                if must and folder == start:
                    raise
                self._aside(path, f"{path} cannot be read: {error.strerror}")
                continue
            below = []
            for entry in listed:
                name = entry.name
                if name == FOLDER or is_passed_over(name):
                    continue
                relative = f"{folder}{os.sep}{name}" if folder else name
                try:
                    if entry.is_dir(follow_symlinks=False):
                        if os.path.join(self._real, relative) not in self._closed and self._selection.enters(  # noqa: PTH118
                            Path(relative)
                        ):
                            below.append(relative)
                        continue
                    status = entry.stat(follow_symlinks=False)
                except OSError:  # gone meanwhile
                    continue
                if seen := self._seen(entry.path, relative, status):
                    yield seen
            stack += reversed(below)

    def _seen(self, path: str, relative: str, status: os.stat_result) -> Seen | None:
        if stat.S_ISLNK(status.st_mode):
            real = os.path.realpath(path)
            try:
                status = os.stat(real)  # noqa: PTH116 - as above
            except OSError:
                return None
            if not real.startswith(self._real + os.sep) or not stat.S_ISREG(status.st_mode):
                self._aside(path, f"{path} is a link that leads to no file of this folder, and is passed over")
                return None
        elif not stat.S_ISREG(status.st_mode):
            self._aside(path, f"{path} is no regular file, and is passed over")
            return None
        if self._selection.chooses and not self._selection.takes(Path(relative)):
            return None
        return Seen(relative, Version.of(status))


def between_looks(cpu: float) -> float:
    """Return in how many seconds a folder with events is looked at again, by the CPU seconds of the last look."""
    return max(LOOK_SECONDS, _LOOK_SHARE * cpu)
