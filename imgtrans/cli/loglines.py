"""What a daemon says: one line an event, with its level, for whoever keeps the log; never in the way of the work."""

import itertools
import json
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from imgtrans import stdout
from imgtrans.console import Console, printable

ERROR, WARNING, INFO, DEBUG = 3, 4, 6, 7  # as syslog numbers them
_WORDS = {ERROR: "error", WARNING: "warning", INFO: "info", DEBUG: "debug"}

_AT_ONCE = 64  # lines that are written together, as a burst brings many
MOST_LINES = 10_000  # that wait for somebody to read them; those beyond are dropped, and how many is said
CLOSE_SECONDS = 2.0


def to_journal(environment: Mapping[str, str], descriptor: int = 2) -> bool:
    """Whether a descriptor leads to systemd's journal, which takes the level of a line from its beginning."""
    try:
        status = os.fstat(descriptor)
    except OSError:
        return False
    return environment.get("JOURNAL_STREAM", "") == f"{status.st_dev}:{status.st_ino}"


class Outlet:
    """Writes lines to a descriptor from a thread of its own: a pipe that nobody reads holds up only that.

    Args:
        descriptor: Returns where to.
        broken: Is told, once, that nobody reads there any more.
    """

    def __init__(self, descriptor: Callable[[], int], broken: Callable[[], None] = lambda: None) -> None:
        self._descriptor = descriptor
        self._broken = broken
        self._lines: deque[bytes] = deque()
        self._changed = threading.Condition()
        self._closing = False
        self._writing = False
        self._dropped = 0
        self._thread = threading.Thread(target=self._write, name="lines", daemon=True)
        self._thread.start()

    @property
    def dropped(self) -> int:
        """How many lines were dropped since this was last asked."""
        with self._changed:
            dropped, self._dropped = self._dropped, 0
            return dropped

    def put(self, line: str) -> None:
        """Have a line written; returns at once."""
        with self._changed:
            if len(self._lines) >= MOST_LINES:
                self._dropped += 1
                return
            self._lines.append(f"{line}\n".encode("utf-8", "backslashreplace"))
            self._changed.notify_all()

    def close(self, seconds: float = CLOSE_SECONDS) -> None:
        """Wait until all is written, or nobody has read it for so long."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(seconds)

    def _write(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._lines or self._closing)
                if not self._lines:
                    return
                lines = b"".join(itertools.islice(self._lines, _AT_ONCE))
                for _ in range(min(_AT_ONCE, len(self._lines))):
                    self._lines.popleft()
            try:
                while lines:
                    lines = lines[os.write(self._descriptor(), lines) :]
            except OSError:
                self._broken()
                self._swallow()
                return

    def _swallow(self) -> None:
        """Have lines vanish from now on."""
        with self._changed:
            self._lines = deque(maxlen=0)


class LogLines(Console):
    """A console of a process that nobody sits before: no colours, no bars, and a level to each line.

    The journal of systemd gets levels as it knows them, a file or a pipe the time and a word.

    Args:
        verbosity: As of any console.
        json_lines: Print events as JSON Lines, each with its time.
        journal: Whether stderr is the journal.
    """

    def __init__(self, verbosity: int = 0, json_lines: bool = False, *, journal: bool = False) -> None:
        super().__init__(verbosity, json_lines)
        self._journal = journal
        self._messages = Outlet(lambda: 2)
        self._events = Outlet(stdout.descriptor, self._nobody_reads) if json_lines else None

    def say(self, text: str) -> None:
        """Tell what is going on, unless quiet."""
        if self.verbosity >= 0:
            self._line(INFO, text)

    def detail(self, text: str) -> None:
        """Tell more, if asked to be verbose."""
        if self.verbosity > 0:
            self._line(DEBUG, text)

    def warn(self, text: str) -> None:
        """Tell what deserves attention though the program goes on."""
        self._line(WARNING, text)

    def error(self, message: str, hint: str = "") -> None:
        """Tell what went wrong, and what to do about it."""
        self._line(ERROR, f"{message}; {hint}" if hint else message)

    def record(self, **fields: Any) -> None:
        """Print an event as one JSON line (in JSON mode only)."""
        if self._events is None:
            return
        fields = {"time": _now(), **fields}
        self._events.put(json.dumps(fields, ensure_ascii=True, default=str))
        if dropped := self._events.dropped:
            self.warn(f"nobody reads stdout: {dropped} events were dropped")

    def close(self) -> None:
        """Write what is left, if somebody reads it."""
        if self._events:
            self._events.close()
        self._messages.close()

    def _nobody_reads(self) -> None:
        self.warn("nobody reads stdout any more; events are not printed from now on")

    def _line(self, level: int, text: str) -> None:
        if dropped := self._messages.dropped:
            text = f"{text} ({dropped} lines before this one were dropped, as nobody read them)"
        before = f"<{level}>" if self._journal else f"{_now()} {_WORDS[level]}: "
        self._messages.put(f"{before}{printable(text)}")


def daemons_console(verbosity: int, json_lines: bool) -> Console:
    """Return what a daemon speaks to: a person at a terminal, or whoever keeps the log."""
    if sys.stderr is not None and sys.stderr.isatty():
        return Console(verbosity, json_lines)
    return LogLines(verbosity, json_lines, journal=to_journal(os.environ))


def _now() -> str:
    return datetime.fromtimestamp(time.time(), UTC).astimezone().isoformat(timespec="milliseconds")
