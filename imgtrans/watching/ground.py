"""Whether a watched folder and its outputs are still the folders they were: on their disk, and nobody else's."""

import os
import shutil
from pathlib import Path

from imgtrans.journal.location import FOLDER

_LEAST_FREE = 1 << 20  # bytes, below which a disk is as good as full

Identity = tuple[int, int]  # device and inode


class AwayError(Exception):
    """One of the folders is not there, or not the one it was; the sentence says which."""


class Ground:
    """The folders that watching stands on.

    Args:
        inbox: The folder that is watched.
        output: Where outputs go.
    """

    def __init__(self, inbox: Path, output: Path) -> None:
        self._inbox = inbox
        self._output = output
        self._known: dict[Path, Identity] = {}

    def settle(self) -> None:
        """Take the folders as they are now for the right ones."""
        self._known = {path: one for path in self._folders() if (one := _identity(path))}

    def check(self) -> None:
        """Make sure that they are the same.

        Raises:
            AwayError: If one is not.
        """
        for path, known in self._known.items():
            now = _identity(path)
            if now is None:
                raise AwayError(f"{path} is not there")
            if now != known:
                raise AwayError(f"{path} is another folder than before")

    def missing(self) -> str:
        """Return why watching cannot go on, one sentence; "" if it can."""
        if not self._inbox.is_dir():
            return f"{self._inbox} is not there"
        known, stands = self._known.get(self._inbox), _identity(self._inbox)
        if known and stands and stands[0] != known[0] and _is_empty(self._inbox):
            return f"{self._inbox} is empty and on another disk than before, as if its own were not mounted"
        before = self._known.get(self._output)
        there = next(path for path in (self._output, *self._output.absolute().parents) if path.exists())
        now = _identity(there)
        if before and now and now[0] != before[0] and not (self._output / FOLDER).is_dir():
            return f"{self._output} is on another disk than before, as if its own were not mounted"
        if not os.access(there, os.W_OK | os.X_OK):
            return f"{there} cannot be written"
        if shutil.disk_usage(there).free < _LEAST_FREE:
            return f"the disk of {there} is full"
        return ""

    def _folders(self) -> tuple[Path, ...]:
        return self._inbox, self._output, self._output / FOLDER


def _is_empty(folder: Path) -> bool:
    try:
        return not os.listdir(folder)
    except OSError:
        return False


def _identity(path: Path) -> Identity | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
