"""One end of a pipe between two processes, for messages with arrays."""

import os
import pickle
import select
import struct
from collections.abc import Iterable, Sequence
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from imgtrans.protocols import Pixels

_LENGTH = struct.Struct("<Q")
_AT_ONCE = 512  # buffers in one call; systems take about a thousand
# Python's own way copies what is received twice; elsewhere than on Windows the system writes it where it belongs.
_DIRECT = hasattr(os, "readv")


class Channel:
    """Sends and receives messages, each with arrays.

    Args:
        connection: The end of a pipe, used by nobody else from now on.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._file = connection.fileno()
        if _DIRECT:
            self._poll = select.poll()
            self._poll.register(self._file, select.POLLIN)

    def send(self, message: Any, frames: Sequence[Pixels] = ()) -> None:
        """Send a message that pickles, and arrays as they are, for to pickle these is to copy them twice.

        Raises:
            OSError: If nobody is at the other end.
        """
        frames = [np.ascontiguousarray(frame) for frame in frames]
        content = pickle.dumps((message, [(frame.shape, frame.dtype) for frame in frames]), pickle.HIGHEST_PROTOCOL)
        parts = [memoryview(content), *(frame.data.cast("B") for frame in frames)]
        if _DIRECT:
            self._write([memoryview(_LENGTH.pack(len(content))), *parts])
            return
        for part in parts:
            self._connection.send_bytes(part)

    def receive(self) -> tuple[Any, list[Pixels]]:
        """Return what was sent at the other end.

        Raises:
            EOFError: If that is closed.
            OSError: If it is broken.
        """
        if not _DIRECT:
            message, frames = _announced(self._connection.recv_bytes())
            for frame in frames:
                self._connection.recv_bytes_into(frame.data.cast("B"))
            return message, frames
        length = bytearray(_LENGTH.size)
        self._read([length])
        content = bytearray(*_LENGTH.unpack(length))
        self._read([content])
        message, frames = _announced(content)
        self._read(frame.data.cast("B") for frame in frames)
        return message, frames

    def wait(self, seconds: float) -> bool:
        """Wait until something can be received, or the other end is closed; return False if that takes too long."""
        return bool(self._poll.poll(1e3 * seconds)) if _DIRECT else self._connection.poll(seconds)

    def close(self) -> None:
        """Close this end."""
        self._connection.close()

    def _write(self, parts: Iterable[memoryview]) -> None:
        left = [part for part in parts if len(part)]
        while left:
            left = _without(left, os.writev(self._file, left[:_AT_ONCE]))

    def _read(self, parts: Iterable[bytearray | memoryview]) -> None:
        left = [memoryview(part) for part in parts if len(part)]
        while left:
            count = os.readv(self._file, left[:_AT_ONCE])
            if not count:
                raise EOFError
            left = _without(left, count)


def _announced(content: bytes | bytearray) -> tuple[Any, list[Pixels]]:
    """Return a message, and arrays as large as those that follow it."""
    message, outlines = pickle.loads(content)  # noqa: S301 - from a process of our own
    return message, [np.empty(shape, dtype) for shape, dtype in outlines]


def _without(parts: list[memoryview], count: int) -> list[memoryview]:
    """Return what is left of buffers without their first bytes."""
    done = 0
    while done < len(parts) and count >= len(parts[done]):
        count -= len(parts[done])
        done += 1
    left = parts[done:]
    if count:
        left[0] = left[0][count:]
    return left
