"""Room for maps between two passes: slots of one size, on the device, in memory or in a scratch file."""

import os
import shutil
import tempfile
from collections import deque
from collections.abc import Iterator
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import torch
from torch import Tensor

from imgtrans.errors import FilesError
from imgtrans.memory import in_words

_RAM_BACKED = {"tmpfs", "ramfs"}
_MOUNTS = Path("/proc/self/mounts")


class Slot(Protocol):
    """Room for some rows of any map."""

    def write(self, row: int, rows: Tensor) -> None:
        """Keep rows, (rows, channels, width), from ``row`` on."""
        ...

    def read(self, start: int, stop: int, like: Tensor) -> Tensor:
        """Return rows, (rows, channels, width); ``like`` is (0, channels, width), of the type and device wanted."""
        ...


class Held:
    """A slot of a tensor of bytes."""

    def __init__(self, content: Tensor) -> None:
        self._content = content

    def address(self) -> int:
        """Return where it begins."""
        return self._content.data_ptr()

    def write(self, row: int, rows: Tensor) -> None:
        """Keep rows; see :class:`Slot`."""
        self._rows(row, row + len(rows), rows).copy_(rows)

    def read(self, start: int, stop: int, like: Tensor) -> Tensor:
        """Return rows; see :class:`Slot`."""
        return self._rows(start, stop, like).to(like.device)

    def _rows(self, start: int, stop: int, like: Tensor) -> Tensor:
        size = like.shape[1] * like.shape[2] * like.element_size()
        return self._content[start * size : stop * size].view(like.dtype).view(-1, *like.shape[1:])


class _Filed:
    """A slot of a file. It is read and written, not mapped: a full disk is then an error and no crash."""

    def __init__(self, file: FileIO, offset: int) -> None:
        self._file = file
        self._offset = offset

    def write(self, row: int, rows: Tensor) -> None:
        rows = rows.contiguous().cpu()
        self._file.seek(self._offset + row * rows[0].numel() * rows.element_size())
        left = _bytes_of(rows)
        while left:
            left = left[self._file.write(left) :]

    def read(self, start: int, stop: int, like: Tensor) -> Tensor:
        rows = torch.empty(stop - start, *like.shape[1:], dtype=like.dtype)
        left = _bytes_of(rows)
        self._file.seek(self._offset + start * rows[0].numel() * rows.element_size())
        while left:
            got = self._file.readinto(left)
            if not got:
                raise FilesError(
                    "the scratch file was cut short while it was in use; another --scratch folder would help"
                )
            left = left[got:]
        return rows.to(like.device)


def _bytes_of(rows: Tensor) -> memoryview:
    content: Any = rows.view(torch.uint8).numpy().reshape(-1)
    return memoryview(content)


class Store:
    """Hands out slots, the fastest first, and takes them back.

    Args:
        slot: Bytes of one.
        on_device: How many there are on ``device``; 0 if that is the CPU.
        in_memory: How many there are in main memory.
        on_disk: How many there are in a file.
        device: Where the network computes.
        scratch: The folder of that file, which has no name and goes with the process, whatever ends it.

    Raises:
        FilesError: If there is no room for the file, or it cannot be written.
    """

    def __init__(
        self, slot: int, on_device: int, in_memory: int, on_disk: int, device: torch.device, scratch: Path
    ) -> None:
        self._file: FileIO | None = None
        self._free: deque[Slot] = deque()
        self._pinned = device.type == "cuda" and in_memory > 0
        for count, where in ((on_device, device), (in_memory, torch.device("cpu"))):
            if count:
                pinned = device.type == "cuda" and where.type == "cpu"
                for some in _pinnable(count, slot) if pinned else [count]:
                    room = torch.empty(some, slot, dtype=torch.uint8, device=where, pin_memory=pinned)
                    self._free.extend(Held(content) for content in room)
        if on_disk:
            self._file = _scratch_file(scratch, on_disk * slot)
            self._free.extend(_Filed(self._file, place * slot) for place in range(on_disk))

    def take(self) -> Slot:
        """Return a slot that nobody uses."""
        return self._free.popleft()

    def give(self, slot: Slot) -> None:
        """Take a slot back."""
        # What is in memory is used again first.
        self._free.appendleft(slot) if isinstance(slot, Held) else self._free.append(slot)

    def __enter__(self) -> "Store":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._free.clear()
        if self._file is not None:
            self._file.close()
        if self._pinned and hasattr(torch.accelerator, "empty_host_cache"):
            torch.accelerator.empty_host_cache()  # PyTorch keeps it for the next time, but pictures need it now


def _pinnable(count: int, slot: int) -> Iterator[int]:
    """Yield how many slots to allocate at a time, so that little is lost: PyTorch pins powers of two."""
    while count:
        some = max(1, (1 << (count * slot).bit_length() - 1) // slot)
        yield some
        count -= some


def is_ram_backed(folder: Path) -> bool:
    """Whether a folder's files are in main memory, as far as the system says."""
    try:
        mounts = [line.split()[1:3] for line in _MOUNTS.read_text().splitlines()]
    except OSError:
        return False
    whole = folder.resolve()
    inside = [(len(where), kind) for where, kind in mounts if whole.is_relative_to(where)]
    return bool(inside) and max(inside)[1] in _RAM_BACKED


def _scratch_file(folder: Path, size: int) -> FileIO:
    # In the sentence, not behind it: of a failed picture that is all that the report has.
    help = "another --scratch folder, or more --memory, would help"
    try:
        free = shutil.disk_usage(folder).free
        if free < size:
            raise FilesError(
                f"{folder} has {in_words(free)} free, and a scratch file of {in_words(size)} is needed; {help}"
            )
        file: FileIO = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115
    except OSError as error:
        raise FilesError(f"{folder} cannot take a scratch file: {error.strerror}; {help}") from error
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)
    except OSError as error:
        file.close()
        raise FilesError(
            f"{folder} cannot take a scratch file of {in_words(size)}: {error.strerror}; {help}"
        ) from error
    return file
