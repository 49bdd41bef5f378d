"""A codec that is a process of the cluster."""

import threading
import time
from collections.abc import Callable
from typing import Any, ClassVar

import ray

from imgtrans.errors import UnavailableError
from imgtrans.executors.pipeline import Answer, Calls, Codec, LostError, WorkerDiedError
from imgtrans_ray.actors import Read
from imgtrans_ray.cluster import GONE, LOST, failed_to_start, kill
from imgtrans_ray.frames import frames_of, packed

MOMENT_SECONDS = 0.2
GRACE_SECONDS = 2.0  # for what is being written when all is to end
STARTS = 5  # in a row that fail, until it is given up
TIME_LIMIT_SECONDS, SECONDS_PER_PIXEL = 300.0, 2e-6  # for one call, as on one machine

NOT_ALIKE = "each machine of the cluster needs imgtrans and imgtrans-ray, as they are here"


class Spares:
    """Processes that nobody uses just now, for whoever has lost its own.

    Args:
        start: Begins to start one; the cluster may not have room for it.
    """

    def __init__(self, start: Callable[[], Any]) -> None:
        self._start = start
        self._spares: list[Any] = []
        self._lock = threading.Lock()

    def take(self) -> Any:
        """Return one."""
        with self._lock:
            return self._spares.pop() if self._spares else self._start()

    def take_spare(self) -> Any:
        """Return one that is there, or None."""
        with self._lock:
            return self._spares.pop() if self._spares else None

    def give(self, actor: Any) -> None:
        """Somebody else may have it."""
        with self._lock:
            self._spares.append(actor)

    def close(self) -> None:
        """End them."""
        with self._lock:
            for actor in self._spares:
                kill(actor)
            self._spares.clear()


class RemoteCodec(Codec):
    """A process of the cluster with one caller.

    Machines of a cluster may be taken away at any time, and nothing tells that from a picture that crashes whoever
    reads it. So each is tried a few times, on whatever machine there is.

    Args:
        spares: Gives processes.
        time_limit: Seconds after which a call is given up, in addition to what it gets for the pixels.
    """

    deaths: ClassVar[int] = 3

    def __init__(self, spares: Spares, time_limit: float = TIME_LIMIT_SECONDS) -> None:
        self._spares = spares
        self._time_limit = time_limit
        self._actor: Any = None
        self._hello: Any = None  # what it says when it is there; None once it has said so
        self._failures = 0
        self._ended = False
        self._lock = threading.Lock()

    def is_there(self) -> bool:
        """Whether it has a process, which the cluster may not have had room for yet."""
        with self._lock:
            if self._ended:
                return False
            if self._actor is None:
                self._actor = self._spares.take()
                self._hello = self._actor.hello.remote()
            hello = self._hello
        if hello is None:
            return True
        ready, _ = ray.wait([hello], timeout=MOMENT_SECONDS)
        if not ready:
            self._exchange()
            return False
        try:
            ray.get(hello)
        except GONE as error:
            self._drop()
            self._failures += 1
            if self._failures >= STARTS and not self._ended:
                reason = failed_to_start(error) or "its processes end as soon as they begin"
                raise UnavailableError(f"the cluster cannot read pictures: {reason}", NOT_ALIKE) from error
            return False
        self._failures = 0
        self._hello = None
        return True

    def calls(self, calls: Calls, pixels: int = 0) -> list[Answer]:
        """Have calls answered; frames stay where they are, and a ``Frame`` stands for each."""
        with self._lock:
            actor = self._actor
        if actor is None:
            raise WorkerDiedError("is not wanted any more" if self._ended else "crashed the decoder", not self._ended)
        given: list[Any] = [frame for _, _, frames in calls for frame in frames]
        places, objects = packed(given)
        asked = [(name, arguments, len(frames)) for name, arguments, frames in calls]
        said, frames = actor.answers.options(num_returns=2).remote(asked, places, *objects)
        limit = self._time_limit + SECONDS_PER_PIXEL * pixels
        if not self._wait(said, limit):
            self._drop()
            raise WorkerDiedError("is not wanted any more" if self._ended else f"took longer than {limit:g} seconds")
        try:
            told: Read = ray.get(said)
        except GONE as error:
            self._drop()
            raise WorkerDiedError("crashed the decoder", killed=not self._ended) from error
        except LOST as error:
            raise LostError(f"{error}") from error
        answers, outlines = told
        pictures: list[Any] = [*frames_of(frames, outlines)]
        for answer in answers:
            answer.frames, pictures = pictures[: answer.count], pictures[answer.count :]
        return answers

    def kill(self) -> None:
        """End the process soon; it gets no other one.

        What it is doing it may finish, if that takes a moment: who is killed at once may still leave a file behind.
        """
        with self._lock:
            self._ended = True

    def rest(self) -> None:
        """Somebody else may have the process."""
        with self._lock:
            if self._actor is not None and self._hello is None and not self._ended:
                self._spares.give(self._actor)
                self._actor = None

    def close(self) -> None:
        """End the process."""
        self.kill()
        self._drop()

    def _wait(self, said: Any, limit: float) -> bool:
        """Wait for an answer; return whether there is one within a time, or in a moment when all is to end."""
        until = time.monotonic() + limit
        while True:
            ready, _ = ray.wait([said], timeout=min(MOMENT_SECONDS, max(0.0, until - time.monotonic())))
            if ready or time.monotonic() >= until:
                return bool(ready)
            if self._ended:
                until = min(until, time.monotonic() + GRACE_SECONDS)
                ready, _ = ray.wait([said], timeout=max(0.0, until - time.monotonic()))
                return bool(ready)

    def _exchange(self) -> None:
        """Have a process that somebody can spare, in place of one that there is no room for."""
        spare = self._spares.take_spare()
        if spare is None:
            return
        self._drop()
        with self._lock:
            self._actor, self._hello = spare, spare.hello.remote()

    def _drop(self) -> None:
        """The process is of no use any more."""
        with self._lock:
            if self._actor is not None:
                kill(self._actor)
            self._actor = self._hello = None
