"""Maps between two passes, in slots of a store: written and read from top to bottom, and freed row by row."""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from imgtrans.errors import FilesError
from imgtrans.streaming.store import Held, Slot, Store


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
            if isinstance(slot, Held):
                found.append(self._places(slot.address(), start, end))
            else:
                rows = torch.empty(end - start, *self._like.shape[1:])
                self._filed.append((slot, start, rows))
                found.append(self._places(rows.data_ptr(), 0, end - start))
        self._written = stop
        return np.concatenate(found)

    def changing(self, start: int, stop: int) -> NDArray[np.int64]:
        """Return the addresses of rows that are to be changed; :meth:`settle` is called once they are.

        Raises:
            FilesError: If the disk fails.
        """
        found = []
        for place, first, last in self._pieces(start, stop):
            slot = self._slots[place]
            if isinstance(slot, Held):
                found.append(self._places(slot.address(), first, last))
            else:
                rows = self._read(slot, first, last)
                self._filed.append((slot, first, rows))
                found.append(self._places(rows.data_ptr(), 0, last - first))
        return np.concatenate(found)

    def settle(self) -> None:
        """Keep the rows that :meth:`make_room` made room for, or that were :meth:`changing`.

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
            if isinstance(slot, Held):
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
