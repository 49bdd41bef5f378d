"""What a worker process does: it answers calls, one message of them after the other, and keeps what it has read."""

import contextlib
import os
import signal
import time
import traceback
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from imgtrans import translate
from imgtrans.errors import ImageError
from imgtrans.executors import process
from imgtrans.executors.channel import Channel
from imgtrans.files import fsync_file
from imgtrans.images.measure import Extent
from imgtrans.memory import die_first, keep_freed_memory
from imgtrans.protocols import Item, Job, Pixels

_SYNCED_AT_ONCE = 8  # files of which a disk may make one write


@dataclass
class Answer:
    """The answer to one call.

    Attributes:
        error: What it ended with, if it has no result.
        value: The result.
        seconds: That it took.
        count: How many arrays belong to it.
        frames: These, which cross beside it.
    """

    error: Exception | None = None
    value: Any = None
    seconds: float = 0.0
    count: int = 0
    frames: list[Pixels] = field(default_factory=list, repr=False)


def serve(handle: int) -> None:
    """Answer calls until the other end closes; the whole of a worker process.

    Args:
        handle: Of this process's end of the pipe. First comes what is done to each picture, and how many bytes of freed
            memory this process may keep for the next one; then calls, several of them in one message, each with its
            arguments and arrays.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    die_first()
    with contextlib.suppress(OSError):
        os.dup2(2, 1)  # standard output is for the parent's results, whatever a library has to say
    channel = Channel(process.opened(handle))
    try:
        (job, keep), _ = channel.receive()
    except (EOFError, OSError):
        return
    if keep:
        keep_freed_memory(keep)
    desk = Desk(job)
    while True:
        try:
            answers = desk.answers(*channel.receive())
            frames = [frame for answer in answers for frame in answer.frames]
            for answer in answers:
                answer.frames = []
            channel.send(answers, frames)
        except (EOFError, OSError):  # nobody waits for it any more
            return


ENTRY = (__name__, serve.__name__)


class Desk:
    """Does what is asked, and keeps the pictures that are read.

    Args:
        job: What is done to each picture.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._held: dict[bytes, translate.Prepared] = {}
        self._syncing = ThreadPoolExecutor(_SYNCED_AT_ONCE)
        self._calls: dict[str, Callable[..., tuple[Any, list[Pixels]]]] = {
            "measure": self._measure,
            "read": self._read,
            "read_small": self._read_small,
            "write": self._write,
            "drop": self._drop,
        }

    def answers(self, calls: Iterable[tuple[str, tuple[Any, ...], int]], given: list[Pixels]) -> list[Answer]:
        """Answer calls, each with its name, arguments and so many of the arrays; what they write is on the disk."""
        answers = []
        for name, arguments, count in calls:
            answers.append(self._answer(name, arguments, given[:count]))
            del given[:count]
        self._sync(answers)
        return answers

    def _answer(self, name: str, arguments: tuple[Any, ...], given: list[Pixels]) -> Answer:
        """Answer one call, but for files that are still to be synced."""
        started = time.perf_counter()
        answer = Answer()
        try:
            answer.value, answer.frames = self._calls[name](*arguments, *given)
        except (ImageError, OSError) as problem:
            answer.error = _without_trace(problem)
        except MemoryError:
            answer.error = ImageError(f"{arguments[0].input} does not fit into memory.")
        except Exception:
            answer.error = RuntimeError(traceback.format_exc())
        answer.count, answer.seconds = len(answer.frames), time.perf_counter() - started
        return answer

    def _sync(self, answers: list[Answer]) -> None:
        """Wait until all files that were written are on the disk, which may then take them in one go."""
        written = [answer for answer in answers if isinstance(answer.value, Path)]
        started = time.perf_counter()
        paths = [answer.value for answer in written]
        problems = map(_sync, paths) if len(paths) == 1 else self._syncing.map(_sync, paths)
        for answer, problem in zip(written, problems, strict=True):
            answer.error, answer.value = problem, None
        for answer in written:
            answer.seconds += (time.perf_counter() - started) / len(written)

    def _measure(self, item: Item) -> tuple[Extent, list[Pixels]]:
        return translate.measure(item, self._job), []

    def _read(self, item: Item) -> tuple[tuple[int, str], list[Pixels]]:
        prepared = self._held[item.key] = translate.read(item, self._job)
        return (prepared.pixels, prepared.note), [translate.padded(frame, self._job) for frame in prepared.frames]

    def _read_small(self, item: Item, most: int) -> tuple[tuple[Extent, tuple[int, str] | None], list[Pixels]]:
        extent = translate.measure(item, self._job)
        if extent.memory > most:
            return (extent, None), []
        said, frames = self._read(item)
        return (extent, said), frames

    def _write(self, item: Item, temporary: Path, *translated: Pixels) -> tuple[Path, list[Pixels]]:
        # Not held any more if another picture crashed this process in between.
        prepared = self._held.pop(item.key) if item.key in self._held else translate.read(item, self._job)
        translate.write(prepared, translated, temporary, self._job.wanted, durably=False)
        return temporary, []

    def _drop(self, item: Item) -> tuple[None, list[Pixels]]:
        self._held.pop(item.key, None)
        return None, []


def _sync(path: Path) -> Exception | None:
    """Have a file on the disk, or return why that cannot be."""
    try:
        fsync_file(path)
    except OSError as problem:
        return _without_trace(problem)
    return None


def _without_trace(error: Exception) -> Exception:
    """Return an error that pickles: only its class and arguments cross over."""
    if isinstance(error, ImageError):
        return ImageError(error.message, error.hint)
    assert isinstance(error, OSError)
    return OSError(error.errno, error.strerror or str(error), error.filename)
