"""A few threads that share out the parts of one kernel's work, and the room that each of them works in."""

import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from queue import SimpleQueue

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Task = Callable[[int], None]  # given the address of room for what it needs
Told = SimpleQueue[BaseException | None]
Asked = tuple[Callable[[], None], Told]

LINE = 64  # bytes of a cache's line


def aligned(count: int) -> Floats:
    """Return so many zeros, beginning with a cache's line."""
    room = np.zeros(count + LINE // 4, np.float32)
    skipped = (-room.ctypes.data % LINE) // 4
    return room[skipped : skipped + count]


class Team:
    """Threads that work for one caller at a time, who works with them.

    Args:
        size: How many they are together.
        room: Numbers that each of them has room for.
    """

    def __init__(self, size: int, room: int) -> None:
        self.size = size
        self._room = [aligned(room) for _ in range(size)]
        self._rooms = [one.ctypes.data for one in self._room]
        self._helpers: list[SimpleQueue[Asked | None]] = [SimpleQueue() for _ in range(size - 1)]
        for number, asked in enumerate(self._helpers):
            name = f"imgtrans-kernel-{number}"
            threading.Thread(target=_help, args=(asked,), name=name, daemon=True).start()
        self._end = weakref.finalize(self, _end, self._helpers)

    def do(self, tasks: Iterable[Task]) -> None:
        """Do tasks, each by whoever is free; which of them does not matter to what comes out."""
        left = deque(tasks)
        stopped = threading.Event()

        def work(room: int) -> None:
            try:
                while not stopped.is_set():
                    left.popleft()(room)
            except IndexError:
                return
            except BaseException:
                stopped.set()
                raise

        helpers = self._helpers[: len(left) - 1] if left else []
        told: Told = SimpleQueue()
        for asked, room in zip(helpers, self._rooms[1:], strict=False):
            asked.put((partial(work, room), told))
        try:
            work(self._rooms[0])
        finally:
            failed = [error for _ in helpers if (error := told.get())]
        if failed:
            raise failed[0]

    def close(self) -> None:
        """End the threads."""
        self._end()


def _help(asked: "SimpleQueue[Asked | None]") -> None:
    """Do what a thread is asked, and tell how that went; by queues, as futures take as long as a small task."""
    while (given := asked.get()) is not None:
        work, told = given
        failed: BaseException | None = None
        try:
            work()
        except BaseException as error:
            failed = error
        told.put(failed)
        del given, work, told, failed  # nothing is kept alive until the next


def _end(helpers: "list[SimpleQueue[Asked | None]]") -> None:
    for asked in helpers:
        asked.put(None)
