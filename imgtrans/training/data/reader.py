"""A process that reads crops for the training; without PyTorch, so that it is there at once and takes little memory."""

import atexit
import contextlib
import multiprocessing
import os
import queue
import signal
import threading
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from imgtrans import signals
from imgtrans.errors import ImgtransError
from imgtrans.memory import die_first
from imgtrans.training.data.crops import Cut
from imgtrans.training.data.kept import Files, KeptPictures

Asked: TypeAlias = Sequence[tuple[int, Cut]]  # of A (0) or of B (1)

_POLL_SECONDS = 0.1


class Reader:
    """A process that answers with crops, in the order in which it is asked.

    Args:
        files: The pictures of A and of B.
        side: Of the crops, in pixels.
        needed: The largest short side to which a cut scales its picture, in pixels.
        room: Bytes for decoded pictures that the process keeps.

    Raises:
        OSError: If the system lets no process start.
    """

    def __init__(self, files: Files, side: int, needed: float, room: int) -> None:
        self._side = side
        self._given = (files, side, needed)
        self._room = room
        self._process: Any = None
        self._connection: Connection
        atexit.register(self.close)  # else this process would wait at its end for one that minds no SIGTERM
        self.start()

    def start(self) -> None:
        """Start the process, or a new one in its place; that keeps nothing, as it may be memory that has run out.

        Raises:
            OSError: If the system lets none start.
        """
        self.close()
        # A fork would copy locks that other threads hold for ever, and a fork server outlive a training that is killed.
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        try:
            with signals.held(*signals.FOR_PARENTS):
                self._process.start()
        finally:
            theirs.close()
        with contextlib.suppress(OSError):  # as an argument, names for which a pipe is too small would wait for ever
            self._connection.send((*self._given, self._room))
        self._room = 0

    def ask(self, cuts: Asked) -> None:
        """Ask for crops; if the process has died, who waits for the answer will know."""
        with contextlib.suppress(OSError):
            self._connection.send(cuts)

    def answer(self, stop: Callable[[], bool]) -> tuple[NDArray[np.uint8], dict[Path, str]] | None:
        """Return what was asked for next, and why pictures were left out; or None if told to stop first.

        Crops are (N, side, side, 3), in the order in which they were asked for.

        Raises:
            EOFError: If the process has died, as does OSError.
            ImgtransError: If a picture and all others in its place cannot be read.
        """
        while not self._connection.poll(_POLL_SECONDS):
            if stop():
                return None
        answer = self._connection.recv()
        if isinstance(answer, ImgtransError):
            raise answer
        count, left_out = answer
        pixels = np.empty((count, self._side, self._side, 3), np.uint8)
        self._connection.recv_bytes_into(pixels.data.cast("B"))
        return pixels, left_out

    def fate(self) -> str:
        """Return what has become of a process that has died."""
        self._process.join(1.0)
        code = self._process.exitcode
        if code is None or code >= 0:
            return "has ended"
        name = signal.Signals(-code).name if -code in {*signal.Signals} else f"signal {-code}"
        reason = ", mostly because memory has run out," if name == "SIGKILL" else ""
        return f"was killed by the system ({name}){reason}"

    def close(self) -> None:
        """End the process, whatever it is doing."""
        if self._process is None:
            return
        process, self._process = self._process, None
        self._connection.close()
        if process.pid is not None:
            process.kill()
            process.join()
        process.close()

    def discard(self) -> None:
        """End the process for good."""
        self.close()
        atexit.unregister(self.close)


def _serve(connection: Connection) -> None:
    """Answer with crops until the other end closes."""
    for number in signals.FOR_PARENTS:  # a Ctrl-C reaches the whole process group: the parent stops in its own time
        signal.signal(number, signal.SIG_IGN)
    die_first()
    try:
        files, side, needed, room = connection.recv()
    except (EOFError, OSError):
        return
    pictures = KeptPictures(files, side, needed, room)
    asked: queue.SimpleQueue[Asked] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(connection, asked), daemon=True).start()
    with contextlib.suppress(OSError):
        while True:
            cuts = asked.get()
            left_out: dict[Path, str] = {}
            try:
                pixels = np.empty((len(cuts), side, side, 3), np.uint8)
                for n, cut in enumerate(cuts):
                    pixels[n], skipped = pictures.crop(*cut)
                    left_out |= skipped
            except ImgtransError as error:
                connection.send(error)
                continue
            except Exception:  # if it happens again where the training reads for itself, it is told there
                os._exit(1)
            connection.send((len(cuts), left_out))
            connection.send_bytes(pixels.data.cast("B"))


def _listen(connection: Connection, asked: "queue.SimpleQueue[Asked]") -> None:
    """Take in what is asked, so that nobody waits to ask; the end of whoever asks is the end of this process."""
    while True:
        try:
            asked.put(connection.recv())
        except (EOFError, OSError):
            os._exit(0)
