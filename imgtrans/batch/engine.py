"""A model made ready to translate: network, device, memory limits and the executor that uses them."""

import os
import sys
from collections.abc import Callable, Generator, Iterable
from pathlib import Path
from types import TracebackType

import torch
from torch import nn

from imgtrans.devices import choose_device, choose_precision, describe_device, describe_precision
from imgtrans.errors import UnavailableError
from imgtrans.memory import share_out
from imgtrans.protocols import Architecture, Backend, Item, Job, Outcome, Wanted
from imgtrans.registry import implementation
from imgtrans.streaming.session import StreamingSession
from imgtrans.streaming.streamer import Streamer
from imgtrans.zoo.adapting import adapted
from imgtrans.zoo.loading import load_network
from imgtrans.zoo.store import Model

MODEL_SHARE = 0.6  # of the device's memory that is free
LARGEST_PIXELS = 10**9  # of a picture, as long as the user does not say another number

# On a CPU batches bring nothing once a picture keeps its cores busy; on a GPU they do for long.
CPU_BATCH_PIXELS = 256 * 256
LARGEST_BATCH = 64


class Engine:
    """Everything that is needed to translate pictures, opened once.

    Args:
        model: The model.
        size: Longest side at which the network works, in pixels; None is each picture's own.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        precision: ``auto``, ``float32`` or ``bfloat16``.
        batch_size: Pictures of one size computed together, at most; 0 lets memory decide.
        wanted: How outputs are written.
        max_pixels: Larger pictures are refused; 0 is a gigapixel.
        upsample: How what the network changed at a smaller size is carried over to the full picture.
        tiling: ``auto`` streams pictures that do not fit into memory whole, ``exact`` every picture, ``off`` none.
        memory: Bytes of main memory that the run may take, all its processes together; 0 lets what is free decide.
        scratch: The folder for what streaming stores beyond that.
        progress: Is told the share of a streamed picture that is done, from 0 to 1.
        warn: Is told what is unwise.

    Raises:
        ModelError: If the model cannot be loaded, or is for pictures that are neither RGB nor gray.
        UnavailableError: If there is no such device, or ``tiling`` is ``exact`` and the model cannot be streamed.
        UsageError: If ``memory`` is less than what the processes take by themselves.
    """

    def __init__(
        self,
        model: Model,
        size: int | None,
        device: str,
        precision: str,
        batch_size: int,
        *,
        wanted: Wanted = Wanted(),  # noqa: B008 - it is frozen
        max_pixels: int = 0,
        upsample: str = "guided",
        tiling: str = "auto",
        memory: int = 0,
        scratch: Path = Path(),
        progress: Callable[[float], None] = lambda done: None,
        warn: Callable[[str], None] = lambda what: None,
    ) -> None:
        self.device = choose_device(device)
        self.precision = choose_precision(precision, self.device)
        architecture: Architecture = implementation("imgtrans.architectures", model.card.architecture)
        parameters = model.card.parameters
        network = adapted(load_network(model), model.card)
        backend: Backend = implementation("imgtrans.backends", "eager")
        self._workers = max(1, min(8, os.cpu_count() or 1))
        shares = share_out(memory, self._workers, on_device=self.device.type != "cpu")
        own = int(MODEL_SHARE * torch.cuda.mem_get_info(self.device)[0]) if self.device.type == "cuda" else None
        fitting = int((shares.network() if own is None else own) / architecture.bytes_per_pixel(parameters))
        streamer = None if tiling == "off" else self._streamer(network, required=tiling == "exact")
        session = backend.open(network, self.device, self.precision)
        if streamer is not None:
            whole = 0 if tiling == "exact" else fitting
            session = StreamingSession(
                session,
                streamer,
                largest=whole,
                memory=shares.network,
                device_memory=own,
                scratch=scratch,
                progress=progress,
                warn=warn,
            )
        job = Job(
            size=size,
            multiple=architecture.multiple(parameters),
            smallest=architecture.smallest(parameters),
            max_pixels=max_pixels or LARGEST_PIXELS,
            max_working_pixels=fitting if streamer is None else sys.maxsize,
            wanted=wanted,
            upsample=upsample,
            memory=shares.whole,
        )
        alone = self.device.type == "cpu" and not batch_size
        self._executor = implementation("imgtrans.executors", "local")(
            session,
            job,
            batch_size=batch_size or LARGEST_BATCH,
            batch_pixels=min(fitting, CPU_BATCH_PIXELS) if alone else fitting,
            workers=self._workers,
            memory=shares.pictures,
        )

    def _streamer(self, network: nn.Module, *, required: bool) -> Streamer | None:
        """Return what streams a network, or None if that cannot be.

        Raises:
            UnavailableError: If it cannot be and is required.
        """
        try:
            return Streamer(network, self.device, self.precision)
        except ValueError as error:
            if required:
                raise UnavailableError(f"{error}", "leave --tiling exact out") from error
            return None

    def describe(self) -> str:
        """Return device and precision in words."""
        return f"on {describe_device(self.device)} in {describe_precision(self.precision)}"

    def run(self, items: Iterable[Item]) -> Generator[list[Outcome]]:
        """Translate items; see :class:`imgtrans.protocols.Executor`."""
        outcomes: Generator[list[Outcome]] = self._executor.run(items)
        return outcomes

    def __enter__(self) -> "Engine":
        """Use it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the worker processes."""
        self._executor.close()
