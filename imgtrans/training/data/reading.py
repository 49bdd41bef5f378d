"""Crops read ahead of the training, by processes of their own if there are any; one that dies is replaced."""

from collections import deque
from collections.abc import Callable, Iterator
from typing import Self

import torch
from torch import Tensor

from imgtrans.training.data.dataset import RandomCrops, to_tensor
from imgtrans.training.data.reader import Reader

_AHEAD = 2  # batches that each process is asked for before the first of them is fetched


class ReadAhead:
    """Batches of crops, ``A`` and ``B`` (N, 3, H, W) each, in the order of their numbers.

    Pictures come through pipes, so that no shared memory is needed, of which a container may have little. A process
    that dies is replaced; if the next one dies as well, pictures are read in this process.

    Args:
        crops: What is read.
        numbers: Which of them.
        batch_size: Of each domain.
        workers: Processes that read ahead; 0 reads here.
        pin_memory: Whether batches are copied to where a GPU gets them faster from.
        stop: Asked while a batch is waited for; where it says so there are no more.
        lost: Told in a sentence that a process has died, and what is done about it.
    """

    def __init__(
        self,
        crops: RandomCrops,
        numbers: range,
        *,
        batch_size: int,
        workers: int,
        pin_memory: bool,
        stop: Callable[[], bool] = lambda: False,
        lost: Callable[[str], None] = lambda sentence: None,
    ) -> None:
        self._crops = crops
        self._batches = (numbers[at : at + batch_size] for at in range(0, len(numbers), batch_size))
        self._pin_memory = pin_memory
        self._stop = stop
        self._lost = lost
        self._asked: deque[tuple[range, Reader | None]] = deque()  # None once they are read here
        self._deaths = 0  # since the last batch
        self._readers: list[Reader] = []
        try:
            for _ in range(workers):
                self._readers.append(Reader((crops.dataset.files_A, crops.dataset.files_B), crops.crop))
        except OSError as error:
            self._read_here(f"no process to read pictures can be started: {error.strerror}")
        for _ in range(_AHEAD):
            for reader in self._readers:
                self._ask(reader)

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        """Return itself."""
        return self

    def __next__(self) -> dict[str, Tensor]:
        """Return the next batch."""
        while self._asked:
            batch, reader = self._asked[0]
            if reader is None:
                break
            try:
                answer = reader.answer(self._stop)
            except (EOFError, OSError):
                self._replace(reader, batch)
                continue
            if answer is None:
                raise StopIteration
            self._deaths = 0
            self._asked.popleft()
            self._ask(reader)
            pairs, left_out = answer
            self._crops.leave_out(left_out)
            return self._assembled([dict(zip("AB", map(to_tensor, pair), strict=True)) for pair in pairs])
        batch = self._asked.popleft()[0] if self._asked else next(self._batches)
        return self._assembled([self._crops[n] for n in batch])

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

    def _ask(self, reader: Reader) -> None:
        batch = next(self._batches, None)
        if batch is not None:
            self._asked.append((batch, reader))
            reader.ask([self._crops.cuts(n) for n in batch])

    def _replace(self, reader: Reader, batch: range) -> None:
        """Go on without a process that has died while it read a batch, or before."""
        self._deaths += 1
        what = f"a process that reads pictures {reader.fate()} while it read {self._named(batch)}"
        try:
            if self._deaths > 1:
                self._read_here(f"{what}, once more")
                return
            reader.start()
        except OSError as error:
            self._read_here(f"{what}, and no other one can be started: {error.strerror}")
            return
        for asked, whose in self._asked:
            if whose is reader:
                reader.ask([self._crops.cuts(n) for n in asked])
        self._lost(f"{what}; another one goes on")

    def _read_here(self, why: str) -> None:
        self.close()
        self._asked = deque((asked, None) for asked, _ in self._asked)
        self._lost(f"{why}; the training reads them itself from here on, as with --workers 0")

    def _named(self, batch: range) -> str:
        dataset = self._crops.dataset
        cut_A, cut_B = self._crops.cuts(batch[0])
        names = f"{dataset.files_A[cut_A.index].name} and {dataset.files_B[cut_B.index].name}"
        return f"{names} and {2 * len(batch) - 2} more" if len(batch) > 1 else names

    def _assembled(self, pairs: list[dict[str, Tensor]]) -> dict[str, Tensor]:
        batch = {domain: torch.stack([pair[domain] for pair in pairs]) for domain in "AB"}
        return {domain: tensor.pin_memory() for domain, tensor in batch.items()} if self._pin_memory else batch
