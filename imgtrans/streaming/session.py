"""A session for which no picture is too large: what does not fit into memory whole is streamed."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import nn

from imgtrans.devices import forget_memory
from imgtrans.errors import ImageError, UnavailableError
from imgtrans.memory import is_out_of_memory
from imgtrans.protocols import Interrupted, Interruptible, Pixels, Session
from imgtrans.streaming.streamer import Progress, Streamer


class StreamingSession:
    """Runs batches in another session, and what would not fit there through a :class:`Streamer`.

    Args:
        session: For whatever fits.
        streamer: For what does not.
        largest: Pixels of the largest picture that is tried whole; 0 streams every picture.
        memory: Tells how many bytes of main memory streaming a picture of so many pixels (those of 16 bits count twice)
            may take, besides weights and picture.
        device_memory: Bytes of the device's own memory that it may take, if that is not the CPU.
        scratch: The folder for what is more than that.
        progress: Is told the share of a streamed picture that is done.
        warn: Is told what is unwise, once.
    """

    def __init__(
        self,
        session: Session,
        streamer: Streamer,
        *,
        largest: int,
        memory: Callable[[int], int],
        device_memory: int | None,
        scratch: Path,
        progress: Progress = lambda done: None,
        warn: Callable[[str], None] = lambda what: None,
    ) -> None:
        self._session, self._streamer = session, streamer
        self._largest, self._memory, self._device_memory = largest, memory, device_memory
        self._scratch, self._progress, self._warn = scratch, progress, warn
        self._warned = self._interrupted = False

    def interrupt(self) -> None:
        """End a run in another thread after its next strip; see :class:`imgtrans.protocols.Interruptible`."""
        self._interrupted = True
        if isinstance(self._session, Interruptible):
            self._session.interrupt()

    def run(self, pictures: Pixels) -> Pixels:
        """Translate pictures (N, H, W, 3), 0 to 255 (uint8) or 0 to 65535 (uint16), to the same shape and type.

        Raises:
            FilesError: If the scratch folder has too little room for one.
            MemoryError: If the batch does not fit (fewer pictures may), or there is less memory than was thought.
            UnavailableError: If what may be taken is too little even for strips of one.
        """
        count, height, width, _ = pictures.shape
        if height * width <= self._largest:
            try:
                return self._session.run(pictures)
            except MemoryError:
                if count > 1:
                    raise
        translated = np.empty_like(pictures)
        for picture, result in zip(pictures, translated, strict=True):
            self._stream(picture, result)
        return translated

    def _stream(self, picture: Pixels, result: Pixels) -> None:
        """Stream one picture; if the device turns out to have less memory than it had, with less of it."""
        device_memory = self._device_memory
        while True:
            try:
                self._stream_within(picture, result, device_memory)
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
                short = MemoryError(str(error))
            else:
                return
            forget_memory(self._streamer.device)
            if device_memory is None or self._device_memory is None or device_memory < self._device_memory // 4:
                raise short
            device_memory //= 2

    def _stream_within(self, picture: Pixels, result: Pixels, device_memory: int | None) -> None:
        def source(start: int, stop: int) -> Pixels:
            rows: Pixels = picture[start:stop]
            return rows

        def sink(start: int, rows: Pixels) -> None:
            result[start : start + len(rows)] = rows

        height, width, _ = picture.shape
        try:
            plan = self._streamer.plan(height, width, self._memory(height * width * picture.itemsize), device_memory)
        except ImageError as error:  # it does not know which picture that is; whoever asks does
            raise UnavailableError(error.message) from error
        self._streamer.run(
            plan,
            source,
            sink,
            depth=8 * picture.itemsize,
            scratch=self._scratch,
            progress=self._go_on,
            warn=self._warn_once,
        )

    def _go_on(self, share: float) -> None:
        if self._interrupted:
            raise Interrupted
        self._progress(share)

    def _warn_once(self, what: str) -> None:
        """Warn of what is true for every picture of the run."""
        if not self._warned:
            self._warned = True
            self._warn(what)


def streamer_of(network: nn.Module, device: torch.device, precision: torch.dtype, *, required: bool) -> Streamer | None:
    """Return what streams a network, or None if that cannot be.

    Raises:
        UnavailableError: If it cannot be and is required.
    """
    try:
        return Streamer(network, device, precision)
    except ValueError as error:
        if required:
            raise UnavailableError(f"{error}", "leave --tiling exact out") from error
        return None
