"""Worker processes, started: also some before anybody knows what they are for, while this one loads what computes."""

import multiprocessing
import signal
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from imgtrans import signals
from imgtrans.executors.channel import Channel
from imgtrans.executors.serving import serve

# Starting a process looks after all others, too, and whoever waits for one then may find it gone: one at a time.
PROCESSES = threading.Lock()

_LOOK_SECONDS = 0.05

Started = tuple[Any, Channel]


def started() -> Started:
    """Start a process, which waits for what :func:`imgtrans.executors.serving.serve` is told first.

    Whoever calls has ``PROCESSES``.
    """
    # spawn, not fork: a fork would carry the device's state and threads along.
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs,), daemon=True)
    with signals.held(signal.SIGINT):
        process.start()
    theirs.close()
    return process, Channel(ours)


class Reserve:
    """Processes that are started now, in a thread of its own, as there is something for them to do.

    Args:
        most: How many, at most.
        wanted: Tells how many there is something to do for, so far.
    """

    def __init__(self, most: int, wanted: Callable[[], int]) -> None:
        self._most, self._wanted = most, wanted
        self._waiting: deque[Started] = deque()
        self._begun = 0
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._start, name="reserve", daemon=True)

    def __enter__(self) -> "Reserve":
        """Begin."""
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        """End those that nobody has taken, and start no more."""
        self.close()

    def take(self) -> Started | None:
        """Return a process that nobody else has, or None; whoever calls has ``PROCESSES``."""
        while self._waiting:
            process, channel = self._waiting.popleft()
            if process.is_alive():
                return process, channel
            _ended(process, channel)
        return None

    def enough(self) -> None:
        """Start no more: from now on whoever needs one starts it."""
        self._closed.set()

    def close(self) -> None:
        """End those that nobody has taken, and start no more."""
        self.enough()
        self._thread.join()
        with PROCESSES:
            while self._waiting:
                _ended(*self._waiting.popleft())

    def _start(self) -> None:
        while self._begun < self._most and not self._closed.is_set():
            if self._begun >= self._wanted():
                self._closed.wait(_LOOK_SECONDS)
                continue
            with PROCESSES:
                try:
                    self._waiting.append(started())
                except OSError:  # whoever needs one will say what is wrong
                    return
            self._begun += 1


def _ended(process: Any, channel: Channel) -> None:
    process.kill()
    process.join()
    process.close()
    channel.close()
