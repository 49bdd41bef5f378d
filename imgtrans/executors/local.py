"""This machine as an executor: worker processes decode and encode while sessions compute in this one."""

import queue
import time
from collections.abc import Generator, Iterable, Sequence

from imgtrans.executors.batches import Batches
from imgtrans.executors.computing import Computer
from imgtrans.executors.held import TOGETHER
from imgtrans.executors.lane import LEAST_AHEAD, Ended, Event, Lane, Temporaries, hand_back
from imgtrans.executors.reserve import Reserve
from imgtrans.executors.supply import Supply
from imgtrans.executors.worker import Worker
from imgtrans.protocols import Interrupted, Item, Job, Outcome, Session

# Bytes that a worker keeps between pictures: those of two or three photographs, or where that is much, none.
LARGEST_KEPT, LEAST_KEPT = 256 << 20, 64 << 20
# Outcomes go on in groups, at most so many a second, as whoever makes them final waits for the disk for each group.
GROUPS_A_SECOND = 20


class LocalExecutor:
    """Overlaps reading, computing and writing.

    Each lane is a thread with a worker process of its own, and each session has a thread. Lanes draw items from one
    supply and put what they read into buckets of one size; a session that is free takes the next batch from there,
    and hands its results back to the lanes, which write them. A batch for which there is too little memory halves
    what its session takes together from then on.

    Args:
        sessions: The network, ready, on each device.
        job: What is done to each picture.
        batch_size: Pictures of one size computed together, at most.
        batch_pixels: Pixels computed together, at most (though never less than one picture).
        workers: Worker processes.
        memory: Bytes that pictures may take in all workers together.
        reserve: Has worker processes that are started already, maybe.
    """

    def __init__(
        self,
        sessions: Sequence[Session],
        job: Job,
        *,
        batch_size: int,
        batch_pixels: int,
        workers: int,
        memory: int,
        reserve: Reserve | None = None,
    ) -> None:
        self._sessions = sessions
        self._tag = job.tag
        self._batch_size = batch_size
        self._batch_pixels = [batch_pixels for _ in sessions]
        keep = min(LARGEST_KEPT, memory // (4 * workers))
        keep = keep if keep >= LEAST_KEPT else 0
        self._workers = [Worker(job, keep=keep, reserve=reserve) for _ in range(workers)]
        # Two batches for each session: one that is computed and one that comes together.
        self._ahead = max(LEAST_AHEAD, -(-2 * batch_size * len(sessions) // workers))
        self._memory = memory
        self._events: queue.SimpleQueue[Event] | None = None
        self._interrupted = False

    def interrupt(self) -> None:
        """End a run in another thread as if it were stopped here; see :class:`imgtrans.protocols.Interruptible`."""
        self._interrupted = True
        if self._events is not None:
            self._events.put(Interrupted())

    def close(self) -> None:
        """End the worker processes."""
        for worker in self._workers:
            worker.kill()  # all of them, before one is waited for
        for worker in self._workers:
            worker.close()

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
            Computer(session, batches, hand_back, events.put, batch_size=self._batch_size, batch_pixels=pixels)
            for session, pixels in zip(self._sessions, self._batch_pixels, strict=True)
        ]
        ahead = max(TOGETHER, len(self._workers))
        supply = Supply(iter(items), ahead=ahead, memory=self._memory, failed=events.put)
        lanes = [Lane(worker, supply, batches, events, temporaries, self._ahead, self._tag) for worker in self._workers]
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
                    next_group = time.monotonic() + 1 / GROUPS_A_SECOND
                    yield outcomes
                    temporaries.claim(outcomes)
        finally:
            batches.close()
            for lane in lanes:
                lane.stop()
            if working:  # stopped half-way: what they are doing is no longer wanted
                for computer in computers:
                    computer.interrupt()
                for worker in self._workers:
                    worker.kill()
            supply.stop()
            for thread in (*computers, *lanes):
                if thread.ident is not None:
                    thread.join()
            temporaries.delete()  # nobody puts these in their places any more
            self._batch_pixels = [computer.batch_pixels for computer in computers]
