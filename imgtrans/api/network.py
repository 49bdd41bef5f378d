"""A network on its devices, for pictures that are in memory already; any number of threads may use it."""

import queue
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from imgtrans.errors import UsageError
from imgtrans.images.decode import Picture
from imgtrans.protocols import Pixels, Session
from imgtrans.translate import compute, finish, padded, prepare

if TYPE_CHECKING:
    from imgtrans.batch.engine import Engine


class Network:
    """Translates pictures without files or worker processes.

    Args:
        engine: Has the network ready, a session for each device; it is this one's from now on.
        name: What errors call the model.
    """

    def __init__(self, engine: "Engine", name: str) -> None:
        self._engine = engine
        self._name = name
        self._closed = False
        self._free: queue.SimpleQueue[Session | None] = queue.SimpleQueue()  # None once it is closed
        for session in engine.sessions:
            self._free.put(session)

    @property
    def closed(self) -> bool:
        """Whether it can translate nothing any more."""
        return self._closed

    def check(self) -> None:
        """Make sure that it is not closed.

        Raises:
            UsageError: If it is.
        """
        if self._closed:
            raise UsageError(f"the model {self._name!r} is closed", "load it again")

    def translate(self, pictures: Sequence[Picture]) -> list[Picture]:
        """Return the translations of pictures, those of one size computed together.

        Raises:
            ImageError: If there is too little memory for one of them.
            UsageError: If it is closed.
        """
        self.check()
        prepared = [prepare(picture, self._engine.job) for picture in pictures]
        frames = [padded(one, self._engine.job) for one in prepared]
        batches = [*self._batches(frames)]
        given = [[frames[n] for n in batch] for batch in batches]
        at_once = min(len(batches), len(self._engine.devices))
        if at_once > 1:
            with ThreadPoolExecutor(at_once) as pool:
                made = [*pool.map(self._compute, given)]
        else:
            made = [self._compute(batch) for batch in given]
        done = {n: one for batch, some in zip(batches, made, strict=True) for n, one in zip(batch, some, strict=True)}
        return [finish(one, done[n]) for n, one in enumerate(prepared)]

    def close(self) -> None:
        """Let go of the network, once nobody is using it."""
        if self._closed:
            return
        self._closed = True
        for _ in self._engine.devices:
            self._free.get()
        self._free.put(None)
        self._engine.sessions.clear()
        self._engine.__exit__(None, None, None)

    def _batches(self, frames: list[Pixels]) -> Iterator[list[int]]:
        """Yield the numbers of frames that go together."""
        alike: dict[tuple[Any, ...], list[int]] = {}
        for number, frame in enumerate(frames):
            alike.setdefault((frame.shape, frame.dtype), []).append(number)
        for ((height, width, _), _), numbers in alike.items():
            most = max(1, min(self._engine.batch_size, self._engine.batch_pixels // (height * width)))
            yield from (numbers[at : at + most] for at in range(0, len(numbers), most))

    def _compute(self, frames: list[Pixels]) -> list[Pixels]:
        """Translate frames of one size; if they do not fit into memory together, in parts."""
        with self._session() as session:
            try:
                made = compute(session, frames)
            except MemoryError:
                made = []
        if not made:
            half = len(frames) // 2
            return self._compute(frames[:half]) + self._compute(frames[half:])
        for result in made:
            if isinstance(result, Exception):
                raise result
        return [result for result in made if not isinstance(result, Exception)]

    @contextmanager
    def _session(self) -> Iterator[Session]:
        """Have a session for this thread alone, as soon as one is free."""
        session = self._free.get()
        try:
            if session is None:
                self.check()
            assert session is not None
            yield session
        finally:
            self._free.put(session)
