"""What a journal knows: of an output, and of the last run."""

import os
import socket
from dataclasses import dataclass

import psutil


@dataclass(frozen=True)
class Entry:
    """What a journal knows of one output; the columns of its table.

    Attributes:
        output: Path of the output, relative to the output folder.
        source: Path of the input, relative to what the user named.
        size: Of the input, bytes.
        mtime_ns: Of the input.
        model: sha256 of the weights.
        settings: What else decides the output.
        state: ``writing``, ``done`` or ``failed``.
        output_size: Of the output, bytes.
        output_mtime_ns: Of the output.
        error: Why it has failed, one sentence.
        before_size: Of our older output that a ``writing`` one replaces, bytes; 0 if there is none.
        before_mtime_ns: Of the same.
        input: The absolute path, for whoever asks how things stand.
    """

    output: bytes
    source: bytes
    size: int
    mtime_ns: int
    model: str
    settings: str
    state: str
    output_size: int = 0
    output_mtime_ns: int = 0
    error: str = ""
    before_size: int = 0
    before_mtime_ns: int = 0
    input: bytes = b""

    def made(self, output: os.stat_result) -> bool:
        """Whether the file that stands at the output's place is one that we made."""
        stands = (output.st_size, output.st_mtime_ns)
        # Killed between intent and rename: the older one is still there.
        older = self.state == "writing" and stands == (self.before_size, self.before_mtime_ns)
        return older or stands == (self.output_size, self.output_mtime_ns)


@dataclass(frozen=True)
class LastRun:
    """What a journal knows of the last run into its folder; the columns of its table.

    Attributes:
        name: Of the model.
        model: sha256 of its weights.
        settings: What else decides its outputs.
        process: Host, process id and start, to know whether it is still at work.
        planned: Pictures that it was to translate or fail at, as far as it had looked.
        settled: How many of these it has.
        complete: Whether it had looked at all.
        started: Seconds since 1970.
        ended: The same; 0 if it was never ended.
    """

    name: str
    model: str
    settings: str
    process: str
    planned: int
    settled: int
    complete: int
    started: float
    ended: float

    @property
    def at_work(self) -> bool:
        """Whether it is still going on, as far as can be seen from this machine."""
        return not self.ended and self.process == process_of(self.process)

    @property
    def left(self) -> int:
        """How many pictures it was to do, as far as it had looked, and has neither translated nor failed at, yet."""
        return 0 if self.ended else max(0, self.planned - self.settled)


def process_of(like: str = "") -> str:
    """Return host, process id and start of this process, or of the one with the process id of ``like``, if any."""
    pid = os.getpid()
    if like:
        pid = int(like.rsplit(" ", 2)[1])
    try:
        return f"{socket.gethostname()} {pid} {psutil.Process(pid).create_time():.2f}"
    except psutil.Error:
        return ""
