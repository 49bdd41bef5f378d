"""This machine as an executor: worker processes decode and encode while the model computes in this one."""

import queue
import threading
from collections import defaultdict, deque
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass

from imgtrans.errors import ImageError
from imgtrans.executors.room import Room
from imgtrans.executors.worker import Worker, WorkerDiedError
from imgtrans.files import cannot_go_on, temporary_beside
from imgtrans.protocols import Item, Job, Outcome, Pixels, Session
from imgtrans.translate import compute


@dataclass
class _Held:
    """A picture that a worker holds until the model is done with all its frames."""

    item: Item
    lane: "_Lane"
    picture_pixels: int
    memory: int
    results: list[Pixels | Exception]
    missing: int


@dataclass
class _Decoded:
    """A frame of a picture, mostly the only one, that waits for the model."""

    picture: _Held
    number: int
    pixels: Pixels


@dataclass(frozen=True)
class _Starved:
    """A lane has nothing more to read."""


_Event = _Decoded | Outcome | _Starved | BaseException


class LocalExecutor:
    """Overlaps decoding, computing and encoding through bounded queues.

    Each lane is a thread with a worker process of its own. It reads ahead as far as ``ahead``
    allows, and what it read comes back to it for writing, so the full picture never leaves its
    process; only what the network sees does.

    Args:
        session: The network, ready.
        job: What is done to each picture.
        batch_size: Pictures of one size computed together, at most.
        batch_pixels: Pixels computed together, at most (though never less than one picture).
        workers: Worker processes.
        memory: Bytes that decoded pictures may take in all workers together.
    """

    def __init__(
        self, session: Session, job: Job, *, batch_size: int, batch_pixels: int, workers: int, memory: int
    ) -> None:
        self._session = session
        self._batch_size = batch_size
        self._batch_pixels = batch_pixels
        self._lanes = [Worker(job) for _ in range(workers)]
        self._ahead = max(2, -(-2 * batch_size // workers))
        self._memory = memory

    def close(self) -> None:
        """End the worker processes."""
        for worker in self._lanes:
            worker.close()

    def run(self, items: Iterable[Item]) -> Generator[list[Outcome]]:
        """Translate every item, yielding outcomes as they come, in any order.

        Raises:
            FilesError: If nothing can be written any more (a full disk).
        """
        events: queue.SimpleQueue[_Event] = queue.SimpleQueue()
        source = _Source(iter(items))
        lanes: list[_Lane] = []

        def freed() -> None:
            for lane in lanes:
                lane.wake()

        room = Room(self._memory, len(self._lanes), freed)
        lanes += [_Lane(worker, source, room, events, self._ahead) for worker in self._lanes]
        for lane in lanes:
            lane.start()
        waiting: dict[tuple[int, ...], deque[_Decoded]] = defaultdict(deque)
        reading, unfinished = len(lanes), 0
        outcomes: list[Outcome] = []
        try:
            while reading or unfinished or outcomes:
                # Whatever has happened is taken in first; only with nothing else to do is it waited for.
                idle = not any(waiting.values()) and not outcomes
                while idle or not events.empty():
                    event = events.get()
                    idle = False
                    if isinstance(event, BaseException):
                        raise event
                    if isinstance(event, _Starved):
                        reading -= 1
                    elif isinstance(event, _Decoded):
                        unfinished += event.number == 0
                        waiting[event.pixels.shape].append(event)
                    else:
                        unfinished -= event.pixels > 0  # one that could not be read was never counted
                        outcomes.append(event)
                    del event  # pixels, maybe many
                if outcomes:
                    yield outcomes
                    outcomes = []
                if any(waiting.values()):
                    self._compute(self._take_batch(max(waiting.values(), key=len)))
                    waiting = defaultdict(deque, {shape: left for shape, left in waiting.items() if left})
        finally:
            source.stop()
            for lane in lanes:
                lane.stop()
            if reading or unfinished:  # stopped half-way: what the workers are doing is no longer wanted
                for worker in self._lanes:
                    worker.kill()
            for lane in lanes:
                lane.join()
            while not events.empty():
                event = events.get()
                if isinstance(event, Outcome):
                    outcomes.append(event)
            for outcome in outcomes:  # nobody puts these in their places any more
                if outcome.temporary:
                    outcome.temporary.unlink(missing_ok=True)

    def _take_batch(self, bucket: deque[_Decoded]) -> list[_Decoded]:
        height, width = bucket[0].pixels.shape[:2]
        fits = max(1, self._batch_pixels // (height * width))
        return [bucket.popleft() for _ in range(min(len(bucket), self._batch_size, fits))]

    def _compute(self, batch: list[_Decoded]) -> None:
        for decoded, result in zip(batch, compute(self._session, [d.pixels for d in batch]), strict=True):
            decoded.picture.lane.hand_back(decoded, result)


class _Source:
    """The items still to be read, shared by the lanes."""

    def __init__(self, items: Iterator[Item]) -> None:
        self._items = items
        self._lock = threading.Lock()

    def next(self) -> Item | None:
        """Return the next item, None after the last."""
        with self._lock:
            return next(self._items, None)

    def stop(self) -> None:
        """Hand out nothing more."""
        with self._lock:
            self._items = iter(())


class _Lane(threading.Thread):
    """A thread that drives one worker: writes what is computed first, else reads ahead."""

    def __init__(
        self, worker: Worker, source: _Source, room: Room, events: "queue.SimpleQueue[_Event]", ahead: int
    ) -> None:
        super().__init__(daemon=True)
        self._worker = worker
        self._source = source
        self._room = room
        self._events = events
        self._ahead = ahead
        self._holding = 0
        self._postponed: tuple[Item, int] | None = None  # a large picture that waits for room, and what it takes
        self._exhausted = False
        self._stopped = False
        self._woken = False
        self._computed: deque[_Held] = deque()
        self._changed = threading.Condition()

    def hand_back(self, decoded: _Decoded, result: Pixels | Exception) -> None:
        """Take back a frame that the model is done with; after its last one a picture is written."""
        picture = decoded.picture
        picture.results[decoded.number] = result
        picture.missing -= 1
        if picture.missing:
            return
        with self._changed:
            self._computed.append(picture)
            self._changed.notify()

    def wake(self) -> None:
        """Try again to read: there may be room now."""
        with self._changed:
            self._woken = True
            self._changed.notify()

    def stop(self) -> None:
        """End the thread as soon as it can."""
        with self._changed:
            self._stopped = True
            self._changed.notify()

    def run(self) -> None:
        """Work until there is nothing left to read or write."""
        try:
            while not self._stopped:
                with self._changed:
                    task = self._computed.popleft() if self._computed else None
                    self._woken = False
                if task:
                    self._write(task)
                elif self._exhausted or self._holding >= self._ahead or not self._read():
                    with self._changed:
                        if not self._computed and not self._stopped and not self._woken:
                            if self._exhausted and not self._holding:
                                return
                            self._changed.wait()
        except BaseException as error:  # a bug here must end the run, not leave it waiting for ever
            self._events.put(error)

    def _read(self) -> bool:
        """Read the next picture; return False if there is none to be had now."""
        if self._postponed:
            (item, memory), aside = self._postponed, None
            if not self._room.enter(memory):
                return False
            self._postponed = None
        else:
            if not self._room.begin():
                return False
            following = self._source.next()
            if following is None:
                self._room.leave(0)
                self._exhausted = True
                self._events.put(_Starved())
                return False
            item, memory, aside = following, 0, self._room.aside
        try:
            frames, number = self._worker.read(item, aside)
        except (ImageError, WorkerDiedError, OSError, RuntimeError) as error:
            self._room.leave(memory)
            self._fail(item, error)
            return True
        if not frames:
            self._postponed = item, number
            self._room.wait()
            return True
        if aside is not None:
            memory = _memory_of(number, frames)
            self._room.hold(memory)
        self._holding += 1
        picture = _Held(item, self, number, memory, [*frames], missing=len(frames))
        for place, pixels in enumerate(frames):
            self._events.put(_Decoded(picture, place, pixels))
        return True

    def _write(self, picture: _Held) -> None:
        try:
            self._write_held(picture)
        finally:
            self._holding -= 1
            self._room.leave(picture.memory)

    def _write_held(self, picture: _Held) -> None:
        item = picture.item
        temporary = temporary_beside(item.output)
        try:
            frames = [result for result in picture.results if not isinstance(result, Exception)]
            for result in picture.results:
                if isinstance(result, Exception):
                    self._worker.drop(item)
                    raise result
            self._worker.write(item, frames, temporary)
        except Exception as error:
            temporary.unlink(missing_ok=True)
            if fatal := cannot_go_on(item.output.parent, error):
                self._events.put(fatal)
                return
            self._fail(item, error, picture.picture_pixels)
            return
        self._events.put(Outcome(item, temporary, pixels=picture.picture_pixels))

    def _fail(self, item: Item, error: Exception, pixels: int = 0) -> None:
        if isinstance(error, ImageError):
            message = error.message
        elif isinstance(error, WorkerDiedError):
            message = f"{item.input} {error}."
        elif isinstance(error, MemoryError):
            message = f"{item.input} does not fit into the device's memory; a --size would help."
        elif isinstance(error, OSError):
            message = f"{item.output} cannot be written: {error.strerror}."
        else:
            message = f"{item.input} could not be translated: {str(error).strip().splitlines()[-1]}"
        self._events.put(Outcome(item, None, message, pixels))


def _memory_of(picture_pixels: int, frames: list[Pixels]) -> int:
    # RGB and alpha of the picture, and what the network sees twice (once here, once in the worker).
    return 4 * picture_pixels + 2 * sum(pixels.nbytes for pixels in frames)
