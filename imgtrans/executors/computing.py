"""A thread that runs one session: it takes the next batch as soon as it is free."""

import threading
import time
from collections import deque
from collections.abc import Callable

from imgtrans.executors.batches import Batches, Kind, Waiting
from imgtrans.protocols import Interruptible, Pixels, Session
from imgtrans.translate import compute

HandBack = Callable[[Waiting, Pixels | Exception, float], None]


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
        self._stopped = False

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
        """End what it is doing, and begin nothing more: a large picture may take minutes.

        The session is asked; an exception thrown into the thread would leave a lock behind now and then.
        """
        self._stopped = True
        if isinstance(self._session, Interruptible):
            self._session.interrupt()

    def _compute(self, left: deque[Waiting]) -> None:
        while left and not self._stopped:
            batch = [left.popleft() for _ in range(min(len(left), self.fits(left[0].kind)))]
            started = time.perf_counter()
            try:
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
