"""Frames that wait for the model, and which of them it takes next, together."""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from imgtrans.protocols import Pixels

# How long frames wait for others of their size while lanes read on. The model has nothing else to do then,
# so that time is not lost; what comes later comes too seldom to fill a batch.
LINGER_SECONDS = 0.05
# Batches that may be taken before a frame that arrived earlier. A rare size must not wait for the end of the run.
PATIENCE = 8

Kind = tuple[tuple[int, ...], Any]  # shape and type of pixels that go together


@dataclass
class Waiting:
    """A frame that waits.

    Attributes:
        owner: Who gets the result.
        number: Of the frame, in its picture.
        pixels: What goes into the network.
        deaths: How often whoever computed it has died of that, or of something else.
    """

    owner: Any
    number: int
    pixels: Pixels
    deaths: int = 0
    since: float = field(default=0.0, repr=False)
    arrived: int = field(default=0, repr=False)  # behind how many batches

    @property
    def kind(self) -> Kind:
        """Frames of one kind can be computed together."""
        return self.pixels.shape, self.pixels.dtype

    @property
    def size(self) -> int:
        """Its pixels."""
        height, width = self.pixels.shape[:2]
        return int(height * width)


class Batches:
    """Frames in buckets of one size, from lanes that read to whoever computes.

    Args:
        enough: Pixels in waiting from which on nothing more needs to be read.
        clock: Gives seconds.
    """

    def __init__(self, enough: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._enough = enough
        self._clock = clock
        self._buckets: dict[Kind, deque[Waiting]] = {}
        self._alone: deque[Waiting] = deque()
        self._pixels = 0
        self._taken = 0
        self._reading = 0
        self._closed = False
        self._refused: set[threading.Event] = set()
        self._changed = threading.Condition()

    def wants(self, again: threading.Event) -> int:
        """Return how many pixels more should be read; ``again`` is set when that may be some again."""
        with self._changed:
            if self._pixels >= self._enough:
                self._refused.add(again)
            return max(0, self._enough - self._pixels)

    def reading(self, more: int) -> None:
        """One lane more can read on (1), or one less (-1)."""
        with self._changed:
            self._reading += more
            if not self._reading:
                self._changed.notify_all()

    def put(self, frames: list[Waiting]) -> None:
        """Have frames wait."""
        with self._changed:
            for frame in frames:
                frame.since, frame.arrived = self._clock(), self._taken
                self._buckets.setdefault(frame.kind, deque()).append(frame)
                self._pixels += frame.size
            self._changed.notify_all()

    def put_alone(self, frames: list[Waiting]) -> None:
        """Have frames wait that are to be computed one by one, before all others."""
        with self._changed:
            self._alone.extend(frames)
            self._changed.notify_all()

    def is_closed(self) -> bool:
        """Whether nothing more is given out."""
        with self._changed:
            return self._closed

    def take(self, fits: Callable[[Kind], int]) -> list[Waiting]:
        """Return frames of one kind, at least one, or none once this is closed.

        Args:
            fits: Tells how many frames of a kind can be computed together.
        """
        with self._changed:
            while not self._closed:
                if self._alone:
                    return [self._alone.popleft()]
                kind, patience = self._choose(fits)
                if kind is not None:
                    return self._pop(kind, fits(kind))
                self._changed.wait(patience)
            return []

    def close(self) -> None:
        """Give out nothing more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _choose(self, fits: Callable[[Kind], int]) -> tuple[Kind | None, float | None]:
        """Return what to take now, or how long to wait at most."""
        if not self._buckets:
            return None, None
        oldest = min(self._buckets, key=lambda kind: self._buckets[kind][0].arrived)
        if self._taken - self._buckets[oldest][0].arrived >= PATIENCE:
            return oldest, None
        full = [kind for kind, bucket in self._buckets.items() if len(bucket) >= fits(kind)]
        if full:
            return min(full, key=lambda kind: self._buckets[kind][0].since), None
        if self._reading:
            left = self._buckets[oldest][0].since + LINGER_SECONDS - self._clock()
            if left > 0:
                return None, left
        return max(self._buckets, key=lambda kind: len(self._buckets[kind]) / fits(kind)), None

    def _pop(self, kind: Kind, most: int) -> list[Waiting]:
        bucket = self._buckets[kind]
        frames = [bucket.popleft() for _ in range(min(len(bucket), most))]
        if not bucket:
            del self._buckets[kind]
        self._pixels -= sum(frame.size for frame in frames)
        self._taken += 1
        for again in self._refused:
            again.set()
        self._refused.clear()
        return frames
