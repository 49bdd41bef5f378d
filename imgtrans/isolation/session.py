"""A plugin's session: what it returns is looked at, and one that never answers is given up."""

import contextlib
import queue
import threading
import time
import warnings
from typing import Any

from imgtrans.errors import PluginHungError
from imgtrans.isolation.blame import Part, blamed
from imgtrans.protocols import Batching, Interrupted, Interruptible, Pixels, Session
from imgtrans.registry import PluginWarning

# A runtime that compiles for a card when it gets its first pictures may be silent for minutes.
SAID_SECONDS = 60.0
GIVEN_UP_SECONDS = 1800.0
GIVEN_UP_SECONDS_PER_PIXEL = 1e-3
_ALWAYS = 0  # number of what is an answer to anything


class GuardedSession:
    """A session of a plugin's, whose work a thread of its own does, so that it need not be waited for.

    Args:
        session: The plugin's.
        part: What brings it.
    """

    def __init__(self, session: Session, part: Part) -> None:
        self._session, self._part = session, part
        self._asked: queue.SimpleQueue[tuple[int, Pixels] | None] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[tuple[int, Pixels | BaseException]] = queue.SimpleQueue()
        self._last = 0  # number of what was asked last: who was interrupted has left an answer to something else behind
        self._interrupted = False
        self._thread: threading.Thread | None = None
        if isinstance(session, Batching):
            self.expect = session.expect  # whoever asks whether it can be told sees that it can

    def __getattr__(self, name: str) -> Any:
        """Return what else the plugin's session has."""
        return getattr(self._session, name)

    def interrupt(self) -> None:
        """End a run in another thread at once, whatever the plugin does; see `imgtrans.protocols.Interruptible`."""
        self._interrupted = True
        if isinstance(self._session, Interruptible):
            self._session.interrupt()
        self._answers.put((_ALWAYS, Interrupted()))

    def run(self, pictures: Pixels) -> Pixels:
        """Translate pictures; see :class:`imgtrans.protocols.Session`.

        Raises:
            MemoryError: If they do not fit.
            PluginError: If it fails, or returns something else than such pictures.
            PluginHungError: If it does not answer at all.
        """
        if self._interrupted:
            raise Interrupted
        if self._thread is None:
            given = (self._session, self._asked, self._answers)
            self._thread = threading.Thread(target=_work, args=given, name=str(self._part), daemon=True)
            self._thread.start()
        self._last += 1
        self._asked.put((self._last, pictures))
        with blamed(self._part):
            made = self._answer(pictures.shape)
            if isinstance(made, BaseException):
                raise made
        if type(made) is not type(pictures) or (made.shape, made.dtype) != (pictures.shape, pictures.dtype):
            raise self._part.fault(f"made {_described(made)} of {_described(pictures)}")
        return made

    def _answer(self, shape: tuple[int, ...]) -> Pixels | BaseException:
        """Wait for the answer; after a while say so, and after a long one give up."""
        limit = GIVEN_UP_SECONDS + GIVEN_UP_SECONDS_PER_PIXEL * shape[0] * shape[1] * shape[2]
        answer = self._awaited(min(SAID_SECONDS, limit))
        if not answer and limit > SAID_SECONDS:
            said = f"{self._part} has not answered for {SAID_SECONDS:g} seconds, and is waited for"
            warnings.warn(said, PluginWarning, stacklevel=2)
            answer = self._awaited(limit - SAID_SECONDS)
        if answer:
            return answer[0]
        self._interrupted = True
        told = self._part.fault(f"has not answered for {limit:g} seconds")
        raise PluginHungError(told.message, told.hint)

    def _awaited(self, seconds: float) -> "tuple[Pixels | BaseException] | None":
        """Return the answer to what was asked last, whatever it is; None if it does not come in time."""
        until = time.monotonic() + seconds
        with contextlib.suppress(queue.Empty):
            while True:
                number, answer = self._answers.get(timeout=max(0.0, until - time.monotonic()))
                if number in (self._last, _ALWAYS):
                    return (answer,)
        return None

    def __del__(self) -> None:
        """Have the thread end, which knows nothing of this object."""
        self._asked.put(None)


def _work(
    session: Session,
    asked: "queue.SimpleQueue[tuple[int, Pixels] | None]",
    answers: "queue.SimpleQueue[tuple[int, Pixels | BaseException]]",
) -> None:
    while (what := asked.get()) is not None:
        number, pictures = what
        try:
            answers.put((number, session.run(pictures)))
        except BaseException as error:  # it is for whoever asked
            answers.put((number, error))


def guarded(session: Session, part: Part | None) -> Session:
    """Return a session that is guarded if it is a plugin's."""
    return session if part is None else GuardedSession(session, part)


def _described(value: object) -> str:
    shape, kind = getattr(value, "shape", None), getattr(value, "dtype", None)
    if shape is None or kind is None:
        return f"{type(value).__name__}"
    return f"{'x'.join(map(str, shape))} numbers of type {kind}"
