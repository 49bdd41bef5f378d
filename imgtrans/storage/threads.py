"""Threads that wait for a store, several at a time, and that nobody has to wait for when everything ends."""

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from typing import TypeVar

R = TypeVar("R")
_Task = tuple["Future[R]", Callable[[], R]]


def in_order(calls: Iterable[Callable[[], R]], threads: int) -> Iterator[R]:
    """Yield what calls return, in their order, while threads work on the next ones.

    What a call raises is raised here. It goes no further ahead than there are threads.
    """
    return in_order_where_called(calls, threads)


def in_order_where_called(calls: Iterable["R | Callable[[], R]"], threads: int) -> Iterator[R]:
    """Yield the same, and what is no call itself."""
    tasks: queue.SimpleQueue[_Task[R] | None] = queue.SimpleQueue()
    pending: deque[Future[R]] = deque()
    started = 0
    try:
        for call in calls:
            if not callable(call) and not pending:
                yield call
                continue
            future: Future[R] = Future()
            pending.append(future)
            if callable(call):
                tasks.put((future, call))
                if started < threads:
                    started += 1
                    threading.Thread(target=_work, args=(tasks,), name="store", daemon=True).start()
            else:
                future.set_result(call)
            while len(pending) >= threads or (pending and pending[0].done()):
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        for future in pending:
            future.cancel()
        for _ in range(started):
            tasks.put(None)


def _work(tasks: "queue.SimpleQueue[_Task[R] | None]") -> None:
    while (task := tasks.get()) is not None:
        future, call = task
        if not future.set_running_or_notify_cancel():
            continue
        try:
            future.set_result(call())
        except BaseException as error:  # it is for whoever waits for it
            future.set_exception(error)
