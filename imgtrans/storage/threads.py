"""Threads that wait for a store, several at a time, and that nobody has to wait for when everything ends."""

import os
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from typing import Any, TypeVar

R = TypeVar("R")

_IDLE_SECONDS = 10.0  # after which a thread that has nothing to do ends


def in_order(calls: Iterable[Callable[[], R]], threads: int) -> Iterator[R]:
    """Yield what calls return, in their order, while threads work on the next ones.

    What a call raises is raised here. It goes no further ahead than there are threads.
    """
    return in_order_where_called(calls, threads)


def in_order_where_called(calls: Iterable["R | Callable[[], R]"], threads: int) -> Iterator[R]:
    """Yield the same, and what is no call itself."""
    pending: deque[Future[R]] = deque()
    try:
        for call in calls:
            if not callable(call) and not pending:
                yield call
                continue
            future: Future[R] = Future()
            pending.append(future)
            if callable(call):
                _THREADS.do(future, call)
            else:
                future.set_result(call)
            while len(pending) >= threads or (pending and pending[0].done()):
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        for future in pending:
            future.cancel()


class _Threads:
    """As many threads as there are calls at a time; they stay for the next ones, as starting one takes milliseconds."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begin anew without any."""
        self._tasks: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]]] = queue.SimpleQueue()
        self._turn = threading.Lock()
        self._free = 0  # threads that wait for a task that nobody has put there for them yet

    def do(self, future: "Future[R]", call: Callable[[], R]) -> None:
        """Have a call made, and a future told what comes of it."""
        with self._turn:
            waits, self._free = self._free > 0, max(0, self._free - 1)
        self._tasks.put((future, call))
        if not waits:
            threading.Thread(target=self._work, name="store", daemon=True).start()

    def _work(self) -> None:
        while True:
            try:
                future, call = self._tasks.get(timeout=_IDLE_SECONDS)
            except queue.Empty:
                with self._turn:
                    if self._free:  # else a task is on its way to this thread
                        self._free -= 1
                        return
                continue
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(call())
                except BaseException as error:  # it is for whoever waits for it
                    future.set_exception(error)
            del future, call
            with self._turn:
                self._free += 1


_THREADS = _Threads()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_THREADS.forget)  # where they are not
