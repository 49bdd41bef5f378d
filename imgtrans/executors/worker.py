"""A worker process that decodes and encodes, so that no picture can hang or crash the run."""

import multiprocessing
import signal
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from imgtrans import signals
from imgtrans.errors import ImageError
from imgtrans.images.measure import Extent
from imgtrans.memory import die_first, keep_freed_memory
from imgtrans.protocols import Item, Job, Pixels

# Short enough that a malicious file only costs one picture; a slow encoder needs longer for a gigapixel, so that
# pictures get more for what they have.
TIME_LIMIT_SECONDS = 300.0
SECONDS_PER_PIXEL = 2e-6
_KILLED = -9  # exit code of a process that got SIGKILL
# Starting a process looks after all others, too, and whoever waits for one then may find it gone: one at a time.
_PROCESSES = threading.Lock()


class WorkerDiedError(Exception):
    """The process crashed, or took too long and was killed; the next call gets a new one.

    Attributes:
        killed: Whether somebody else killed it, which is what the system does when memory has run out.
    """

    def __init__(self, message: str, killed: bool = False) -> None:
        super().__init__(message)
        self.killed = killed


@dataclass(frozen=True)
class Read:
    """A picture that a worker has read.

    Attributes:
        frames: What of each frame goes into the network.
        pixels: Pixels of the picture, all frames together.
        seconds: How long it took.
        note: What the user has to know of it, one sentence or "".
    """

    frames: list[Pixels]
    pixels: int
    seconds: float
    note: str = ""


class Worker:
    """One process with one caller: a picture read in it stays there until it is written or dropped.

    Args:
        job: What is done to each picture.
        time_limit: Seconds after which a call is given up and the process killed, in addition to what it gets for
            the picture's pixels.
        keep: Bytes of freed memory that the process may keep for the next picture; 0 leaves that to the system.
    """

    def __init__(self, job: Job, time_limit: float = TIME_LIMIT_SECONDS, keep: int = 0) -> None:
        self._job = job
        self._keep = keep
        self._time_limit = time_limit
        self._process: Any = None
        self._connection: Connection | None = None
        self._ended = False

    def measure(self, item: Item) -> Extent:
        """Return how much a picture is, with all its frames, without decoding it.

        Raises:
            ImageError: If it is none, or too large.
            WorkerDiedError: If that crashed or hung.
        """
        extent: Extent = self._call("measure", item)[0]
        return extent

    def read(self, item: Item, pixels: int = 0) -> Read:
        """Decode a picture and keep it.

        Args:
            item: The picture.
            pixels: How many it has, as far as that is known.

        Raises:
            ImageError: If it cannot be decoded.
            WorkerDiedError: If decoding crashed or hung.
        """
        (count, note), frames, seconds = self._call("read", item, pixels=pixels)
        return Read(frames, count, seconds, note)

    def write(self, item: Item, translated: Sequence[Pixels], temporary: Path, pixels: int = 0) -> float:
        """Finish a picture; the file ``temporary`` is then on disk.

        Args:
            item: The picture.
            translated: The network's output for each frame.
            temporary: The file to write.
            pixels: How many the picture has, as far as that is known.

        Returns:
            Seconds that it took.

        Raises:
            ImageError: If it cannot be encoded.
            OSError: If it cannot be written.
            WorkerDiedError: If encoding crashed or hung.
        """
        seconds: float = self._call("write", item, temporary, frames=translated, pixels=pixels)[2]
        return seconds

    def drop(self, item: Item) -> None:
        """Forget a picture that will not be written."""
        self._call("drop", item)

    def kill(self) -> None:
        """End the process, whatever it is doing, from another thread than the caller's; it gets no other one."""
        with _PROCESSES:
            self._ended = True
            if self._process is not None:
                self._process.kill()

    def close(self) -> None:
        """End the process, whatever it is doing."""
        with _PROCESSES:
            if self._process is not None:
                self._process.kill()
                self._process.join()
                self._process.close()
                self._process = None
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _call(
        self, name: str, *arguments: Any, frames: Sequence[Pixels] = (), pixels: int = 0
    ) -> tuple[Any, list[Pixels], float]:
        limit = self._time_limit + SECONDS_PER_PIXEL * pixels
        try:
            connection = self._connection or self._start()
            _send(connection, (name, *arguments), frames)
            if not connection.poll(limit):
                raise WorkerDiedError(f"took longer than {limit:g} seconds")
            (error, value, seconds), pictures = _receive(connection)
        except (EOFError, OSError) as broken:
            killed = self._was_killed()
            self.close()
            raise WorkerDiedError("crashed the decoder", killed) from broken
        except BaseException:  # too late, or no memory here for its answer: what it says next is no answer
            self.close()
            raise
        if error is not None:
            raise error
        return value, pictures, seconds

    def _was_killed(self) -> bool:
        """Whether the process, which has closed its end, was killed, and not by us."""
        with _PROCESSES:
            if self._process is None:
                return False
            self._process.join(1.0)
            return self._process.exitcode == _KILLED and not self._ended

    def _start(self) -> Connection:
        # spawn, not fork: a fork would carry the device's state and threads along.
        context = multiprocessing.get_context("spawn")
        with _PROCESSES:
            if self._ended:
                raise WorkerDiedError("is not wanted any more")
            ours, theirs = context.Pipe()
            process = context.Process(target=_serve, args=(theirs, self._job, self._keep), daemon=True)
            with signals.held(signal.SIGINT):
                process.start()
            theirs.close()
            self._process, self._connection = process, ours
        return ours


def _send(connection: Connection, message: Any, frames: Sequence[Pixels]) -> None:
    """Send a message with arrays; these go as they are, for to pickle them is to copy them twice."""
    frames = [np.ascontiguousarray(frame) for frame in frames]
    connection.send((message, [(frame.shape, frame.dtype) for frame in frames]))
    for frame in frames:
        connection.send_bytes(frame.data.cast("B"))


def _receive(connection: Connection) -> tuple[Any, list[Pixels]]:
    """Return what :func:`_send` sent."""
    message, outlines = connection.recv()
    frames = [np.empty(shape, dtype) for shape, dtype in outlines]
    for frame in frames:
        connection.recv_bytes_into(frame.data.cast("B"))
    return message, frames


def _serve(connection: Connection, job: Job, keep: int) -> None:
    """Answer calls until the other end closes."""
    from imgtrans import translate  # noqa: PLC0415 - in the new process, not in whoever starts it

    if keep:
        keep_freed_memory(keep)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    die_first()
    held: dict[bytes, translate.Prepared] = {}

    def measure(item: Item) -> tuple[Extent, list[Pixels]]:
        return translate.measure(item, job), []

    def read(item: Item) -> tuple[tuple[int, str], list[Pixels]]:
        prepared = held[item.key] = translate.read(item, job)
        return (prepared.pixels, prepared.note), [translate.padded(frame, job) for frame in prepared.frames]

    def write(item: Item, temporary: Path, *translated: Pixels) -> tuple[None, list[Pixels]]:
        # Not held any more if another picture crashed this process in between.
        prepared = held.pop(item.key) if item.key in held else translate.read(item, job)
        translate.write(prepared, translated, temporary, job.wanted)
        return None, []

    def drop(item: Item) -> tuple[None, list[Pixels]]:
        held.pop(item.key, None)
        return None, []

    calls: dict[str, Callable[..., tuple[Any, list[Pixels]]]] = {
        "measure": measure, "read": read, "write": write, "drop": drop
    }  # fmt: skip
    while True:
        try:
            (name, *arguments), given = _receive(connection)
        except (EOFError, OSError):
            return
        started = time.perf_counter()
        error: Exception | None = None
        value, frames = None, list[Pixels]()
        try:
            value, frames = calls[name](*arguments, *given)
        except (ImageError, OSError) as problem:
            error = _without_trace(problem)
        except MemoryError:
            error = ImageError(f"{arguments[0].input} does not fit into memory.")
        except Exception:
            error = RuntimeError(traceback.format_exc())
        del given
        try:
            _send(connection, (error, value, time.perf_counter() - started), frames)
        except OSError:  # nobody waits for it any more
            return


def _without_trace(error: Exception) -> Exception:
    """Return an error that pickles: only its class and arguments cross over."""
    if isinstance(error, ImageError):
        return ImageError(error.message, error.hint)
    assert isinstance(error, OSError)
    return OSError(error.errno, error.strerror or str(error), error.filename)
