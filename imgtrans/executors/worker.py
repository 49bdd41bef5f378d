"""A worker process that decodes and encodes, so that no picture can hang or crash the run."""

import contextlib
import multiprocessing
import signal
import traceback
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from imgtrans.errors import ImageError
from imgtrans.protocols import Item, Job, Pixels

# Long enough for a gigapixel of anything; short enough that a malicious file only costs one picture.
TIME_LIMIT_SECONDS = 300.0


class WorkerDiedError(Exception):
    """The process crashed, or took too long and was killed; the next call gets a new one."""


class Worker:
    """One process with one caller: a picture read in it stays there until it is written or dropped.

    Args:
        job: What is done to each picture.
        time_limit: Seconds after which a call is given up and the process killed.
    """

    def __init__(self, job: Job, time_limit: float = TIME_LIMIT_SECONDS) -> None:
        self._job = job
        self._time_limit = time_limit
        self._process: Any = None
        self._connection: Connection | None = None

    def read(self, item: Item, aside: int | None = None) -> tuple[list[Pixels], int]:
        """Decode a picture and keep it; return what of each frame goes into the network, and the picture's pixels.

        Args:
            item: The picture.
            aside: Bytes that it may take. One that takes more is not decoded: what comes back is an empty list, and
                the bytes that it does take.

        Raises:
            ImageError: If it cannot be decoded.
            WorkerDiedError: If decoding crashed or hung.
        """
        result: tuple[list[Pixels], int] = self._call("read", item, aside)
        return result

    def write(self, item: Item, translated: Sequence[Pixels], temporary: Path) -> None:
        """Finish a picture with the network's output for each frame; the file ``temporary`` is then on disk.

        Raises:
            ImageError: If it cannot be encoded.
            OSError: If it cannot be written.
            WorkerDiedError: If encoding crashed or hung.
        """
        self._call("write", item, translated, temporary)

    def drop(self, item: Item) -> None:
        """Forget a picture that will not be written."""
        self._call("drop", item)

    def kill(self) -> None:
        """End the process, whatever it is doing, from another thread than the caller's."""
        process = self._process
        if process is not None:
            with contextlib.suppress(ValueError):  # the caller closed it at this very moment
                process.kill()

    def close(self) -> None:
        """End the process, whatever it is doing."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process.close()
            self._process = None
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _call(self, name: str, *arguments: Any) -> Any:
        try:
            connection = self._connection or self._start()
            connection.send((name, *arguments))
            if not connection.poll(self._time_limit):
                raise WorkerDiedError(f"took longer than {self._time_limit:g} seconds")
            error, value = connection.recv()
        except WorkerDiedError:
            self.close()
            raise
        except (EOFError, OSError, ValueError) as broken:  # ValueError: closed under us when the run was stopped
            self.close()
            raise WorkerDiedError("crashed the decoder") from broken
        if error is not None:
            raise error
        return value

    def _start(self) -> Connection:
        # spawn, not fork: a fork would carry the device's state and threads along.
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, self._job), daemon=True)
        self._process.start()
        theirs.close()
        self._connection = ours
        return ours


def _serve(connection: Connection, job: Job) -> None:
    """Answer calls until the other end closes."""
    from imgtrans import translate  # noqa: PLC0415 - in the new process, not in whoever starts it

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    held: dict[bytes, translate.Prepared] = {}

    def read(item: Item, aside: int | None) -> tuple[list[Pixels], int]:
        memory = translate.memory_for(item, job)
        if aside is not None and memory > aside:
            return [], memory
        prepared = held[item.key] = translate.read(item, job)
        return [translate.padded(frame, job) for frame in prepared.frames], prepared.pixels

    def write(item: Item, translated: Sequence[Pixels], temporary: Path) -> None:
        # Not held any more if another picture crashed this process in between.
        prepared = held.pop(item.key) if item.key in held else translate.read(item, job)
        translate.write(prepared, translated, temporary, job.wanted)

    def drop(item: Item) -> None:
        held.pop(item.key, None)

    calls: dict[str, Callable[..., Any]] = {"read": read, "write": write, "drop": drop}
    while True:
        try:
            name, *arguments = connection.recv()
        except (EOFError, OSError):
            return
        try:
            answer: tuple[Exception | None, Any] = (None, calls[name](*arguments))
        except (ImageError, OSError) as error:
            answer = (_without_trace(error), None)
        except MemoryError:
            answer = (ImageError(f"{arguments[0].input} does not fit into memory."), None)
        except Exception:
            answer = (RuntimeError(traceback.format_exc()), None)
        connection.send(answer)
        del arguments, answer  # pixels, maybe many


def _without_trace(error: Exception) -> Exception:
    """Return an error that pickles: only its class and arguments cross over."""
    if isinstance(error, ImageError):
        return ImageError(error.message, error.hint)
    assert isinstance(error, OSError)
    return OSError(error.errno, error.strerror or str(error), error.filename)
