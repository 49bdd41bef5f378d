"""A plugin's session: what it returns is looked at, and one that never answers is given up."""

import queue
import threading
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


class GuardedSession:
    """A session of a plugin's, whose work a thread of its own does, so that it need not be waited for.

    Args:
        session: The plugin's.
        part: What brings it.
    """

    def __init__(self, session: Session, part: Part) -> None:
        self._session, self._part = session, part
        self._asked: queue.SimpleQueue[Pixels | None] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[Pixels | BaseException] = queue.SimpleQueue()
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
        self._answers.put(Interrupted())

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
        self._asked.put(pictures)
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
        try:
            return self._answers.get(timeout=min(SAID_SECONDS, limit))
        except queue.Empty:
            said = f"{self._part} has not answered for {SAID_SECONDS:g} seconds, and is waited for"
        if limit > SAID_SECONDS:
            warnings.warn(said, PluginWarning, stacklevel=2)
            try:
                return self._answers.get(timeout=limit - SAID_SECONDS)
            except queue.Empty:
                pass
        self._interrupted = True
        told = self._part.fault(f"has not answered for {limit:g} seconds")
        raise PluginHungError(told.message, told.hint)

    def __del__(self) -> None:
        """Have the thread end, which knows nothing of this object."""
        self._asked.put(None)


def _work(
    session: Session,
    asked: "queue.SimpleQueue[Pixels | None]",
    answers: "queue.SimpleQueue[Pixels | BaseException]",
) -> None:
    while (pictures := asked.get()) is not None:
        try:
            answers.put(session.run(pictures))
        except BaseException as error:  # it is for whoever asked
            answers.put(error)


def guarded(session: Session, part: Part | None) -> Session:
    """Return a session that is guarded if it is a plugin's, or if a plugin's network is computed in it."""
    return session if part is None else GuardedSession(session, part)


def _described(value: object) -> str:
    shape, kind = getattr(value, "shape", None), getattr(value, "dtype", None)
    if shape is None or kind is None:
        return f"{type(value).__name__}"
    return f"{'x'.join(map(str, shape))} numbers of type {kind}"
