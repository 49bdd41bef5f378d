"""The processes that ``--nproc`` adds: this one is the first, and they end with it."""

import contextlib
import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from datetime import timedelta
from multiprocessing.connection import Connection
from typing import Any, Self

import torch.distributed as dist

from imgtrans import signals
from imgtrans.errors import ImgtransError, UnavailableError
from imgtrans.training.launch import Launch
from imgtrans.training.run import TrainingRun, prepare
from imgtrans.training.together import Together

_POLL_SECONDS = 0.05
_MOMENT_SECONDS = 2.0
_HOST = "127.0.0.1"
_MEETING = timedelta(minutes=10)


class Companions:
    """Processes that train with this one, until they are let go.

    Args:
        count: How many there are to be with this one, at least 2.
        arguments: What :func:`imgtrans.training.run.prepare` is called with in each.
    """

    def __init__(self, count: int, arguments: dict[str, Any]) -> None:
        self.together = Together(Launch(0, count, 0, count))
        self._store = _store(0, is_first=True)
        context = multiprocessing.get_context("spawn")
        self._processes: list[Any] = []
        self._tellings: list[Connection] = []
        for rank in range(1, count):
            telling, theirs = context.Pipe(duplex=False)
            process = context.Process(target=_train, args=(theirs, rank, count, self._store.port, arguments))
            with signals.held(*signals.FOR_PARENTS):
                process.start()
            theirs.close()
            self._processes.append(process)
            self._tellings.append(telling)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let them go."""
        self.let_go()

    def meet(self) -> Any:
        """Wait until all are there, and return where they meet.

        Raises:
            ImgtransError: What one of them has found wrong.
            UnavailableError: If one has ended.
        """
        while not all(self._store.check([_here(rank)]) for rank in range(1, self.together.size)):
            if any(not process.is_alive() for process in self._processes):
                raise UnavailableError(self.fate() or "another process of this training has ended")
            time.sleep(_POLL_SECONDS)
        self._store.set("all", "here")
        return self._store

    def fate(self) -> str:
        """Return what has become of one that has ended.

        Raises:
            ImgtransError: What it has found wrong itself.
        """
        end = time.monotonic() + _MOMENT_SECONDS
        while all(process.is_alive() for process in self._processes) and time.monotonic() < end:
            time.sleep(_POLL_SECONDS)  # its connections close before it is gone
        for telling in self._tellings:
            with contextlib.suppress(EOFError, OSError):
                if telling.poll():
                    raise telling.recv()
        for rank, process in enumerate(self._processes, 1):
            code = process.exitcode
            if code is not None and code < 0:
                name = signal.Signals(-code).name if -code in {*signal.Signals} else f"signal {-code}"
                reason = ", mostly because memory has run out" if name == "SIGKILL" else ""
                return f"process {rank} of this training was killed by the system ({name}){reason}"
            if code is not None:
                return f"process {rank} of this training has ended with exit code {code}"
        return ""

    def let_go(self) -> None:
        """End them, whatever they are doing: what they have done is saved here, or lost."""
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.join()


@contextlib.contextmanager
def prepared(together: Together, count: int, arguments: dict[str, Any]) -> Iterator[TrainingRun]:
    """Prepare a run in this process, and if it is to be trained by several in all of them.

    Args:
        together: This process among others that somebody else has started.
        count: How many processes there are to be here, with this one.
        arguments: What :func:`imgtrans.training.run.prepare` is called with.

    Raises:
        ImgtransError: What is wrong with the run, found by any of them.
    """
    if count == 1:
        run = prepare(**arguments, together=together)
        together.join(run.state.device)
        with together:
            yield run
        return
    with Companions(count, arguments) as companions:
        run = prepare(**arguments, together=companions.together)
        run.together.join(run.state.device, companions.meet(), companions.fate)
        with run.together:
            yield run


def _store(port: int, is_first: bool) -> Any:
    store = dist.TCPStore  # type: ignore[attr-defined]
    return store(_HOST, port, None, is_first, _MEETING, wait_for_workers=False)


def _here(rank: int) -> str:
    return f"here/{rank}"


def _train(telling: Connection, rank: int, size: int, port: int, arguments: dict[str, Any]) -> None:
    """Be one of the companions; the first says when to stop."""
    for number in signals.FOR_PARENTS:  # a Ctrl-C reaches the whole process group
        signal.signal(number, signal.SIG_IGN)
    together = Together(Launch(rank, size, rank, size))
    try:
        store = _store(port, is_first=False)
        run = prepare(**arguments, together=together)
        store.set(_here(rank), "")
        store.wait(["all"], _MEETING)
        together.join(run.state.device, store)
        run.train(lambda _: None, _never)
        together.leave()
    except ImgtransError as error:
        with contextlib.suppress(OSError):
            said = ImgtransError(error.message, error.hint)
            said.exit_code = error.exit_code
            telling.send(said)  # as one that needs no more to be made than these
        os._exit(error.exit_code)
    except (RuntimeError, OSError):  # the first is gone
        os._exit(1)


def _never() -> bool:
    return False
