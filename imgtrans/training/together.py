"""Several processes that train one run: what each of them averages, agrees on and hands to the first."""

import os
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import Any, Self

import torch
import torch.distributed as dist
from torch import Tensor

from imgtrans.devices import choose_device
from imgtrans.errors import UnavailableError, UsageError
from imgtrans.training.launch import Launch

_PATIENCE = timedelta(hours=2)  # that the first may take over what the others wait for, as scores of a large data set


class Together:
    """One of the processes that train together; alone, all of this does nothing.

    Args:
        launch: Which one; None is one alone.

    Attributes:
        rank: Which one it is, from 0. The first logs, saves and puts models into the zoo.
        size: How many there are.
        here: How many of them are on this machine.
    """

    def __init__(self, launch: Launch | None = None) -> None:
        self.rank, self.size, self._local_rank, self.here = launch or Launch()
        self._control: Any = None
        self._lost = False
        self._fate: Callable[[], str] = lambda: ""

    @property
    def is_first(self) -> bool:
        """Whether this is the process that logs and saves."""
        return self.rank == 0

    def device(self, name: str) -> torch.device:
        """Return the device of this process: each has a CUDA device of its own, or they share the CPU.

        Raises:
            UsageError: If one CUDA device is named for several processes.
            UnavailableError: If there is no such device here.
        """
        if self.size == 1 or name == "cpu":
            return choose_device(name)
        if ":" in name:
            raise UsageError(
                f"--device {name} is one device, and {self.size} processes train together",
                "give --device cuda, and CUDA_VISIBLE_DEVICES if only some are to be used",
            )
        if choose_device(name).type == "cpu":
            return torch.device("cpu")
        return choose_device(f"cuda:{self._local_rank}")

    def join(self, device: torch.device, store: Any = None, fate: Callable[[], str] = str) -> None:
        """Meet the others, and wait until all are there.

        Args:
            device: Of this process.
            store: Where they meet; None is what the environment says, as torchrun sets it.
            fate: Returns what has become of another process, in a sentence; "" if that is not known.

        Raises:
            UnavailableError: If they do not come.
        """
        if self.size == 1:
            return
        self._fate = fate
        if device.type == "cuda":
            torch.cuda.set_device(device)
        elif "OMP_NUM_THREADS" not in os.environ:
            torch.set_num_threads(max(1, (os.cpu_count() or 1) // self.here))
        backend = "nccl" if device.type == "cuda" else "gloo"
        self._try(
            lambda: dist.init_process_group(
                backend, store=store, rank=self.rank, world_size=self.size, timeout=_PATIENCE
            )
        )
        # What is agreed on is on the CPU, where a process that is gone is noticed at once.
        self._control = self._try(lambda: dist.new_group(backend="gloo", timeout=_PATIENCE))

    def average(self, tensors: Iterable[Tensor]) -> None:
        """Replace tensors, alike in all processes, by their means over the processes, in one exchange.

        Raises:
            UnavailableError: If another process is gone.
        """
        if self.size == 1:
            return
        own = list(tensors)
        flat = torch.cat([tensor.flatten() for tensor in own])
        self._try(lambda: dist.all_reduce(flat))
        flat /= self.size
        for tensor, mean in zip(own, torch.split(flat, [tensor.numel() for tensor in own]), strict=True):
            tensor.copy_(mean.view_as(tensor))

    def agree(self, *flags: bool) -> tuple[bool, ...]:
        """Return for each flag whether it is set in any process.

        Raises:
            UnavailableError: If another process is gone.
        """
        if self.size == 1:
            return flags
        said = torch.tensor(flags, dtype=torch.uint8)
        self._try(lambda: dist.all_reduce(said, dist.ReduceOp.MAX, group=self._control))
        return tuple(bool(flag) for flag in said)

    def gather(self, value: Any) -> list[Any]:
        """Return the values of all processes to the first, and nothing to the others.

        Raises:
            UnavailableError: If another process is gone.
        """
        if self.size == 1:
            return [value]
        values: list[Any] = [None] * self.size if self.is_first else []
        self._try(lambda: dist.gather_object(value, values if self.is_first else None, group=self._control))
        return values

    def first(self, value: Any) -> Any:
        """Return the first process's value.

        Raises:
            UnavailableError: If another process is gone.
        """
        values = [value]
        if self.size > 1:
            self._try(lambda: dist.broadcast_object_list(values, 0, group=self._control))
        return values[0]

    def share(self, numbers: range, batch_size: int) -> Sequence[int]:
        """Return which of the pairs that all train on are this process's: of each step's, its own batch."""
        return numbers if self.size == 1 else _Share(numbers, batch_size, self.rank, self.size)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Part from the others."""
        self.leave()

    def leave(self) -> None:
        """Part from the others; between GPUs only if all are there, as it might wait for ever."""
        if self.size > 1 and dist.is_initialized() and not (self._lost and dist.get_backend() == "nccl"):
            dist.destroy_process_group()

    def _try(self, exchange: Callable[[], Any]) -> Any:
        try:
            return exchange()
        except (RuntimeError, ValueError) as error:
            if isinstance(error, torch.OutOfMemoryError):
                raise
            self._lost = True
            said = self._fate() or "another process of this training has ended, or cannot be reached"
            raise UnavailableError(
                said, "--resume goes on from the last checkpoint, with any number of processes"
            ) from error


class _Share(Sequence[int]):
    """Every so many-th batch of some numbers."""

    def __init__(self, numbers: range, batch_size: int, rank: int, size: int) -> None:
        self._numbers = numbers
        self._batch = batch_size
        self._rank = rank
        self._size = size

    def __len__(self) -> int:
        return len(self._numbers) // self._size

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[n] for n in range(*index.indices(len(self)))]
        batch, place = divmod(range(len(self))[index], self._batch)
        return self._numbers[(batch * self._size + self._rank) * self._batch + place]
