"""A thread that drives one codec: it writes what is computed, else reads ahead."""

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
from imgtrans.executors.codec import Codec, LostError, Read, WorkerDiedError
from imgtrans.executors.held import LOSSES, SMALL_BYTES, TOGETHER, Coming, Held, sentence
from imgtrans.executors.supply import Supply
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
    """A thread that drives one codec.

    What it reads comes back to it for writing, so the full picture never leaves its process; only what the network
    sees does.

    Args:
        codec: The process.
        supply: Gives items and memory.
        batches: Take what is read.
        events: Is told outcomes, the end, and bugs.
        temporaries: Know the files that are being written.
        ahead: Pictures that it holds at most.
        tag: Goes into the names of temporaries.
    """

    def __init__(
        self,
        codec: Codec,
        supply: Supply,
        batches: Batches,
        events: "queue.SimpleQueue[Event]",
        temporaries: Temporaries,
        ahead: int,
        tag: str,
    ) -> None:
        super().__init__(daemon=True)
        self._codec, self._supply, self._batches = codec, supply, batches
        self._events, self._temporaries = events, temporaries
        self._ahead, self._tag = ahead, tag
        self._coming: deque[Coming] = deque()
        self._together, self._usual = 1, 1  # pictures in a message, and pixels of the last one that the model gets
        self._holding: list[Held] = []
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
                if not self._codec.is_there():
                    self._reads_on(False)
                    if self._stopped or (self._supply.is_exhausted() and not self._coming and not self._holding):
                        break
                    continue
                self._reads_on(not self._exhausted)
                self._again.clear()  # what happens from here on is noticed, at the latest when there is nothing to do
                if self._stopped:
                    break
                if self._write() if self._computed else self._read():
                    continue
                if self._exhausted and not self._coming and not self._holding:
                    break
                self._reads_on(False)
                self._again.wait()
        except BaseException as error:  # a bug here must end the run, not leave it waiting for ever
            self._events.put(error)
        self._reads_on(False)
        self._codec.rest()
        self._events.put(Ended())

    def _reads_on(self, state: bool) -> None:
        """Say whether frames may soon come from here."""
        if state != self._reading:
            self._reading = state
            self._batches.reading(1 if state else -1)

    def _read(self) -> bool:
        """Read the next pictures; return False if that is not possible now."""
        if not self._holding:
            self._codec.renew()  # whoever was killed while there was nothing to do has done no harm
        if not self._coming:
            return self._read_next()
        coming = self._coming[0]
        if coming.extent is None:
            self._measure(coming)
            return True
        allowed = None if coming.deaths else coming.extent.memory
        if not self._supply.may_read(allowed, self._again):
            return False
        self._coming.popleft()
        memory = 0
        try:
            memory = self._hold([(coming, coming.extent, self._codec.read(coming.item, coming.extent.pixels))])
        except WorkerDiedError as error:
            self._bereaved()
            if error.killed and coming.deaths < self._codec.deaths:
                coming.deaths += 1
                self._coming.appendleft(coming)
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
        most = max(LEAST_AHEAD - len(self._holding), -(-wanted // self._usual))
        most = min(most, self._together, self._ahead - len(self._holding))
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
            answers = self._codec.read_small(items, SMALL_BYTES)
            read = []
            for item, answer in zip(items, answers, strict=True):
                if isinstance(answer, Exception):
                    self._fail(item, answer)
                elif answer[1] is None:
                    self._coming.append(Coming(item, answer[0]))
                else:
                    read.append((Coming(item), answer[0], answer[1]))
            memory = self._hold(read)
            self._together = TOGETHER if read else 1
        except WorkerDiedError as error:
            self._bereaved()
            if len(items) > 1 or error.killed:
                self._coming.extend(map(Coming, items))  # one by one: that tells which of them it was
            else:
                self._fail(items[0], error)
        except MemoryError:
            self._coming.extend(map(Coming, items))
        finally:
            self._supply.done(allowed, held=memory)
        return True

    def _bereaved(self) -> None:
        """What the process held is gone with it, and takes no memory any more; it is read again when it is written."""
        self._supply.release(sum(picture.kept for picture in self._holding))
        for picture in self._holding:
            picture.kept = 0

    def _hold(self, read: Sequence[tuple[Coming, Extent, Read]]) -> int:
        """Have what was read wait for the model; return the bytes that it takes."""
        pictures = [
            Held(coming.item, self, one, extent.memory, deaths=coming.deaths, losses=coming.losses)
            for coming, extent, one in read
        ]
        frames = [
            Waiting(picture, number, frame) for picture in pictures for number, frame in enumerate(picture.read.frames)
        ]
        if pictures:
            self._usual = -(-sum(frame.size for frame in frames) // len(pictures))
        self._holding += pictures
        memory = sum(picture.kept for picture in pictures)
        self._batches.put(frames)
        return memory

    def _measure(self, coming: Coming) -> None:
        """Find out how large a picture is."""
        try:
            coming.extent = self._codec.measure(coming.item)
        except (ImageError, WorkerDiedError, OSError, RuntimeError) as error:
            if isinstance(error, WorkerDiedError):
                self._bereaved()
                if error.killed and coming.deaths < self._codec.deaths - 1:
                    coming.deaths += 1
                    return
            self._coming.popleft()
            self._fail(coming.item, error)

    def _write(self) -> bool:
        """Write the pictures that were computed first; return False if there is too little memory just now."""
        with self._lock:
            first, *others = itertools.islice(self._computed, TOGETHER)
        pictures = [first, *itertools.takewhile(Held.is_small, others)] if first.is_small() else [first]
        memory = None if first.deaths else sum(picture.more_memory for picture in pictures)
        if not self._supply.may_write(memory, self._again):
            return False
        given_back = 0
        try:
            for picture, event in zip(pictures, self._written(pictures), strict=True):
                if event is not None:
                    self._computed.popleft()
                    self._holding.remove(picture)
                    given_back += picture.kept
                    if isinstance(event, Coming):
                        self._coming.append(event)
                    else:
                        self._events.put(event)
        finally:
            self._supply.done(memory, held=-given_back)
        return True

    def _written(self, pictures: list[Held]) -> list[Event | Coming | None]:
        """Write pictures and return what became of each; None if that is to be tried once more, by itself."""
        temporaries = [temporary_beside(picture.item.output, self._tag) for picture in pictures]
        self._temporaries.paths.update(temporaries)
        answers: Sequence[float | Exception]
        try:
            answers = self._answers(pictures, temporaries)
        except Exception as error:
            answers = [error] * len(pictures)
            if isinstance(error, WorkerDiedError):
                self._bereaved()
        return [
            self._event(picture, temporary, answer, last=len(pictures) == 1)
            for picture, temporary, answer in zip(pictures, temporaries, answers, strict=True)
        ]

    def _answers(self, pictures: list[Held], temporaries: list[Path]) -> Sequence[float | Exception]:
        """Have pictures written."""
        if len(pictures) > 1:
            given = [
                (picture.item, picture.translated(), temporary)
                for picture, temporary in zip(pictures, temporaries, strict=True)
            ]
            return self._codec.write_several(given)
        picture, temporary = pictures[0], temporaries[0]
        if picture.problem:
            with contextlib.suppress(WorkerDiedError, LostError):
                self._codec.drop(picture.item)
            return [picture.problem]
        return [self._codec.write(picture.item, picture.translated(), temporary, picture.read.pixels)]

    def _event(self, picture: Held, temporary: Path, answer: float | Exception, *, last: bool) -> Event | Coming | None:
        """Return what became of a picture; None if it is to be written once more, by itself; or it begins anew."""
        if not isinstance(answer, Exception):
            return picture.outcome(temporary, encode_seconds=answer)
        temporary.unlink(missing_ok=True)
        self._temporaries.paths.discard(temporary)
        if isinstance(answer, WorkerDiedError | LostError) and not last:
            picture.by_itself = True
            return None
        if isinstance(answer, WorkerDiedError) and answer.killed and picture.deaths < self._codec.deaths:
            picture.deaths += 1
            return None
        if isinstance(answer, LostError) and picture.losses < LOSSES:
            return Coming(picture.item, deaths=picture.deaths, losses=picture.losses + 1)
        return cannot_go_on(picture.item.output.parent, answer) or picture.outcome(
            None, error=sentence(picture.item, answer)
        )

    def _fail(self, item: Item, error: Exception) -> None:
        self._events.put(Outcome(item, None, sentence(item, error)))
