"""A run whose results are drawn one by one, while it goes on."""

import queue
import threading
import warnings
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

from imgtrans.batch.plan import Decision, Tally
from imgtrans.batch.report import Report
from imgtrans.batch.request import Prepared
from imgtrans.batch.run import run
from imgtrans.protocols import Executor, Interrupted, Interruptible, Outcome

AHEAD = 256  # results that nobody has drawn yet, beyond which the run waits


@dataclass(frozen=True)
class Result:
    """What became of one picture of a run.

    Attributes:
        input: The picture.
        output: Where its translation is, or would be.
        status: ``translated``, ``skipped`` (it was done before) or ``failed``.
        error: Why it failed, one sentence; "" if it did not.
        note: What there is to know of it though it did not fail, one sentence; mostly "".
        pixels: Pixels of a picture that was decoded; 0 of one that was not.
    """

    input: Path
    output: Path
    status: str
    error: str = ""
    note: str = ""
    pixels: int = 0


@dataclass(frozen=True)
class _Warned:
    text: str


@dataclass(frozen=True)
class _Ended:
    error: BaseException | None = None


_Told = Result | _Warned | _Ended


def results(prepared: Prepared) -> Generator[Result]:
    """Run, and yield what becomes of each picture as it comes.

    The run is in a thread of its own and a little ahead. Who stops to draw stops it, as a Ctrl-C would: what is done
    stays done, and the next run goes on from there.

    Raises:
        FilesError: As :func:`imgtrans.batch.run.run` does; if of some folder nothing was done, as two of its inputs
            would make one output, after everything else.
        ModelError: If the model cannot be loaded.
        UnavailableError: If the device is not there.
    """
    listener = _Telling()
    threading.Thread(target=listener.run, args=(prepared,), name="imgtrans run", daemon=True).start()
    told: _Told | None = None
    try:
        while not isinstance(told := listener.told.get(), _Ended):
            if isinstance(told, _Warned):
                warnings.warn(told.text, stacklevel=2)
            else:
                yield told
    finally:
        listener.stop()
        while not isinstance(told, _Ended):
            told = listener.told.get()
    if told.error is not None:
        raise told.error


class _Telling:
    """A run's listener, in the run's thread, and what it tells to another.

    Attributes:
        told: What happens; the last of it is that the run has ended.
    """

    def __init__(self) -> None:
        self.told: queue.Queue[_Told] = queue.Queue(AHEAD)
        self._stopped = False
        self._executor: Executor | None = None

    def run(self, prepared: Prepared) -> None:
        """Do the run, and tell how it ends."""
        report = Report()
        error: BaseException | None = None
        try:
            run(prepared, self, report)
            error = report.collisions[0] if report.collisions else None
        except BaseException as problem:  # it is for whoever draws
            error = None if self._stopped and isinstance(problem, Interrupted) else problem
        finally:
            self._executor = None
            self.told.put(_Ended(error))

    def stop(self) -> None:
        """Have the run end soon."""
        self._stopped = True
        if isinstance(executor := self._executor, Interruptible):
            executor.interrupt()

    def _go_on(self) -> None:
        if self._stopped:
            raise Interrupted

    def looking(self, tally: Tally) -> None:
        """Go on looking, unless nobody wants it any more."""
        self._go_on()

    def planned(self, tally: Tally, prepared: Prepared, executor: Executor | None) -> None:
        """Know who does the work, who may have to be stopped."""
        self._executor = executor
        self._go_on()

    def counted(self, files: int) -> None:
        """Tell nothing of it."""

    def ignored(self, decision: Decision) -> None:
        """Tell nothing of what is no picture."""
        self._go_on()

    def finished(self, outcome: Outcome, status: str) -> None:
        """Tell what became of a picture."""
        self._go_on()
        item = outcome.item
        self.told.put(Result(item.input, item.output, status, outcome.error, outcome.note, outcome.pixels))

    def streaming(self, share: float) -> None:
        """Tell nothing of it."""

    def warned(self, text: str) -> None:
        """Tell what is unwise."""
        self.told.put(_Warned(text))
