"""A worker process that decodes and encodes, so that no picture can hang or crash the run."""

import subprocess
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imgtrans.executors.channel import Channel
from imgtrans.executors.process import Process, end
from imgtrans.executors.reserve import Reserve, started
from imgtrans.executors.serving import Answer
from imgtrans.images.measure import Extent
from imgtrans.protocols import Item, Job, Pixels

# Short enough that a malicious file only costs one picture; a slow encoder needs longer for a gigapixel, so that
# pictures get more for what they have.
TIME_LIMIT_SECONDS = 300.0
SECONDS_PER_PIXEL = 2e-6
_KILLED = -9  # exit code of a process that got SIGKILL
# Who kills must not meet who starts: a process that nobody knows yet would live on.
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
        reserve: Has processes that are started already, maybe.
    """

    def __init__(
        self, job: Job, time_limit: float = TIME_LIMIT_SECONDS, keep: int = 0, reserve: Reserve | None = None
    ) -> None:
        self._job = job
        self._keep = keep
        self._reserve = reserve
        self._time_limit = time_limit
        self._process: Process | None = None
        self._channel: Channel | None = None
        self._ended = False

    def measure(self, item: Item) -> Extent:
        """Return how much a picture is, with all its frames, without decoding it.

        Raises:
            ImageError: If it is none, or too large.
            WorkerDiedError: If that crashed or hung.
        """
        extent: Extent = self._call("measure", item).value
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
        return _read(self._call("read", item, pixels=pixels))

    def read_small(self, items: Sequence[Item], most: int) -> list[tuple[Extent, Read | None] | Exception]:
        """Decode and keep those of several pictures that are small.

        Args:
            items: The pictures.
            most: Bytes that each may take.

        Returns:
            For each how much it is and, if that is not too much, what was read, or why it cannot be.

        Raises:
            WorkerDiedError: If one of them crashed it or hung.
        """
        answers = self._calls([("read_small", (item, most), ()) for item in items])
        return [
            answer.error or (answer.value[0], _read(answer, answer.value[1]) if answer.value[1] else None)
            for answer in answers
        ]

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
        return self._call("write", item, temporary, frames=translated, pixels=pixels).seconds

    def write_several(self, pictures: Sequence[tuple[Item, Sequence[Pixels], Path]]) -> list[float | Exception]:
        """Finish several pictures, as :meth:`write` does.

        Returns:
            For each the seconds that it took, or why it cannot be finished.

        Raises:
            WorkerDiedError: If one of them crashed it or hung.
        """
        answers = self._calls([("write", (item, temporary), frames) for item, frames, temporary in pictures])
        return [answer.error or answer.seconds for answer in answers]

    def drop(self, item: Item) -> None:
        """Forget a picture that will not be written."""
        self._call("drop", item)

    def kill(self) -> None:
        """End the process, whatever it is doing, from another thread than the caller's; it gets no other one."""
        with _PROCESSES:
            self._ended = True
            if self._process is not None:
                self._process.kill()

    def renew(self) -> None:
        """Let go of a process that has ended by itself while nothing was asked of it; the next call starts another."""
        with _PROCESSES:
            gone = self._process is not None and not self._ended and self._process.poll() is not None
        if gone:
            self.close()

    def close(self) -> None:
        """End the process, whatever it is doing."""
        with _PROCESSES:
            if self._process is not None:
                end(self._process)
                self._process = None
        if self._channel is not None:
            self._channel.close()
            self._channel = None

    def _call(self, name: str, *arguments: Any, frames: Sequence[Pixels] = (), pixels: int = 0) -> Answer:
        (answer,) = self._calls([(name, arguments, frames)], pixels)
        if answer.error is not None:
            raise answer.error
        return answer

    def _calls(self, calls: Sequence[tuple[str, tuple[Any, ...], Sequence[Pixels]]], pixels: int = 0) -> list[Answer]:
        limit = self._time_limit + SECONDS_PER_PIXEL * pixels
        try:
            channel = self._channel or self._start()
            channel.send(
                [(name, arguments, len(frames)) for name, arguments, frames in calls],
                [frame for _, _, frames in calls for frame in frames],
            )
            if not channel.wait(limit):
                raise WorkerDiedError(f"took longer than {limit:g} seconds")
            answers: list[Answer]
            answers, pictures = channel.receive()
        except (EOFError, OSError) as broken:
            killed = self._was_killed()
            self.close()
            raise WorkerDiedError("crashed the decoder", killed) from broken
        except BaseException:  # too late, or no memory here for its answer: what it says next is no answer
            self.close()
            raise
        for answer in answers:
            answer.frames, pictures = pictures[: answer.count], pictures[answer.count :]
        return answers

    def _was_killed(self) -> bool:
        """Whether the process, which has closed its end, was killed, and not by us."""
        with _PROCESSES:
            if self._process is None:
                return False
            try:
                code = self._process.wait(1.0)
            except subprocess.TimeoutExpired:
                return False
            return code == _KILLED and not self._ended

    def _start(self) -> Channel:
        with _PROCESSES:
            if self._ended:
                raise WorkerDiedError("is not wanted any more")
            self._process, self._channel = (self._reserve and self._reserve.take()) or started()
        self._channel.send((self._job, self._keep))
        return self._channel


def _read(answer: Answer, said: tuple[int, str] | None = None) -> Read:
    """Return what a worker has read, as its answer says."""
    pixels, note = said or answer.value
    return Read(answer.frames, pixels, answer.seconds, note)
