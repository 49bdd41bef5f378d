"""What lanes ask for before they work: the next item, and memory."""

import threading
from collections import deque
from collections.abc import Callable, Iterator

from imgtrans.protocols import Item

_GRACE_SECONDS = 5.0  # for items that come from a share that does not answer, when everything ends


class Supply:
    """The items still to be read, drawn by a thread of its own, and the memory that pictures may take.

    A lane that is refused something gives the event that is to be set when asking again may help.

    Args:
        items: What is to be read.
        ahead: How many items are drawn before they are asked for.
        memory: Bytes that pictures may take in all workers together.
        failed: Is told what ends the drawing before its time.
    """

    def __init__(
        self, items: Iterator[Item], *, ahead: int, memory: int, failed: Callable[[BaseException], None]
    ) -> None:
        self._items = items
        self._ahead = ahead
        self._memory = memory
        self._failed = failed
        self._drawn: deque[Item] = deque()
        self._ended = self._stopped = False
        self._held = 0  # by pictures that are decoded and at rest
        self._used = self._calls = 0  # by calls that are being worked on, and their number
        self._queue: deque[threading.Event] = deque()  # who waits for memory to read, in their order
        self._refused: set[threading.Event] = set()
        self._lock = threading.Lock()
        self._room = threading.Condition(self._lock)
        self._thread = threading.Thread(target=self._draw, daemon=True)
        self._thread.start()

    def next(self, most: int, again: threading.Event) -> list[Item] | None:
        """Return the next items, at most so many, none if none is known yet; None after the last."""
        with self._lock:
            if self._drawn:
                self._room.notify()
                return [self._drawn.popleft() for _ in range(min(most, len(self._drawn)))]
            if self._ended:
                return None
            self._refused.add(again)
            return []

    def may_read(self, amount: int | None, again: threading.Event) -> bool:
        """Whether a picture may be decoded now that takes that much, or all there is (None); :meth:`done` ends it.

        What would be too much waits until nobody holds anything, and who waits goes before who comes later.
        """
        amount = self._memory if amount is None else amount
        with self._lock:
            if again not in self._queue:
                self._queue.append(again)
            nobody = not self._calls and not self._held
            if self._queue[0] is again and (nobody or self._fits(amount)):
                self._queue.popleft()
                self._begin(amount)
                return True
            self._refused.add(again)
            return False

    def may_read_at_once(self, amount: int) -> bool:
        """Whether pictures may be decoded now that take that much, while nobody waits; :meth:`done` ends it."""
        with self._lock:
            if self._queue or not self._fits(amount):
                return False
            self._begin(amount)
            return True

    def may_write(self, amount: int | None, again: threading.Event) -> bool:
        """Whether a picture may be encoded now that takes so much more than it holds; :meth:`done` ends it.

        What would be too much waits until no other call is worked on. It cannot wait for those who hold something,
        as they may wait for the same.
        """
        amount = self._memory if amount is None else amount
        with self._lock:
            if not self._calls or self._fits(amount):
                self._begin(amount)
                return True
            self._refused.add(again)
            return False

    def done(self, amount: int | None, held: int) -> None:
        """A call has ended that was let begin for ``amount``; ``held`` bytes more (or, negative, fewer) are at rest."""
        with self._lock:
            self._used -= self._memory if amount is None else amount
            self._calls -= 1
            self._held += held
            self._wake()

    def release(self, held: int) -> None:
        """So many bytes are not at rest any more: what held them is gone."""
        with self._lock:
            self._held -= held
            self._wake()

    def is_exhausted(self) -> bool:
        """Whether there are no more items, nor will be."""
        with self._lock:
            return self._ended and not self._drawn

    def stop(self) -> None:
        """Draw and hand out nothing more."""
        with self._lock:
            self._stopped = self._ended = True
            self._drawn.clear()
            self._room.notify()
            self._wake()
        self._thread.join(_GRACE_SECONDS)

    def _fits(self, amount: int) -> bool:
        return self._held + self._used + amount <= self._memory

    def _begin(self, amount: int) -> None:
        self._used += amount
        self._calls += 1
        self._wake()  # whoever is next in the queue may fit, too

    def _wake(self) -> None:
        for again in self._refused:
            again.set()
        self._refused.clear()

    def _draw(self) -> None:
        try:
            for item in self._items:
                with self._lock:
                    self._drawn.append(item)
                    self._wake()
                    while len(self._drawn) >= self._ahead and not self._stopped:
                        self._room.wait()
                    if self._stopped:
                        return
        except BaseException as error:  # whatever it is, it is for whoever waits for outcomes
            if not self._stopped:
                self._failed(error)
        finally:
            with self._lock:
                self._ended = True
                self._wake()
