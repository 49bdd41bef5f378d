"""A worker process that decodes and encodes, so that no picture can hang or crash the run."""

import subprocess
import threading

from imgtrans.executors.channel import Channel
from imgtrans.executors.codec import SECONDS_PER_PIXEL, TIME_LIMIT_SECONDS, Calls, Codec, WorkerDiedError
from imgtrans.executors.process import Process, end
from imgtrans.executors.reserve import Reserve, started
from imgtrans.executors.serving import Answer
from imgtrans.protocols import Job

_KILLED = -9  # exit code of a process that got SIGKILL
# Who kills must not meet who starts: a process that nobody knows yet would live on.
_PROCESSES = threading.Lock()


class Worker(Codec):
    """One process of this machine.

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

    def calls(self, calls: Calls, pixels: int = 0) -> list[Answer]:
        """Have calls answered."""
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
