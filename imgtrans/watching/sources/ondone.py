"""A command of the user's after each picture: no shell, one at a time, never longer than it may, never in the way."""

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping

from imgtrans.errors import OptionError

KILL_SECONDS = 5.0  # between asking a command to end and ending it

# What is between a service manager and this process alone.
_OWN = ("NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES")


def parsed(command: str) -> list[str]:
    """Return the words of a command line, as a shell would split it; nothing else of a shell is understood.

    Raises:
        OptionError: If there are none, a quote is open, or there is no such program.
    """
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise OptionError("on_done", f"is {command!r}: {error}", "close the quote") from error
    if not words:
        raise OptionError("on_done", "is empty", "give it a command, or leave it out")
    if shutil.which(words[0]) is None:
        hint = "give its whole path; for pipes and variables, name a script of your own"
        raise OptionError("on_done", f"is {command!r}, and there is no program {words[0]}", hint)
    return words


class OnDone:
    """Runs a command for one picture after the other, in a thread of its own, in the order in which they were done.

    What it prints goes to stderr, beside the messages of this process. It gets no input.

    Args:
        words: The program and its arguments.
        seconds: How long it may take for a picture; then it is ended, with all processes that it has started.
        failed: Is told in a sentence what went wrong; called from that thread.
    """

    def __init__(self, words: list[str], seconds: float, failed: Callable[[str], None]) -> None:
        self._words = words
        self._seconds = seconds
        self._failed = failed
        self._waiting: deque[dict[str, str]] = deque()
        self._changed = threading.Condition()
        self._closing = False
        self._running: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._work, name="on-done", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """For how many pictures it is still to be run, or running."""
        with self._changed:
            return len(self._waiting) + (self._running is not None)

    def add(self, variables: Mapping[str, str]) -> None:
        """Have it run for a picture; returns at once.

        Args:
            variables: What is in its environment besides what this process has in its own.
        """
        with self._changed:
            self._waiting.append(dict(variables))
            self._changed.notify_all()

    def close(self, seconds: float) -> int:
        """Wait for what is waiting, but not for long; return for how many pictures it was not run, or ended.

        Args:
            seconds: How long at the most.
        """
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(seconds)
        with self._changed:
            left = len(self._waiting) + (self._running is not None)
            self._waiting.clear()
            running = self._running
        if running:
            _end(running, signal.SIGKILL)
        return left

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closing)
                if not self._waiting:
                    return
                variables = self._waiting.popleft()
                problem = self._start(variables)
            if not problem and self._running:
                problem = self._wait(self._running)
            with self._changed:
                self._running = None
            if problem:
                self._failed(f"--on-done: {self._words[0]} {problem} ({variables.get('IMGTRANS_OUTPUT', '')})")

    def _start(self, variables: Mapping[str, str]) -> str:
        environment = {name: value for name, value in os.environ.items() if name not in _OWN}
        try:
            self._running = subprocess.Popen(
                self._words,
                env={**environment, **variables},
                stdin=subprocess.DEVNULL,
                stdout=sys.stderr.fileno() if sys.stderr else subprocess.DEVNULL,
                start_new_session=True,  # a group of its own, so that all it starts can be ended
            )
        except OSError as error:
            return f"cannot be started: {error.strerror}"
        return ""

    def _wait(self, running: "subprocess.Popen[bytes]") -> str:
        try:
            code = running.wait(self._seconds)
        except subprocess.TimeoutExpired:
            _end(running, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                running.wait(KILL_SECONDS)
            _end(running, signal.SIGKILL)  # what it has started may be left though it has ended
            running.wait()
            return f"was ended, as it took longer than {self._seconds:g} s"
        if code < 0:
            return f"was ended by signal {-code}"
        return f"ended with {code}" if code else ""


def _end(running: "subprocess.Popen[bytes]", number: int) -> None:
    """Send a signal to a command and to all that it has started."""
    with contextlib.suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(running.pid, number)
        else:
            running.kill()
