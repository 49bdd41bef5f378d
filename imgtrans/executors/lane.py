"""A thread that drives one worker process: it writes what is computed, else reads ahead."""

import contextlib
import itertools
import queue
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from imgtrans.errors import ImageError
from imgtrans.executors.batches import Batches, Waiting
from imgtrans.executors.held import SMALL_BYTES, TOGETHER, Coming, Held, sentence
from imgtrans.executors.supply import Supply
from imgtrans.executors.worker import Read, Worker, WorkerDiedError
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
        self._coming: deque[Coming] = deque()
        self._together, self._usual = 1, 1  # pictures in a message, and pixels of the last one that the model gets
        self._holding = 0
        self._exhausted = False
        self._stopped = False
        self._reading = False
        self._computed: deque[Held] = deque()
        self._lock = threading.Lock()
        self._again = threading.Event()

    def take_back(self, picture: Held, number: int, result: Pixels | Exception, seconds: float) -> None:
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
        """Read the next pictures; return False if that is not possible now."""
        if not self._holding:
            self._worker.renew()  # whoever was killed while there was nothing to do has done no harm
        if not self._coming:
            return self._read_next()
        coming = self._coming[0]
        if coming.extent is None:
            self._measure(coming)
            return True
        allowed = None if coming.alone else coming.extent.memory
        if not self._supply.may_read(allowed, self._again):
            return False
        self._coming.popleft()
        memory = 0
        try:
            memory = self._hold([(coming.item, coming.extent, self._worker.read(coming.item, coming.extent.pixels))])
        except WorkerDiedError as error:
            if error.killed and not coming.alone:
                self._coming.appendleft(Coming(coming.item, coming.extent, alone=True))
            else:
                self._fail(coming.item, error)
        except (ImageError, OSError, RuntimeError, MemoryError) as error:
            self._fail(coming.item, error)
        finally:
            self._supply.done(allowed, held=memory)
        return True

    def _read_next(self) -> bool:
        """Read what comes next and is small; the rest is measured and waits. Return False if nothing can be had now.

        Small pictures are read several at a time, since a message takes as long as half of one of them.
        """
        wanted = self._batches.wants(self._again)
        most = max(LEAST_AHEAD - self._holding, -(-wanted // self._usual))
        most = min(most, self._together, self._ahead - self._holding)
        if self._exhausted or most <= 0:
            return False
        items = self._supply.next(most, self._again)
        if not items:
            self._exhausted = items is None
            return False
        allowed = len(items) * SMALL_BYTES
        if not self._supply.may_read_at_once(allowed):
            self._coming.extend(map(Coming, items))
            return True
        memory = 0
        try:
            answers = self._worker.read_small(items, SMALL_BYTES)
            read = []
            for item, answer in zip(items, answers, strict=True):
                if isinstance(answer, Exception):
                    self._fail(item, answer)
                elif answer[1] is None:
                    self._coming.append(Coming(item, answer[0]))
                else:
                    read.append((item, answer[0], answer[1]))
            memory = self._hold(read)
            self._together = TOGETHER if read else 1
        except WorkerDiedError as error:
            if len(items) > 1 or error.killed:
                self._coming.extend(map(Coming, items))  # one by one: that tells which of them it was
            else:
                self._fail(items[0], error)
        except MemoryError:
            self._coming.extend(map(Coming, items))
        finally:
            self._supply.done(allowed, held=memory)
        return True

    def _hold(self, read: Sequence[tuple[Item, Extent, Read]]) -> int:
        """Have what was read wait for the model; return the bytes that it takes."""
        pictures = [Held(item, self, one, needed=extent.memory) for item, extent, one in read]
        frames = [
            Waiting(picture, number, frame) for picture in pictures for number, frame in enumerate(picture.read.frames)
        ]
        if pictures:
            self._usual = -(-sum(frame.size for frame in frames) // len(pictures))
        self._holding += len(pictures)
        memory = sum(picture.memory for picture in pictures)
        self._batches.put(frames)
        return memory

    def _measure(self, coming: Coming) -> None:
        """Find out how large a picture is."""
        try:
            coming.extent = self._worker.measure(coming.item)
        except (ImageError, WorkerDiedError, OSError, RuntimeError) as error:
            self._coming.popleft()
            self._fail(coming.item, error)

    def _write(self) -> bool:
        """Write the pictures that were computed first; return False if there is too little memory just now."""
        with self._lock:
            first, *others = itertools.islice(self._computed, TOGETHER)
        pictures = [first, *itertools.takewhile(Held.is_small, others)] if first.is_small() else [first]
        memory = None if first.alone else sum(picture.more_memory for picture in pictures)
        if not self._supply.may_write(memory, self._again):
            return False
        given_back = 0
        try:
            for picture, event in zip(pictures, self._written(pictures), strict=True):
                if event is not None:
                    self._computed.popleft()
                    self._holding -= 1
                    given_back += picture.memory
                    self._events.put(event)
        finally:
            self._supply.done(memory, held=-given_back)
        return True

    def _written(self, pictures: list[Held]) -> list[Event | None]:
        """Write pictures and return what became of each; None if it is to be tried once more, by itself."""
        temporaries = [temporary_beside(picture.item.output, self._tag) for picture in pictures]
        self._temporaries.paths.update(temporaries)
        answers: Sequence[float | Exception]
        try:
            answers = self._answers(pictures, temporaries)
        except Exception as error:
            answers = [error] * len(pictures)
        return [
            self._event(picture, temporary, answer, last=len(pictures) == 1)
            for picture, temporary, answer in zip(pictures, temporaries, answers, strict=True)
        ]

    def _answers(self, pictures: list[Held], temporaries: list[Path]) -> Sequence[float | Exception]:
        """Have the worker write pictures."""
        if len(pictures) > 1:
            given = [
                (picture.item, picture.translated(), temporary)
                for picture, temporary in zip(pictures, temporaries, strict=True)
            ]
            return self._worker.write_several(given)
        picture, temporary = pictures[0], temporaries[0]
        if picture.problem:
            with contextlib.suppress(WorkerDiedError):
                self._worker.drop(picture.item)
            return [picture.problem]
        return [self._worker.write(picture.item, picture.translated(), temporary, picture.read.pixels)]

    def _event(self, picture: Held, temporary: Path, answer: float | Exception, *, last: bool) -> Event | None:
        """Return what became of a picture; None if it is to be tried once more, by itself."""
        if not isinstance(answer, Exception):
            return picture.outcome(temporary, encode_seconds=answer)
        temporary.unlink(missing_ok=True)
        self._temporaries.paths.discard(temporary)
        if isinstance(answer, WorkerDiedError) and not last:
            picture.by_itself = True
            return None
        if isinstance(answer, WorkerDiedError) and answer.killed and not picture.alone:
            picture.alone = True
            return None
        return cannot_go_on(picture.item.output.parent, answer) or picture.outcome(
            None, error=sentence(picture.item, answer)
        )

    def _fail(self, item: Item, error: Exception) -> None:
        self._events.put(Outcome(item, None, sentence(item, error)))
