"""The file that says how the watching of an inbox stands, and what a health check makes of it."""

import contextlib
import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imgtrans.errors import FilesError
from imgtrans.files import temporary_beside
from imgtrans.journal.entry import process_of
from imgtrans.watching.service import place
from imgtrans.watching.service.standing import HUNG_SECONDS, STOPPED, WAITING, Standing

BEAT_SECONDS = 10.0  # how often it is written though nothing has changed
LEAST_SECONDS = 1.0  # between two writes
STALE_SECONDS = 60.0  # after which whoever writes it hangs


class StatusFile:
    """Writes how the watching of an inbox stands, not more often than anybody needs to know.

    Args:
        standing: What is written.
        folder: Where; see :func:`imgtrans.watching.service.place.written`.
        clock: Returns a monotonic time in seconds.
    """

    def __init__(self, standing: Standing, folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self.path = folder / f"{place.digest(Path(standing.inbox))}.json"
        self._standing = standing
        self._clock = clock
        self._written = float("-inf")
        self._content: dict[str, Any] = {}

    def beat(self, *, at_once: bool = False) -> None:
        """Write it if it has changed, or to show that somebody is alive.

        Args:
            at_once: However short it is that it was written.
        """
        passed = self._clock() - self._written
        if not at_once and passed < LEAST_SECONDS:
            return
        content = self._standing.now()
        lasting = {name: value for name, value in content.items() if name not in ("uptime", "rate", "silent")}
        if not at_once and passed < BEAT_SECONDS and lasting == self._content:
            return
        self._written, self._content = self._clock(), lasting
        # Not synced: after a power cut nobody watches. A full disk is told by others.
        replaced(self.path, json.dumps({**content, "beat": time.time()}, indent=1))


def replaced(path: Path, text: str) -> bool:
    """Put a text into a file that everybody may read, all of it or nothing; return whether that went well."""
    temporary = temporary_beside(path)
    try:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")
        temporary.chmod(0o644)
        os.replace(temporary, path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()
        return False
    return True


@dataclass(frozen=True)
class Health:
    """How the watching of an inbox stands, as somebody else sees it.

    Attributes:
        content: What the daemon has written.
        problem: Why it is not well, one sentence; "" if it is.
        running: Whether it is there at all.
    """

    content: Mapping[str, Any]
    problem: str
    running: bool


def read_health(inbox: Path, folders: list[Path] | None = None, now: float | None = None) -> Health:
    """Read how the watching of an inbox stands, from whichever daemon wrote that last.

    Args:
        inbox: The folder that is watched; it need not be there.
        folders: Where to look; without it, where daemons write.
        now: Seconds since 1970.

    Raises:
        FilesError: If nobody has ever watched it, as far as can be seen from here.
    """
    now = time.time() if now is None else now
    folders = place.read() if folders is None else folders
    found = _contents(inbox, folders)
    if not found:
        raise FilesError(
            f"nobody has watched {inbox}, as far as is known here",
            "ask as the user that watches it, with the same IMGTRANS_HOME",
        )
    content = max(found, key=lambda one: float(one["beat"]))
    age = now - content["beat"]
    if content["state"] == STOPPED:
        return Health(content, f"{inbox} is not watched: it was stopped", False)
    if _gone(content["process"]):
        return Health(content, f"{inbox} is not watched: process {content['pid']} has ended without a word", False)
    if age > STALE_SECONDS:
        return Health(content, f"process {content['pid']} has not said anything for {age:.0f} s", True)
    if content["silent"] > HUNG_SECONDS:
        return Health(content, f"nothing has happened for {content['silent']:.0f} s, as it seems to hang", True)
    return Health(content, content["why"] or "it waits" if content["state"] == WAITING else "", True)


def watching(inbox: Path, folders: list[Path] | None = None) -> str:
    """Return which other process of this machine watches an inbox: host, process id and start; "" if none does."""
    for content in _contents(inbox, place.read() if folders is None else folders):
        process = str(content["process"])
        if content["state"] != STOPPED and process != process_of() and process_of(process) == process:
            return process
    return ""


def _contents(inbox: Path, folders: list[Path]) -> list[dict[str, Any]]:
    name = f"{place.digest(inbox)}.json"
    return [content for folder in folders if (content := _content(folder / name))]


def _content(path: Path) -> dict[str, Any] | None:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        (
            float(content["beat"]),
            float(content["silent"]),
            content["state"],
            content["process"],
            content["pid"],
            content["why"],
        )
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return dict(content)


def _gone(process: str) -> bool:
    """Whether a process of this machine is not there any more; of one elsewhere that cannot be seen."""
    host = process.rsplit(" ", 2)[0]
    return process_of().rsplit(" ", 2)[0] == host and process_of(process) != process
