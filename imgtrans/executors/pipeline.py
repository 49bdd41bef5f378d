"""What executors are made of: pictures on their way from codecs to computing and back, wherever these are."""

import queue
import time
from collections.abc import Generator, Iterable, Sequence

from imgtrans.executors.batches import Batches
from imgtrans.executors.codec import Calls, Codec, LostError, WorkerDiedError
from imgtrans.executors.computing import Computer, Computing, ModelDiedError, NotThereError, fitting
from imgtrans.executors.held import TOGETHER
from imgtrans.executors.lane import LEAST_AHEAD, Ended, Event, Lane, Temporaries, hand_back
from imgtrans.executors.serving import Answer, Desk
from imgtrans.executors.supply import Supply
from imgtrans.protocols import Interrupted, Item, Job, Outcome
from imgtrans.translate import compute

__all__ = [
    "Answer",
    "Calls",
    "Codec",
    "Computing",
    "Desk",
    "LostError",
    "ModelDiedError",
    "NotThereError",
    "Pipeline",
    "WorkerDiedError",
    "compute",
    "fitting",
]


class Pipeline:
    """Overlaps reading, computing and writing.

    Each lane is a thread with a codec of its own, and what computes has threads, too. Lanes draw items from one supply
    and put what they read into buckets of one size; whoever is free to compute takes the next batch from there, and
    hands its results back to the lanes, which write them. A batch for which there is too little memory halves what is
    taken together there from then on.

    Args:
        codecs: What reads and writes.
        computing: What computes; one that can take a batch while it computes another is here twice.
        tag: Goes into the names of temporaries.
        batch_size: Pictures of one size computed together, at most.
        batch_pixels: Pixels computed together, at most (though never less than one picture).
        memory: Bytes that pictures may take in all codecs together.
        gather_seconds: For how long outcomes come together before they go on, at most; the first goes on at once.
    """

    def __init__(
        self,
        codecs: Sequence[Codec],
        computing: Sequence[Computing],
        *,
        tag: str,
        batch_size: int,
        batch_pixels: int,
        memory: int,
        gather_seconds: float = Job.gather_seconds,
    ) -> None:
        self._codecs = codecs
        self._computing = computing
        self._tag = tag
        self._batch_size = batch_size
        self._batch_pixels = [batch_pixels for _ in computing]
        # Two batches for each: one that is computed and one that comes together.
        self._ahead = max(LEAST_AHEAD, -(-2 * batch_size * len(computing) // len(codecs)))
        self._memory = memory
        self._gather_seconds = gather_seconds
        self._events: queue.SimpleQueue[Event] | None = None
        self._interrupted = False

    def interrupt(self) -> None:
        """End a run in another thread as if it were stopped there, with `Interrupted`, and every later one at once."""
        self._interrupted = True
        if self._events is not None:
            self._events.put(Interrupted())

    def close(self) -> None:
        """End the codecs."""
        for codec in self._codecs:
            codec.kill()  # all of them, before one is waited for
        for codec in self._codecs:
            codec.close()

    def run(self, items: Iterable[Item]) -> Generator[list[Outcome]]:
        """Translate every item, yielding outcomes as they come, in any order; one that is given up is the last.

        Raises:
            FilesError: If nothing can be written any more (a full disk).
        """
        events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._events = events
        if self._interrupted:
            raise Interrupted
        temporaries = Temporaries()
        batches = Batches(enough=2 * sum(self._batch_pixels))
        computers = [
            Computer(one, batches, hand_back, events.put, batch_size=self._batch_size, batch_pixels=pixels)
            for one, pixels in zip(self._computing, self._batch_pixels, strict=True)
        ]
        ahead = max(TOGETHER, len(self._codecs))
        supply = Supply(iter(items), ahead=ahead, memory=self._memory, failed=events.put)
        lanes = [Lane(codec, supply, batches, events, temporaries, self._ahead, self._tag) for codec in self._codecs]
        working = len(lanes)
        try:
            for thread in (*computers, *lanes):
                thread.start()
            next_group = 0.0
            while working:
                outcomes: list[Outcome] = []
                while working:
                    try:
                        left = max(0.0, next_group - time.monotonic()) if outcomes else None
                        event = events.get(timeout=left)
                    except queue.Empty:
                        break
                    if isinstance(event, BaseException):
                        raise event
                    if isinstance(event, Ended):
                        working -= 1
                    else:
                        outcomes.append(event)
                if outcomes:
                    next_group = time.monotonic() + self._gather_seconds
                    yield outcomes
                    temporaries.claim(outcomes)
        finally:
            batches.close()
            for lane in lanes:
                lane.stop()
            if working:  # stopped half-way: what they are doing is no longer wanted
                for computer in computers:
                    computer.interrupt()
                for codec in self._codecs:
                    codec.kill()
            supply.stop()
            for thread in (*computers, *lanes):
                if thread.ident is not None:
                    thread.join()
            temporaries.delete()  # nobody puts these in their places any more
            self._batch_pixels = [computer.batch_pixels for computer in computers]
