"""A thread that drives one worker process: it writes what is computed, else reads ahead."""

import contextlib
import queue
import threading
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

from imgtrans.errors import ImageError, ImgtransError
from imgtrans.executors.batches import Batches, Waiting
from imgtrans.executors.supply import Supply
from imgtrans.executors.worker import Worker, WorkerDiedError
from imgtrans.files import cannot_go_on, temporary_beside
from imgtrans.images.measure import Extent
from imgtrans.protocols import Item, Outcome, Pixels

# A lane always reads so far ahead: while one picture is computed the next one is there.
LEAST_AHEAD = 2


@dataclass(frozen=True)
class Ended:
    """A lane has nothing more to read or write."""


Event = Outcome | Ended | BaseException


@dataclass
class Temporaries:
    """Finished files that nobody has taken over yet; they are deleted if nobody does."""

    paths: set[Path] = field(default_factory=set)

    def claim(self, outcomes: list[Outcome]) -> None:
        """Somebody has taken over the files of these outcomes."""
        self.paths -= {outcome.temporary for outcome in outcomes if outcome.temporary}

    def delete(self) -> None:
        """Delete those that are left."""
        while self.paths:
            self.paths.pop().unlink(missing_ok=True)


@dataclass
class _Next:
    """A picture that is to be read as soon as there is memory for it, or for it alone."""

    item: Item
    extent: Extent
    alone: bool = False

    @property
    def memory(self) -> int | None:
        """Bytes that decoding it takes; None is all there are."""
        return None if self.alone else self.extent.memory


@dataclass
class _Held:
    """A picture that the worker holds until the model is done with all its frames."""

    item: Item
    lane: "Lane"
    pixels: int
    needed: int
    memory: int
    results: list[Pixels | Exception]
    missing: int
    decode_seconds: float
    model_seconds: float = 0.0
    alone: bool = False
    note: str = ""

    @property
    def more_memory(self) -> int | None:
        """Bytes that encoding it takes besides what it holds; None is all there are."""
        return None if self.alone else max(0, self.needed - self.memory)

    def outcome(self, temporary: Path | None, *, error: str = "", encode_seconds: float = 0.0) -> Outcome:
        """Return what became of it."""
        return Outcome(
            self.item, temporary, error, self.pixels, self.decode_seconds, self.model_seconds, encode_seconds, self.note
        )


def hand_back(frame: Waiting, result: Pixels | Exception, seconds: float) -> None:
    """Give a frame's result to the lane that the picture came from."""
    frame.owner.lane.take_back(frame.owner, frame.number, result, seconds)


class Lane(threading.Thread):
    """A thread that drives one worker.

    What it reads comes back to it for writing, so the full picture never leaves its process; only what the network
    sees does.

    Args:
        worker: The process.
        supply: Gives items and memory.
        batches: Take what is read.
        events: Is told outcomes, the end, and bugs.
        temporaries: Know the files that are being written.
        ahead: Pictures that it holds at most.
        tag: Goes into the names of temporaries.
    """

    def __init__(
        self,
        worker: Worker,
        supply: Supply,
        batches: Batches,
        events: "queue.SimpleQueue[Event]",
        temporaries: Temporaries,
        ahead: int,
        tag: str,
    ) -> None:
        super().__init__(daemon=True)
        self._worker, self._supply, self._batches = worker, supply, batches
        self._events, self._temporaries = events, temporaries
        self._ahead, self._tag = ahead, tag
        self._next: _Next | None = None
        self._holding = 0
        self._exhausted = False
        self._stopped = False
        self._reading = False
        self._computed: deque[_Held] = deque()
        self._lock = threading.Lock()
        self._again = threading.Event()

    def take_back(self, picture: _Held, number: int, result: Pixels | Exception, seconds: float) -> None:
        """Take back a frame that the model is done with; after its last one a picture is written."""
        with self._lock:
            picture.results[number] = result
            picture.model_seconds += seconds
            picture.missing -= 1
            if not picture.missing:
                self._computed.append(picture)
                self._again.set()

    def stop(self) -> None:
        """End the thread as soon as it can."""
        self._stopped = True
        self._again.set()

    def run(self) -> None:
        """Work until there is nothing left to read or write."""
        try:
            while True:
                self._reads_on(not self._exhausted)
                self._again.clear()  # what happens from here on is noticed, at the latest when there is nothing to do
                if self._stopped:
                    break
                if self._write() if self._computed else self._read():
                    continue
                if self._exhausted and not self._holding:
                    break
                self._reads_on(False)
                self._again.wait()
        except BaseException as error:  # a bug here must end the run, not leave it waiting for ever
            self._events.put(error)
        self._reads_on(False)
        self._events.put(Ended())

    def _reads_on(self, state: bool) -> None:
        """Say whether frames may soon come from here."""
        if state != self._reading:
            self._reading = state
            self._batches.reading(1 if state else -1)

    def _read(self) -> bool:
        """Read the next picture; return False if that is not possible now."""
        if self._next is None and not self._measure_next():
            return False
        coming = self._next
        if coming is None:
            return True
        if not self._supply.may_read(coming.memory, self._again):
            return False
        self._next = None
        memory = 0
        try:
            read = self._worker.read(coming.item, coming.extent.pixels)
            # RGB and alpha of the picture, and what the network sees twice: once here, once in the worker.
            memory = 4 * read.pixels * read.frames[0].itemsize + 2 * sum(frame.nbytes for frame in read.frames)
            self._holding += 1
            picture = _Held(
                coming.item,
                self,
                read.pixels,
                coming.extent.memory,
                memory,
                [*read.frames],
                len(read.frames),
                decode_seconds=read.seconds,
                note=read.note,
            )
            self._batches.put([Waiting(picture, number, pixels) for number, pixels in enumerate(read.frames)])
        except WorkerDiedError as error:
            if error.killed and not coming.alone:
                self._next = _Next(coming.item, coming.extent, alone=True)
            else:
                self._fail(coming.item, error)
        except (ImageError, OSError, RuntimeError, MemoryError) as error:
            self._fail(coming.item, error)
        finally:
            self._supply.done(coming.memory, held=memory)
        return True

    def _measure_next(self) -> bool:
        """Find out how large the next picture is; return False if there is none to be had now."""
        if self._exhausted or self._holding >= self._ahead:
            return False
        if self._holding >= LEAST_AHEAD and not self._batches.wants(self._again):
            return False
        item = self._supply.next(self._again)
        if not isinstance(item, Item):
            self._exhausted = item is None
            return False
        try:
            self._next = _Next(item, self._worker.measure(item))
        except (ImageError, WorkerDiedError, OSError, RuntimeError) as error:
            self._fail(item, error)
        return True

    def _write(self) -> bool:
        """Write the picture that was computed first; return False if there is too little memory just now."""
        picture = self._computed[0]
        memory = picture.more_memory
        if not self._supply.may_write(memory, self._again):
            return False
        given_back = 0
        try:
            event = self._written(picture)
            if event is None:
                picture.alone = True
            else:
                self._computed.popleft()
                self._holding -= 1
                given_back = picture.memory
                self._events.put(event)
        finally:
            self._supply.done(memory, held=-given_back)
        return True

    def _written(self, picture: _Held) -> Event | None:
        """Write a picture and return what became of it; None if it is to be tried once more, alone."""
        temporary = temporary_beside(picture.item.output, self._tag)
        self._temporaries.paths.add(temporary)
        try:
            seconds = self._worker.write(picture.item, self._translated(picture), temporary, picture.pixels)
        except Exception as error:
            temporary.unlink(missing_ok=True)
            self._temporaries.paths.discard(temporary)
            if isinstance(error, WorkerDiedError) and error.killed and not picture.alone:
                return None
            return cannot_go_on(picture.item.output.parent, error) or picture.outcome(
                None, error=_sentence(picture.item, error)
            )
        return picture.outcome(temporary, encode_seconds=seconds)

    def _translated(self, picture: _Held) -> list[Pixels]:
        """Return what the model made of each frame, or raise what it failed with."""
        for result in picture.results:
            if isinstance(result, Exception):
                with contextlib.suppress(WorkerDiedError):
                    self._worker.drop(picture.item)
                raise result
        return [result for result in picture.results if not isinstance(result, Exception)]

    def _fail(self, item: Item, error: Exception) -> None:
        self._events.put(Outcome(item, None, _sentence(item, error)))


def _sentence(item: Item, error: Exception) -> str:
    """Return why a picture failed."""
    if isinstance(error, ImageError):
        return error.message
    if isinstance(error, ImgtransError):  # which does not know the picture
        return f"{item.input} could not be translated: {error.message.rstrip('.')}."
    if isinstance(error, WorkerDiedError):
        return f"{item.input} {error}."
    if isinstance(error, MemoryError):
        return f"{item.input} does not fit into the device's memory; a --size would help."
    if isinstance(error, OSError):
        return f"{item.output} cannot be written: {error.strerror}."
    return f"{item.input} could not be translated: {[type(error).__name__, *str(error).strip().splitlines()][-1]}"
