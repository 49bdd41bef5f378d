"""A thread that computes with one session, here or elsewhere: it takes the next batch as soon as it is free."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from imgtrans import translate
from imgtrans.executors.batches import Batches, Kind, Waiting
from imgtrans.executors.codec import WorkerDiedError
from imgtrans.protocols import Interruptible, Pixels, Session

# How often a frame may be there when whoever computes it dies: after the first time it is computed by itself.
MOST_DEATHS = 3

HandBack = Callable[[Waiting, Pixels | Exception, float], None]


class ModelDiedError(Exception):
    """Whoever computed has died, and what it computed is not done; it says of a picture what that did."""


class NotThereError(Exception):
    """Whoever was to compute was gone before it was asked; no picture has to do with that."""


class Computing(Protocol):
    """A session, wherever it is; frames are arrays, or what stands for them there."""

    def is_there(self) -> bool:
        """Whether it can compute now; if not, this waits for a moment first."""
        ...

    def compute(self, frames: Sequence[Pixels], *, alone: bool) -> list[Pixels | Exception]:
        """Translate frames of one kind; one that cannot be computed gives its exception and harms no other.

        Args:
            frames: What goes into the network.
            alone: Whether nothing else may be computed there meanwhile.

        Raises:
            MemoryError: If several do not fit into memory together; fewer may.
            ModelDiedError: If it has died of it, or of something else.
            NotThereError: If it has died before.
        """
        ...

    def interrupt(self) -> None:
        """End what it is doing soon, from another thread, and begin nothing more."""
        ...


class Here:
    """A session of this process.

    Args:
        session: The network on one device.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def is_there(self) -> bool:
        """It always is."""
        return True

    def compute(self, frames: Sequence[Pixels], *, alone: bool) -> list[Pixels | Exception]:
        """Translate frames of one kind."""
        return translate.compute(self._session, frames)

    def interrupt(self) -> None:
        """End what it is doing: a large picture may take minutes.

        The session is asked; an exception thrown into the thread would leave a lock behind now and then.
        """
        if isinstance(self._session, Interruptible):
            self._session.interrupt()


def fitting(shape: Sequence[int], batch_size: int, batch_pixels: int) -> int:
    """Return how many frames are computed together, at most, though never less than one.

    Args:
        shape: Of each frame, (H, W, ...).
        batch_size: Frames, at most.
        batch_pixels: Pixels of all of them, at most.
    """
    height, width = shape[:2]
    return max(1, min(batch_size, batch_pixels // (height * width)))


class Computer(threading.Thread):
    """A thread that computes.

    Args:
        computing: What with.
        batches: What is to be computed.
        hand_back: Takes each frame's result, and its share of the batch's seconds.
        failed: Is told of bugs.
        batch_size: Frames computed together, at most.
        batch_pixels: Pixels computed together, at most (though never less than one frame).
    """

    def __init__(
        self,
        computing: Computing,
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
        self._computing = computing
        self._batches = batches
        self._hand_back = hand_back
        self._failed = failed
        self._stopped = False

    def fits(self, kind: Kind) -> int:
        """Return how many frames of a kind are computed together, at most."""
        shape, _ = kind
        return fitting(shape, self._batch_size, self.batch_pixels)

    def run(self) -> None:
        """Work until there are no batches any more."""
        try:
            while True:
                if not self._computing.is_there():
                    if self._stopped or self._batches.is_closed():
                        return
                    continue
                batch = self._batches.take(self.fits)
                if not batch:
                    return
                self._compute(deque(batch))
        except BaseException as error:
            if not self._stopped:
                self._failed(error)

    def interrupt(self) -> None:
        """End what it is doing, and begin nothing more."""
        self._stopped = True
        self._computing.interrupt()

    def _compute(self, left: deque[Waiting]) -> None:
        while left and not self._stopped:
            batch = [left.popleft() for _ in range(min(len(left), self.fits(left[0].kind)))]
            started = time.perf_counter()
            try:
                results = self._computing.compute([frame.pixels for frame in batch], alone=batch[0].deaths > 0)
            except MemoryError:
                # For the rest of the run: what else needs the memory here will go on needing it.
                height, width = batch[0].pixels.shape[:2]
                self.batch_pixels = len(batch) * height * width // 2
                left.extendleft(reversed(batch))
                continue
            except NotThereError:
                self._put_back([*batch, *left])
                return
            except ModelDiedError as error:
                self._died(batch, error)
                self._put_back([*left])
                return
            seconds = (time.perf_counter() - started) / len(batch)
            for frame, result in zip(batch, results, strict=True):
                self._hand_back(frame, result, seconds)

    def _put_back(self, frames: list[Waiting]) -> None:
        """Have frames wait again, for there is nobody here who computes them just now."""
        self._batches.put([frame for frame in frames if not frame.deaths])
        self._batches.put_alone([frame for frame in frames if frame.deaths])

    def _died(self, batch: list[Waiting], error: ModelDiedError) -> None:
        """Have frames computed elsewhere, one by one, for one of them may be why; give up what was there too often."""
        again = []
        for frame in batch:
            frame.deaths += 1
            if frame.deaths < MOST_DEATHS:
                again.append(frame)
            else:
                self._hand_back(frame, WorkerDiedError(f"{error}"), 0.0)
        self._batches.put_alone(again)
