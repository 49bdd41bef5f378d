"""A model made ready to translate: network, device, memory limits and the executor that uses them."""

import os
from collections.abc import Generator, Iterable
from types import TracebackType

import torch

from imgtrans.devices import choose_device, choose_precision, describe_device, describe_precision
from imgtrans.memory import available_memory
from imgtrans.protocols import Architecture, Backend, Item, Job, Outcome, Wanted
from imgtrans.registry import implementation
from imgtrans.zoo.adapting import adapted
from imgtrans.zoo.loading import load_network
from imgtrans.zoo.store import Model

MODEL_SHARE = 0.6  # of the memory that is free, for the network
PICTURES_SHARE = 0.3  # ... and for decoded pictures; the rest is for whatever else goes on
DECODED_BYTES_PER_PIXEL = 16  # what decoding, conversion and resampling of one picture take together

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
        max_pixels: Larger pictures are refused; 0 lets memory decide.
        upsample: How what the network changed at a smaller size is carried over to the full picture.

    Raises:
        ModelError: If the model cannot be loaded, or is for pictures that are neither RGB nor gray.
        UnavailableError: If there is no such device.
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
    ) -> None:
        self.device = choose_device(device)
        self.precision = choose_precision(precision, self.device)
        architecture: Architecture = implementation("imgtrans.architectures", model.card.architecture)
        parameters = model.card.parameters
        network = adapted(load_network(model), model.card)
        backend: Backend = implementation("imgtrans.backends", "eager")
        self._workers = max(1, min(8, os.cpu_count() or 1))
        free = available_memory()
        device_free = torch.cuda.mem_get_info(self.device)[0] if self.device.type == "cuda" else free
        fitting = int(MODEL_SHARE * device_free / architecture.bytes_per_pixel(parameters))
        pictures = int(PICTURES_SHARE * free)
        largest = pictures // DECODED_BYTES_PER_PIXEL  # of one picture, if the other workers have none
        job = Job(
            size=size,
            multiple=architecture.multiple(parameters),
            smallest=architecture.smallest(parameters),
            max_pixels=min(max_pixels or largest // self._workers, largest),
            max_working_pixels=fitting,
            wanted=wanted,
            upsample=upsample,
        )
        alone = self.device.type == "cpu" and not batch_size
        self._executor = implementation("imgtrans.executors", "local")(
            backend.open(network, self.device, self.precision),
            job,
            batch_size=batch_size or LARGEST_BATCH,
            batch_pixels=min(fitting, CPU_BATCH_PIXELS) if alone else fitting,
            workers=self._workers,
            memory=pictures,
        )

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
