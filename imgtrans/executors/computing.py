"""A thread that runs one session: it takes the next batch as soon as it is free."""

import contextlib
import ctypes
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator

from imgtrans.executors.batches import Batches, Kind, Waiting
from imgtrans.protocols import Pixels, Session
from imgtrans.translate import compute

HandBack = Callable[[Waiting, Pixels | Exception, float], None]


class _Interrupted(BaseException):
    """What a computation that is not wanted any more ends with."""


class Computer(threading.Thread):
    """A thread that computes with one session.

    Args:
        session: The network on one device.
        batches: What is to be computed.
        hand_back: Takes each frame's result, and its share of the batch's seconds.
        failed: Is told of bugs.
        batch_size: Frames computed together, at most.
        batch_pixels: Pixels computed together, at most (though never less than one frame).
    """

    def __init__(
        self,
        session: Session,
        batches: Batches,
        hand_back: HandBack,
        failed: Callable[[BaseException], None],
        *,
        batch_size: int,
        batch_pixels: int,
    ) -> None:
        super().__init__(daemon=True)
        self.batch_pixels = batch_pixels
        self._batch_size = batch_size
        self._session = session
        self._batches = batches
        self._hand_back = hand_back
        self._failed = failed
        self._stopped = self._computing = False
        self._lock = threading.Lock()

    def fits(self, kind: Kind) -> int:
        """Return how many frames of a kind are computed together, at most."""
        (height, width, *_), _ = kind
        return max(1, min(self._batch_size, self.batch_pixels // (height * width)))

    def run(self) -> None:
        """Work until there are no batches any more."""
        try:
            while batch := self._batches.take(self.fits):
                self._compute(deque(batch))
        except BaseException as error:
            if not self._stopped:
                self._failed(error)

    def interrupt(self) -> None:
        """End what it is doing, as Ctrl-C would in the main thread: a large picture may take minutes."""
        with self._lock:
            self._stopped = True
            # Only there: what takes or hands back a batch would leave a lock behind that is held for ever.
            if self._computing and self.ident is not None:
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self.ident), ctypes.py_object(_Interrupted))

    @contextlib.contextmanager
    def _interruptible(self) -> Iterator[None]:
        with self._lock:
            if self._stopped:
                raise _Interrupted
            self._computing = True
        try:
            yield
        finally:
            with self._lock:
                self._computing = False

    def _compute(self, left: deque[Waiting]) -> None:
        while left:
            batch = [left.popleft() for _ in range(min(len(left), self.fits(left[0].kind)))]
            started = time.perf_counter()
            try:
                with self._interruptible():
                    results = compute(self._session, [frame.pixels for frame in batch])
            except MemoryError:
                # For the rest of the run: what else needs the memory here will go on needing it.
                height, width = batch[0].pixels.shape[:2]
                self.batch_pixels = len(batch) * height * width // 2
                left.extendleft(reversed(batch))
                continue
            seconds = (time.perf_counter() - started) / len(batch)
            for frame, result in zip(batch, results, strict=True):
                self._hand_back(frame, result, seconds)
