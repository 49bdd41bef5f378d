"""An opened model that several inboxes use in turns, closed when nobody has used it for long and opened again."""

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import AbstractContextManager

from imgtrans.batch.run import Translating
from imgtrans.protocols import Item, Outcome

TURN_ITEMS = 64  # begun in one turn, if others wait for theirs
# Items are drawn ahead of their need, so that threads need not meet over each: as many as are needed in a moment, since
# what arrives meanwhile comes after them.
LEAST_AHEAD, MOST_AHEAD, AHEAD_SECONDS = 2, 64, 0.25


class Turns:
    """Lets one of several threads have the device at a time, in the order in which they ask."""

    def __init__(self) -> None:
        self._queue: deque[object] = deque()
        self._changed = threading.Condition()

    @contextlib.contextmanager
    def mine(self) -> Iterator[None]:
        """Wait for a turn, and have it."""
        ticket = object()
        with self._changed:
            self._queue.append(ticket)
            self._changed.wait_for(lambda: self._queue[0] is ticket)
        try:
            yield
        finally:
            with self._changed:
                self._queue.popleft()
                self._changed.notify_all()

    @property
    def wanted(self) -> bool:
        """Whether somebody waits while another has the turn."""
        with self._changed:
            return len(self._queue) > 1


class SharedEngine:
    """An engine that is opened when it is needed.

    Args:
        open: Opens it.
        turns: Of all engines on the same devices.
        idle_seconds: After how long without work it is closed; 0 is never.
        told: Is told whether it is open, each time that this changes.
    """

    def __init__(
        self,
        open: Callable[[], AbstractContextManager[Translating]],
        turns: Turns,
        idle_seconds: float = 0.0,
        told: Callable[[bool], None] = lambda loaded: None,
    ) -> None:
        self._open = open
        self._turns = turns
        self._idle_seconds = idle_seconds
        self._told = told
        self._context: AbstractContextManager[Translating] | None = None
        self._engine: Translating | None = None
        self._timer: threading.Timer | None = None
        self._ended = False

    def describe(self) -> str:
        """Open it, and return where and how it computes."""
        with self._turns.mine():
            description = self._opened().describe()
            self._rest()
        return description

    def run(self, items: Iterable[Item]) -> Generator[list[Outcome]]:
        """Translate items; see :class:`imgtrans.protocols.Executor`. Several threads may do so, each its own items.

        The items may come slowly: while none is there others have their turns.
        """
        drawn = _Drawn(iter(items))
        try:
            while drawn.wait():
                with self._turns.mine():
                    turn = _Turn(drawn, self._turns)
                    try:
                        with contextlib.closing(self._opened().run(turn)) as groups:
                            for outcomes in groups:
                                turn.finished(len(outcomes))
                                yield outcomes
                    except BaseException:
                        self._close()  # what was broken off half-way is not used again
                        raise
                    finally:
                        turn.end()
                        self._rest()
            drawn.check()
        finally:
            drawn.close()

    def close(self) -> None:
        """Close it for good, once nobody uses it."""
        with self._turns.mine():
            self._ended = True
            self._close()

    def _opened(self) -> Translating:
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if self._engine is None:
            self._context = self._open()
            self._engine = self._context.__enter__()
            self._told(True)
        return self._engine

    def _rest(self) -> None:
        """Have it closed after a while."""
        if self._idle_seconds and not self._ended and self._engine is not None:
            timer = threading.Timer(self._idle_seconds, self._close_if_idle)
            timer.daemon = True
            self._timer = timer
            timer.start()

    def _close_if_idle(self) -> None:
        timer = threading.current_thread()
        with self._turns.mine():
            if self._timer is timer:  # nobody has used it since
                self._close()

    def _close(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None
        context, self._context, self._engine = self._context, None, None
        if context is not None:
            context.__exit__(None, None, None)
            self._told(False)


class _Drawn:
    """Items, drawn by a thread of its own, so that whoever waits for them can do other things meanwhile."""

    def __init__(self, items: Iterator[Item], clock: Callable[[], float] = time.monotonic) -> None:
        self._items = items
        self._clock = clock
        self._there: deque[Item] = deque()
        self._ended = self._closed = False
        self._error: BaseException | None = None
        self._ahead, self._taken, self._since = LEAST_AHEAD, 0, clock()
        lock = threading.Lock()
        self.changed, self._room = threading.Condition(lock), threading.Condition(lock)
        threading.Thread(target=self._draw, name="drawing", daemon=True).start()

    def wait(self) -> bool:
        """Wait for an item; return whether there is one, as opposed to the end."""
        with self.changed:
            self.changed.wait_for(lambda: self._there or self._ended)
            return bool(self._there)

    def take(self, wait: Callable[[], bool]) -> Item | None:
        """Return the next item; None if there is none and it is not to be waited for, or never will be."""
        with self.changed:
            self.changed.wait_for(lambda: self._there or self._ended or not wait())
            if not self._there or not wait():
                return None
            item = self._there.popleft()
            self._count()
            if len(self._there) <= self._ahead // 2:
                self._room.notify()
            return item

    def check(self) -> None:
        """Raise what ended the drawing before its time."""
        if self._error:
            raise self._error

    def close(self) -> None:
        """Draw nothing more."""
        with self.changed:
            self._closed = self._ended = True
            self.changed.notify_all()
            self._room.notify()

    def _count(self) -> None:
        """Keep an eye on how many are taken in a moment."""
        self._taken += 1
        now = self._clock()
        if now - self._since >= AHEAD_SECONDS:
            wanted = int(self._taken * AHEAD_SECONDS / (now - self._since))
            self._ahead = max(LEAST_AHEAD, min(MOST_AHEAD, wanted))
            self._taken, self._since = 0, now

    def _draw(self) -> None:
        try:
            for item in self._items:
                with self.changed:
                    self._there.append(item)
                    self.changed.notify_all()
                    if len(self._there) >= self._ahead:
                        self._room.wait_for(lambda: len(self._there) <= self._ahead // 2 or self._closed)
                    if self._closed:
                        return
        except BaseException as error:  # it is for whoever waits for the items
            self._error = error
        finally:
            with self.changed:
                self._ended = True
                self.changed.notify_all()


class _Turn:
    """The items of one turn: while some are in hand others may join; then it ends, or when others want theirs."""

    def __init__(self, drawn: _Drawn, turns: Turns) -> None:
        self._drawn = drawn
        self._turns = turns
        self._begun = self._in_hand = 0
        self._over = False

    def __iter__(self) -> "_Turn":
        return self

    def __next__(self) -> Item:
        item = self._drawn.take(self._goes_on)
        if item is None:
            raise StopIteration
        with self._drawn.changed:
            self._begun += 1
            self._in_hand += 1
        return item

    def finished(self, count: int) -> None:
        """So many are not in hand any more."""
        with self._drawn.changed:
            self._in_hand -= count
            self._drawn.changed.notify_all()

    def end(self) -> None:
        """Give no more items."""
        with self._drawn.changed:
            self._over = True
            self._drawn.changed.notify_all()

    def _goes_on(self) -> bool:
        if self._over or (self._begun >= TURN_ITEMS and self._turns.wanted):
            return False
        return self._begun == 0 or self._in_hand > 0
