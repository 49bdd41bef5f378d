"""A few threads that share out the parts of one kernel's work, and the room that each of them works in."""

import threading
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Task = Callable[[int], None]  # given the address of room for what it needs

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
        self._pool = ThreadPoolExecutor(size - 1, "imgtrans-kernel") if size > 1 else None

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

        helpers = min(self.size, len(left)) - 1
        others = [self._pool.submit(work, room) for room in self._rooms[1 : 1 + helpers]] if self._pool else []
        try:
            work(self._rooms[0])
        finally:
            for other in others:
                other.result()

    def close(self) -> None:
        """End the threads."""
        if self._pool:
            self._pool.shutdown()
