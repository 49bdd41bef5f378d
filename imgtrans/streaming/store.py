"""Maps between two passes: in slots of one size, on the device, in memory or in a scratch file; freed row by row."""

import os
import shutil
import tempfile
from collections import deque
from collections.abc import Iterator
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
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


class _Held:
    """A slot of a tensor of bytes."""

    def __init__(self, content: Tensor) -> None:
        self._content = content

    def address(self) -> int:
        return self._content.data_ptr()

    def write(self, row: int, rows: Tensor) -> None:
        self._rows(row, row + len(rows), rows).copy_(rows)

    def read(self, start: int, stop: int, like: Tensor) -> Tensor:
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
                    self._free.extend(_Held(content) for content in room)
        if on_disk:
            self._file = _scratch_file(scratch, on_disk * slot)
            self._free.extend(_Filed(self._file, place * slot) for place in range(on_disk))

    def take(self) -> Slot:
        """Return a slot that nobody uses."""
        return self._free.popleft()

    def give(self, slot: Slot) -> None:
        """Take a slot back."""
        # What is in memory is used again first.
        self._free.appendleft(slot) if isinstance(slot, _Held) else self._free.append(slot)

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


class Map:
    """A map that is written once, from top to bottom, and read from top to bottom, maybe twice.

    Args:
        store: Whose slots it takes.
        shape: Channels, height, width.
        rows_in_slot: How many rows one slot holds.
        device: Where its rows are wanted.
        precision: Of its values.
        by_pixel: Whether a row is stored pixel by pixel, and not channel by channel; then, on the CPU and in float32,
            rows can be read and written where they are.
    """

    def __init__(
        self,
        store: Store,
        shape: tuple[int, int, int],
        rows_in_slot: int,
        device: torch.device,
        precision: torch.dtype,
        *,
        by_pixel: bool = False,
    ) -> None:
        self.shape = shape
        self._store = store
        self._rows = rows_in_slot
        self._order, self._back = ((1, 2, 0), (2, 0, 1)) if by_pixel else ((1, 0, 2), (1, 0, 2))
        row = (shape[2], shape[0]) if by_pixel else (shape[0], shape[2])
        self._like = torch.empty(0, *row, dtype=precision, device=device)
        self._slots: dict[int, Slot] = {}
        self._written = 0
        self._filed: list[tuple[Slot, int, Tensor]] = []  # rows that are still to be written to a file
        self._lent: list[Tensor] = []  # rows of a file whose addresses were given last

    def append(self, rows: Tensor) -> None:
        """Keep the next rows, (1, channels, rows, width).

        Raises:
            FilesError: If the disk is full, in spite of all.
        """
        # Row by row, not channel by channel, so that any rows are one piece of memory or file.
        rows = rows[0].permute(self._order).to(self._like.dtype)
        for place, start, stop in self._pieces(self._written, self._written + len(rows)):
            if start == 0:
                self._slots[place] = self._store.take()
            piece, rows = rows[: stop - start], rows[stop - start :]
            self._write(self._slots[place], start, piece)
            self._written += stop - start

    def _write(self, slot: Slot, start: int, rows: Tensor) -> None:
        try:
            slot.write(start, rows)
        except OSError as error:
            raise FilesError(
                f"the scratch file cannot be written: {error.strerror}; another --scratch folder would help"
            ) from error

    def make_room(self, stop: int) -> NDArray[np.int64]:
        """Return the addresses of the next rows up to ``stop``; :meth:`settle` is called once they are written."""
        found = []
        for place, start, end in self._pieces(self._written, stop):
            if start == 0:
                self._slots[place] = self._store.take()
            slot = self._slots[place]
            if isinstance(slot, _Held):
                found.append(self._places(slot.address(), start, end))
            else:
                rows = torch.empty(end - start, *self._like.shape[1:])
                self._filed.append((slot, start, rows))
                found.append(self._places(rows.data_ptr(), 0, end - start))
        self._written = stop
        return np.concatenate(found)

    def settle(self) -> None:
        """Keep the rows that :meth:`make_room` made room for.

        Raises:
            FilesError: If the disk is full, in spite of all.
        """
        for slot, start, rows in self._filed:
            self._write(slot, start, rows)
        self._filed.clear()

    def addresses(self, start: int, stop: int) -> NDArray[np.int64]:
        """Return the addresses of rows; they hold until the next call, or until the rows are freed.

        Raises:
            FilesError: If the disk fails.
        """
        self._lent, found = [], []
        for place, first, last in self._pieces(start, stop):
            slot = self._slots[place]
            if isinstance(slot, _Held):
                found.append(self._places(slot.address(), first, last))
            else:
                rows = self._read(slot, first, last)
                self._lent.append(rows)
                found.append(self._places(rows.data_ptr(), 0, last - first))
        return np.concatenate(found)

    def _places(self, begin: int, first: int, last: int) -> NDArray[np.int64]:
        size = self._like.shape[1] * self._like.shape[2] * self._like.element_size()
        return begin + np.arange(first, last, dtype=np.int64) * size

    def read(self, start: int, stop: int) -> Tensor:
        """Return rows, (1, channels, rows, width).

        Raises:
            FilesError: If the disk fails.
        """
        pieces = [self._read(self._slots[place], a, b) for place, a, b in self._pieces(start, stop)]
        rows = pieces[0] if len(pieces) == 1 else torch.cat(pieces)
        return rows.permute(self._back).unsqueeze(0)

    def _read(self, slot: Slot, start: int, stop: int) -> Tensor:
        try:
            return slot.read(start, stop, self._like)
        except OSError as error:
            raise FilesError(
                f"the scratch file cannot be read: {error.strerror}; another --scratch folder would help"
            ) from error

    def free(self, stop: int) -> None:
        """Give back what only holds rows above ``stop``."""
        for place in [place for place in self._slots if min((place + 1) * self._rows, self.shape[1]) <= stop]:
            self._store.give(self._slots.pop(place))

    def _pieces(self, start: int, stop: int) -> Iterator[tuple[int, int, int]]:
        """Yield the slots that hold rows, and from and to which row of the slot."""
        while start < stop:
            place, row = divmod(start, self._rows)
            count = min(self._rows - row, stop - start)
            yield place, row, row + count
            start += count


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
