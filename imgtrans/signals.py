"""Ctrl-C, SIGTERM, a closed terminal: at once where nothing would be lost, and asked for where something would be."""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import NoReturn, Protocol

INTERRUPTED, TERMINATED, HUNG_UP = 130, 143, 129
STOPPING = (signal.SIGINT, signal.SIGTERM)
# What a process that works for this one must live through, as a closed terminal tells the whole group of it.
FOR_PARENTS = (*STOPPING, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else []))

_ORDER_SECONDS = 5.0  # that it takes at the most to put things in order
_PATIENCE_SECONDS = 1.0  # who presses Ctrl-C twice at once means one thing by it
_GRACE_SECONDS = 30.0  # that schedulers leave between SIGTERM and the end, and in which some of them repeat it
_CHILD = "--multiprocessing-fork"


class Companion(Protocol):
    """A process that works for this one, and is not Python's own kind of one."""

    def kill(self) -> None:
        """End it at once."""
        ...


_companions: set[Companion] = set()


def accompanied_by(process: Companion) -> None:
    """Have a process end when this one does."""
    _companions.add(process)


def parted_from(process: Companion) -> None:
    """Forget a process that has ended."""
    _companions.discard(process)


def end_companions() -> None:
    """End the processes that work for this one."""
    for process in [*_companions]:
        process.kill()


def end_at_once() -> None:
    """Have signals end this process at once, with one line, until it says otherwise.

    An exception would not do while modules are imported: it can come in the middle of anything, and be swallowed by
    it. Who was told to ignore Ctrl-C goes on doing so, and processes that work for this one are told by it.
    """
    if _CHILD in sys.orig_argv:
        return
    for number in STOPPING:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, lambda number, _: end(number, "stopped"))


def raise_errors() -> None:
    """Have the next signal raise KeyboardInterrupt or SystemExit, for who has something to put in order.

    Those behind it do not disturb that; once it has taken long, they end the process at once.
    """
    raised: list[float] = []

    def hear(number: int, frame: FrameType | None) -> None:
        if not raised:
            raised.append(time.monotonic())
            raise SystemExit(TERMINATED) if number == signal.SIGTERM else KeyboardInterrupt
        if time.monotonic() - raised[0] > _ORDER_SECONDS:
            end(number, "stopped at once")

    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
        signal.signal(signal.SIGINT, hear)
    signal.signal(signal.SIGTERM, hear)


@contextlib.contextmanager
def held(*numbers: int, spawned: bool = True) -> Iterator[None]:
    """Hold signals back, in this thread for a moment and in processes that it starts now for good.

    A Ctrl-C reaches the whole process group, and a process that works for this one must live through it from its first
    moment on: who started it stops in its own time.

    Args:
        numbers: The signals.
        spawned: Whether it is multiprocessing that starts them.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    if spawned:
        from multiprocessing import resource_tracker  # noqa: PLC0415 - this module is imported before all others

        resource_tracker.ensure_running()  # else it starts with the process, and lets these signals through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def ignore() -> None:
    """Have signals do nothing: all is done, and what Python puts in order at its end must not be broken off."""
    for number in STOPPING:
        signal.signal(number, signal.SIG_IGN)


class Stopping:
    """Hears signals from :meth:`listen` on.

    Args:
        line: Returns what to say in ending at once, as long as nothing would be lost by it, else "".
        late: Returns what to say in ending at once all the same, when somebody insists.
        quiet: Say nothing.
    """

    def __init__(self, line: Callable[[], str], late: Callable[[], str], quiet: bool = False) -> None:
        self._line = line
        self._late = late
        self._quiet = quiet
        self._number = 0
        self._heard = 0.0

    def listen(self, hangup: bool = False) -> None:
        """Begin to hear signals.

        Args:
            hangup: Hear that the terminal was closed, too, unless the process was told to ignore it, as by nohup.
        """
        for number in STOPPING:
            signal.signal(number, self._hear)
        if hangup and hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
            signal.signal(signal.SIGHUP, self._hear)

    def asked(self) -> bool:
        """Whether a signal came, and nothing has ended yet."""
        return self._number != 0

    @property
    def exit_code(self) -> int:
        """The exit code that the signal asks for."""
        return _exit_code(self._number)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        if number in _blocked():  # while a process is being started; it comes again when that is done
            signal.raise_signal(number)
            return
        if line := self._line():
            end(number, "" if self._quiet else line)
        if not self._number:
            self._number, self._heard = number, time.monotonic()
        elif time.monotonic() - self._heard > self._patience(number):
            end(number, "" if self._quiet else self._late())

    def _patience(self, number: int) -> float:
        """Return for how many seconds a signal that comes again means nothing new: machines are no impatient people."""
        return _PATIENCE_SECONDS if signal.SIGINT in (number, self._number) else _GRACE_SECONDS


def end(number: int, line: str) -> NoReturn:
    """End this process for a signal, with those that work for it, without anything being unwound."""
    leave(_exit_code(number), line)


def leave(code: int, line: str) -> NoReturn:
    """End this process with an exit code, as :func:`end` does."""
    with contextlib.suppress(Exception):
        sys.stdout.flush()
    with contextlib.suppress(Exception):
        if processes := sys.modules.get("multiprocessing"):
            for child in processes.active_children():
                child.kill()
    with contextlib.suppress(Exception):
        end_companions()
    with contextlib.suppress(OSError):
        # Written without rich, in the middle of which this may be; its progress bar goes, and the cursor comes back.
        clear = "\r\x1b[2K\x1b[?25h" if os.isatty(2) else ""
        os.write(2, f"{clear}{line}\n".encode() if line else clear.encode())
    os._exit(code)


def _exit_code(number: int) -> int:
    if number == getattr(signal, "SIGHUP", None):
        return HUNG_UP
    return TERMINATED if number == signal.SIGTERM else INTERRUPTED


def _blocked() -> set[int]:
    return {*signal.pthread_sigmask(signal.SIG_BLOCK, [])} if hasattr(signal, "pthread_sigmask") else set()
