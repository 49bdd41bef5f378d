"""Crops read ahead of the training, by processes of their own if there are any; one that dies is replaced."""

from collections import ChainMap, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from imgtrans.memory import available_memory
from imgtrans.training.data.crops import Cut
from imgtrans.training.data.dataset import RandomCrops, to_tensor
from imgtrans.training.data.kept import KeptPictures
from imgtrans.training.data.reader import Reader

_AHEAD = 3  # batches for each process that are asked for before the first of them is fetched
_KEPT_SHARE = 0.25  # of the memory that is free when a training begins, for decoded pictures


@dataclass
class _Part:
    """The crops of a batch that one process is asked for.

    Attributes:
        places: Of the crops in the batch.
        cuts: Which they are: of A (0) or of B (1).
        reader: The process; None where they are read here.
    """

    places: list[int]
    cuts: list[tuple[int, Cut]]
    reader: Reader | None


@dataclass
class _Batch:
    """A batch that has been asked for.

    Attributes:
        pixels: First those of A, then those of B, (2 N, side, side, 3).
        parts: What has not come yet.
    """

    pixels: NDArray[np.uint8]
    parts: deque[_Part]


class ReadAhead:
    """Batches of crops, ``A`` and ``B`` (N, 3, H, W) each, in the order of their numbers.

    Each picture belongs to one process, which decodes it once and keeps it, as long as there is room: all of them
    together keep a quarter of the memory that is free at the beginning. Crops come through pipes, so that no shared
    memory is needed, of which a container may have little. A process that dies is replaced by one that keeps nothing;
    if that dies as well, pictures are read in this process.

    Args:
        crops: What is read.
        numbers: Which of them.
        batch_size: Of each domain.
        workers: Processes that read ahead; 0 reads here.
        pin_memory: Whether batches are copied to where a GPU gets them faster from.
        stop: Asked while a batch is waited for; where it says so there are no more.
        lost: Told in a sentence that a process has died, and what is done about it.
        room: Bytes for decoded pictures; by default what is said above.
        sharing: Processes that train on this machine, and share that room.
    """

    def __init__(
        self,
        crops: RandomCrops,
        numbers: Sequence[int],
        *,
        batch_size: int,
        workers: int,
        pin_memory: bool,
        stop: Callable[[], bool] = lambda: False,
        lost: Callable[[str], None] = lambda sentence: None,
        room: int | None = None,
        sharing: int = 1,
    ) -> None:
        room = int(_KEPT_SHARE * available_memory() / sharing) if room is None else room
        self._crops = crops
        self._files = (crops.dataset.files_A, crops.dataset.files_B)
        self._numbers = (numbers[at : at + batch_size] for at in range(0, len(numbers), batch_size))
        self._pin_memory = pin_memory
        self._stop = stop
        self._lost = lost
        self._here = KeptPictures(self._files, crops.crop, crops.needed, 0 if workers else room)
        self._asked: deque[_Batch] = deque()
        self._deaths = 0  # since the last answer
        self._readers: list[Reader] = []
        try:
            for _ in range(workers):
                self._readers.append(Reader(self._files, crops.crop, crops.needed, room // workers))
        except OSError as error:
            self._read_here(f"no process to read pictures can be started: {error.strerror}")
        for _ in range(_AHEAD * len(self._readers)):
            self._ask()

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        """Return itself."""
        return self

    def __next__(self) -> dict[str, Tensor]:
        """Return the next batch."""
        if not self._asked:
            self._ask()
        if not self._asked:
            raise StopIteration
        batch = self._asked[0]
        while batch.parts:
            part = batch.parts[0]
            if part.reader:
                try:
                    answer = part.reader.answer(self._stop)
                except (EOFError, OSError):
                    self._replace(part.reader, part)
                    continue
                if answer is None:
                    raise StopIteration
            else:
                answer = self._read(part)
            self._deaths = 0
            batch.parts.popleft()
            batch.pixels[part.places], left_out = answer
            self._crops.leave_out(left_out)
        self._asked.popleft()
        if self._readers:
            self._ask()
        both = to_tensor(batch.pixels)
        if self._pin_memory:
            both = both.pin_memory()
        return dict(zip("AB", both.chunk(2), strict=True))

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the processes."""
        self.close()

    def close(self) -> None:
        """End the processes."""
        for reader in self._readers:
            reader.discard()
        self._readers.clear()

    def _ask(self) -> None:
        """Ask for the next batch, if there is one: each process for what belongs to it."""
        numbers = next(self._numbers, None)
        if numbers is None:
            return
        pairs = [self._crops.cuts(n) for n in numbers]
        parts: dict[int, _Part] = {}
        for place, (domain, cut) in enumerate((domain, pair[domain]) for domain in (0, 1) for pair in pairs):
            owner = (cut.index + domain) % max(1, len(self._readers))
            part = parts.setdefault(owner, _Part([], [], self._readers[owner] if self._readers else None))
            part.places.append(place)
            part.cuts.append((domain, cut))
        for part in parts.values():
            if part.reader:
                part.reader.ask(part.cuts)
        pixels = np.empty((2 * len(pairs), self._crops.crop, self._crops.crop, 3), np.uint8)
        self._asked.append(_Batch(pixels, deque(parts.values())))

    def _read(self, part: _Part) -> tuple[NDArray[np.uint8], dict[Path, str]]:
        """Return what a part asks for, read here."""
        crops, left_out = zip(*(self._here.crop(*cut) for cut in part.cuts), strict=True)
        return np.stack(crops), dict(ChainMap(*left_out))

    def _replace(self, reader: Reader, part: _Part) -> None:
        """Go on without a process that has died while it read a part of a batch, or before."""
        self._deaths += 1
        what = f"a process that reads pictures {reader.fate()} while it read {self._named(part)}"
        try:
            if self._deaths > 1:
                self._read_here(f"{what}, once more")
                return
            reader.start()
        except OSError as error:
            self._read_here(f"{what}, and no other one can be started: {error.strerror}")
            return
        for batch in self._asked:
            for asked in batch.parts:
                if asked.reader is reader:
                    reader.ask(asked.cuts)
        self._lost(f"{what}; another one goes on")

    def _read_here(self, why: str) -> None:
        self.close()
        for batch in self._asked:
            for part in batch.parts:
                part.reader = None
        self._lost(f"{why}; the training reads them itself from here on, as with --workers 0")

    def _named(self, part: _Part) -> str:
        names = [self._files[domain][cut.index].name for domain, cut in part.cuts[:2]]
        more = f" and {len(part.cuts) - 2} more" if len(part.cuts) > 2 else ""
        return " and ".join(names) + more
