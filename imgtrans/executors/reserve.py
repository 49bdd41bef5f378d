"""Worker processes that are started before anybody knows what they are for, while this one loads what computes."""

import threading
from collections import deque
from collections.abc import Callable

from imgtrans.executors.channel import Channel
from imgtrans.executors.process import Process, end, start
from imgtrans.executors.serving import ENTRY

_LOOK_SECONDS = 0.05

Started = tuple[Process, Channel]


def started() -> Started:
    """Start a worker process, which waits for what it is for.

    Raises:
        OSError: If the system lets none start.
    """
    process, ours = start(*ENTRY)
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
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._start, name="reserve", daemon=True)

    def __enter__(self) -> "Reserve":
        """Begin."""
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        """End those that nobody has taken, and start no more."""
        self.enough()
        self._thread.join()
        while self._waiting:
            _end(*self._waiting.popleft())

    def take(self) -> Started | None:
        """Return a process that nobody else has, or None."""
        while True:
            try:
                process, channel = self._waiting.popleft()
            except IndexError:
                return None
            if process.poll() is None:
                return process, channel
            _end(process, channel)

    def enough(self) -> None:
        """Start no more: from now on whoever needs one starts it."""
        self._closed.set()

    def _start(self) -> None:
        begun = 0
        while begun < self._most and not self._closed.is_set():
            if begun >= self._wanted():
                self._closed.wait(_LOOK_SECONDS)
                continue
            try:
                self._waiting.append(started())
            except OSError:  # whoever needs one will say what is wrong
                return
            begun += 1


def _end(process: Process, channel: Channel) -> None:
    end(process)
    channel.close()
