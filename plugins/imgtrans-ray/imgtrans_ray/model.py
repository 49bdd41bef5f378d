"""A model that computes in a process of the cluster."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

import ray

import imgtrans
from imgtrans.errors import ImgtransError, UnavailableError
from imgtrans.executors.pipeline import LostError, ModelDiedError, NotThereError
from imgtrans.protocols import Pixels
from imgtrans_ray.actors import Opened, groups_of
from imgtrans_ray.cluster import GONE, LOST, failed_to_start, kill
from imgtrans_ray.codec import MOMENT_SECONDS, NOT_ALIKE, STARTS
from imgtrans_ray.frames import Frame, packed

ASK_AFTER_SECONDS = 2.0  # a computation that takes longer is of a large picture, whose progress is of interest
DIED = "ended whatever computed it, each time"


class RemoteModel:
    """A process of the cluster with a model in it, which several threads may have compute.

    While one batch is computed the next one comes to its machine. If the process dies another takes its place, as soon
    as there is room for it.

    Args:
        start: Begins to start a process, and to open the model in it; gives the process, and what that will say.
        failed: Is told that the model cannot be opened, and may raise that.
        progress: Is told the share of a large picture that is done.
        warn: Is told what is unwise.

    Attributes:
        opened: What it said of itself when it was ready; None before.
        given_up: Whether it will never be ready again.
    """

    def __init__(
        self,
        start: Callable[[], tuple[Any, Any]],
        failed: Callable[[ImgtransError], None],
        progress: Callable[[float], None],
        warn: Callable[[str], None],
    ) -> None:
        self._start = start
        self._failed = failed
        self._progress = progress
        self._warn = warn
        self._actor: Any = None
        self._opening: Any = None
        self._failures = 0
        self._computing = 0
        self._alone = False
        self._ended = False
        self._changed = threading.Condition()
        self.opened: Opened | None = None
        self.given_up = False

    def begin(self) -> None:
        """Begin to start the process, unless that has been done."""
        with self._changed:
            if self._actor is None and not self._ended and not self.given_up:
                self._actor, self._opening = self._start()

    def is_there(self) -> bool:
        """Whether its model is ready; if not, this waits for a moment first."""
        self.begin()
        with self._changed:
            actor, opening = self._actor, self._opening
            if actor is None:
                self._changed.wait(MOMENT_SECONDS)
                return False
        if opening is None:
            return True
        ready, _ = ray.wait([opening], timeout=MOMENT_SECONDS)
        if not ready:
            return False
        said, problem = None, None
        try:
            said = ray.get(opening)
        except GONE as gone:
            problem = gone
        with self._changed:
            if self._actor is not actor or self._opening is None:
                return self._actor is actor  # another thread has seen to it
            error = self._judged(said, problem)
            if error is None and said is not None:
                self._opening, self._failures, self.opened = None, 0, said
                return True
            self._forget(actor)
            self.given_up = error is not None
        if error is not None:
            self._failed(error)
        return False

    def compute(self, frames: Sequence[Pixels], *, alone: bool) -> list[Pixels | Exception]:
        """Translate frames of one kind; see ``Computing`` of imgtrans."""
        with self._changed:
            self._changed.wait_for(lambda: self._ended or not (self._alone or (alone and self._computing)))
            actor = self._actor
            if actor is None or self._opening is not None:
                raise NotThereError
            self._computing += 1
            self._alone = alone
        try:
            return self._computed(actor, frames)
        finally:
            with self._changed:
                self._computing -= 1
                self._alone = self._alone and not alone
                self._changed.notify_all()

    def interrupt(self) -> None:
        """End the process, and have no other."""
        with self._changed:
            self._ended = True
            if self._actor is not None:
                self._forget(self._actor)

    def _computed(self, actor: Any, frames: Sequence[Any]) -> list[Pixels | Exception]:
        places, objects = packed(frames)
        groups = groups_of(places)
        said, *made = actor.compute.options(num_returns=1 + len(groups)).remote(places, groups, *objects)
        try:
            self._wait(actor, said)
            told = ray.get(said)
        except GONE as error:
            with self._changed:
                self._forget(actor)
            raise ModelDiedError(DIED) from error
        except LOST as error:
            return [LostError(f"{error}") for _ in frames]
        if isinstance(told, MemoryError):
            raise told
        made_of = [(ref, number) for ref, count in zip(made, groups, strict=True) for number in range(count)]
        results: list[Any] = [
            problem or Frame(frame.shape, frame.dtype, *place)
            for problem, frame, place in zip(told, frames, made_of, strict=True)
        ]
        return results

    def _wait(self, actor: Any, said: Any) -> None:
        """Wait for a computation; of one that takes long tell how far it is."""
        ready, _ = ray.wait([said], timeout=ASK_AFTER_SECONDS)
        told = None
        while not ready:
            told = told or actor.told.remote()
            ready, _ = ray.wait([said], timeout=MOMENT_SECONDS)
            if ray.wait([told], timeout=0)[0]:
                share, warnings = ray.get(told)
                told = None
                if 0 < share < 1:
                    self._progress(share)
                for warning in warnings:
                    self._warn(warning)

    def _judged(self, said: Any, problem: Exception | None) -> ImgtransError | None:
        """Return why the model can never be opened, if it was tried often enough to know that."""
        if isinstance(said, ImgtransError):
            return said
        if isinstance(said, Opened) and said.version != imgtrans.__version__:
            differ = f"imgtrans is {said.version} there, and {imgtrans.__version__} here"
            return UnavailableError(f"a machine of the cluster differs: {differ}", NOT_ALIKE)
        if problem is None:
            return None
        self._failures += 1
        reason = failed_to_start(problem)
        if self._failures < STARTS or self._ended:
            return None
        reason = reason or "its process ends while the model is loaded"
        return UnavailableError(f"the cluster cannot load the model: {reason}", NOT_ALIKE)

    def _forget(self, actor: Any) -> None:
        """Let go of a process that is of no use any more."""
        kill(actor)
        if self._actor is actor:
            self._actor = self._opening = None
        self._changed.notify_all()
