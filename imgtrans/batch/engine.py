"""A model made ready to translate: network, devices and the limits that memory sets."""

import copy
import math
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

import torch
from torch import nn

from imgtrans.cuda.compiling import wake_compiler
from imgtrans.cuda.planning import recordings
from imgtrans.devices import (
    choose_devices,
    choose_precision,
    describe_devices,
    describe_precision,
    free_memory,
    is_wide,
    kind_of,
    wake,
)
from imgtrans.errors import UnavailableError
from imgtrans.memory import USABLE, available_memory, in_words, keep_freed_memory, share_out
from imgtrans.opening import AUTO, FUSED, PLAIN, describe_backend, open_network, usual_precision
from imgtrans.opening import GROUP as BACKENDS
from imgtrans.protocols import Batching, Job, Ready, Session, Wanted
from imgtrans.registry import package_of
from imgtrans.streaming.prepared import PreparedSession
from imgtrans.streaming.session import StreamingSession, streamer_of
from imgtrans.zoo.adapting import adapted
from imgtrans.zoo.architecture import architecture_of
from imgtrans.zoo.loading import load_network
from imgtrans.zoo.store import Model

MODEL_SHARE = 0.6  # of the device's memory that is free
PICTURE = 1_000_000  # pixels that are reckoned with where each picture's own size is the network's
KERNELS_SHARE = 0.5  # of the memory that a network may take, at most; else it does without kernels
LARGEST_PIXELS = 10**9  # of a picture, as long as the user does not say another number

# On a CPU batches bring nothing once a picture keeps its cores busy; on a GPU they do for long. From there on streaming
# is the faster way, as strips stay in its caches: half the time at 3 megapixels (docs/performance.md).
CPU_BATCH_PIXELS = 256 * 256
LARGEST_BATCH = 64
KEPT = 256 << 20  # freed bytes that this process keeps, where there is plenty
# For each device, at most, where there are so many cores: a card computes what sixteen of them decode and encode.
WORKERS, WORKERS_BESIDE_DEVICE = 8, 16


class Engine(Ready):
    """Everything that is needed to translate pictures, opened once.

    Args:
        model: The model.
        size: Longest side at which the network works, in pixels; None is each picture's own.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N``, ``mps``, ``xpu``, ``xpu:N``, several as ``cuda:0,cuda:1``, or
            ``all``.
        precision: ``auto``, ``float32`` or ``bfloat16``.
        batch_size: Pictures of one size computed together, at most; 0 lets memory decide.
        wanted: How outputs are written.
        max_pixels: Larger pictures are refused; 0 is a gigapixel.
        upsample: How what the network changed at a smaller size is carried over to the full picture.
        strength: The share of what the network changed that is taken, from 0.
        tiling: ``auto`` streams pictures for which that is faster, or which do not fit into memory whole; ``exact``
            every picture, ``off`` none.
        memory: Bytes of main memory that the run may take, all its processes together; 0 lets what is free decide.
        scratch: The folder for what streaming stores beyond that.
        backend: What computes the network, by its name; ``auto`` is the fastest that can.
        settings: The options that it has of its own, if any were given.
        pictures: Tells how many the run is of, those that are done included; for few nothing is compiled.
        tag: Goes into the names of temporaries.
        gather_seconds: For how long outcomes come together before they are made final.
        beside: How many others are opened on this machine, which share its memory and cores with this one.
        progress: Is told the share of a streamed picture that is done, from 0 to 1.
        warn: Is told what is unwise.

    Attributes:
        sessions: The network, ready, on each device.
        job: What is done to each picture.
        batch_size: Pictures of one size computed together, at most.
        batch_pixels: Pixels computed together, at most, though never less than one picture.
        on_device: Whether all devices have memory and cores of their own.
        whole_pixels: Pixels of the largest picture that is computed whole; larger ones are streamed, or refused if the
            job says so.
        bytes_per_pixel: That the network takes in main memory, or in the device's own.
        together: Pixels that the sessions themselves compute together, at most, though never less than one picture.
        kept_memory: Bytes of a device's memory that are kept from one batch to the next.
        backends: What computes it, and why no faster one does, if ``auto`` had to do without.
        workers: Worker processes that read and write.
        pictures_memory: Bytes of main memory for what they read and write.

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
        strength: float = 1.0,
        tiling: str = "auto",
        memory: int = 0,
        scratch: Path = Path(),
        backend: str = AUTO,
        settings: Any = None,
        pictures: Callable[[], float] = lambda: math.inf,
        tag: str = "",
        gather_seconds: float = Job.gather_seconds,
        beside: int = 0,
        progress: Callable[[float], None] = lambda done: None,
        warn: Callable[[str], None] = lambda what: None,
    ) -> None:
        self.devices = choose_devices(device)
        wake(self.devices)  # while the network is read
        if backend in (AUTO, FUSED) and any(device.type == "cuda" for device in self.devices):
            wake_compiler()
        brought = package_of(BACKENDS, backend)
        precision = usual_precision(precision, backend)
        if precision == "auto" and wanted.depth > 8:
            precision = "float32"  # bfloat16 has eight bits itself
        self.precision = choose_precision(precision, *self.devices)
        architecture = architecture_of(model.card)
        parameters = model.card.parameters
        network = adapted(load_network(model), model.card)
        self.on_device = all(device.type != "cpu" for device in self.devices)
        most = len(self.devices) * (WORKERS_BESIDE_DEVICE if self.on_device else WORKERS)
        self.workers = max(1, min(most, os.cpu_count() or 1))
        if beside:
            memory = (memory or int(USABLE * available_memory())) // (1 + beside)
        kinds = [kind_of(device) for device in self.devices]
        apart = all(kind is not None and kind.own_memory for kind in kinds)
        shares = share_out(memory, self.workers, len(self.devices), on_device=apart)
        if shares.whole > 8 * KEPT:
            keep_freed_memory(KEPT)
        own = {device: _memory_on(device, shares.network()) for device in self.devices}
        least = min(shares.network() if size is None else size for size in own.values())
        self.bytes_per_pixel = architecture.bytes_per_pixel(parameters)
        self.together, self.kept_memory = sys.maxsize, 0
        if any(device.type == "cuda" for device in self.devices):
            planned = recordings(least, self.bytes_per_pixel)
            self.together, self.kept_memory = planned.together, planned.memory
        fitting = int((least - self.kept_memory) / self.bytes_per_pixel)
        self.backends: dict[str, str] = {}
        self.sessions: list[Session] = []
        on_cpu = [device.type for device in self.devices].count("cpu")
        whole = 0 if tiling == "exact" else fitting
        if on_cpu == len(self.devices) and self.precision is torch.float32 and not brought:
            whole = min(whole, CPU_BATCH_PIXELS)
        if brought and tiling == "exact":
            raise UnavailableError(f"{backend} computes whole pictures and cannot stream", "leave --tiling exact out")
        streamed = tiling != "off"
        for one, itself in zip(self.devices, _copies(network, len(self.devices)), strict=True):
            # What a device lacks for it, strips are computed without: on the CPU, by a network of their own.
            elsewhere = one if is_wide(one) else torch.device("cpu")
            striped = itself if elsewhere == one else copy.deepcopy(itself)
            opened = open_network(
                backend,
                itself,
                one,
                self.precision,
                lambda: pictures() * (PICTURE if size is None else size**2),
                settings=settings,
            )
            plain = precision == "auto" and one.type == "cuda" and opened.backend == PLAIN
            if plain and (batch_size == 1 or pictures() == 1):
                # Of one picture, autocast's launches take longer than float32 does.
                self.precision = torch.float32
                opened = replace(open_network(PLAIN, itself, one, self.precision), reason=opened.reason)
            if backend == AUTO and _takes_too_much(opened.session, shares.network()):
                reason = f"what prepares it would take most of the {in_words(shares.network())} that it may take"
                opened = replace(open_network(PLAIN, itself, one, self.precision), reason=reason)
            session = opened.session
            if isinstance(session, Batching):
                session.expect(1 if one.type == "cpu" else batch_size or LARGEST_BATCH, self.together)
            self.backends[opened.backend] = opened.reason
            if not streamed:
                streamer = None
            elif isinstance(session, PreparedSession):
                streamer = session.streamer
                streamer.threads = max(1, torch.get_num_threads() // on_cpu)
            else:
                streamer = streamer_of(striped, elsewhere, self.precision, required=tiling == "exact")
            if streamer is not None:
                session = StreamingSession(
                    session,
                    streamer,
                    largest=whole,
                    memory=shares.network,
                    device_memory=None
                    if elsewhere.type == "cpu" or (mine := own[one]) is None
                    else mine - self.kept_memory,
                    scratch=scratch,
                    progress=progress,
                    warn=warn,
                )
            streamed = streamer is not None
            self.sessions.append(session)
        self.whole_pixels = whole if streamed else fitting
        self._brought = bool(brought)
        self.job = Job(
            size=size,
            multiple=architecture.multiple(parameters),
            smallest=architecture.smallest(parameters),
            max_pixels=max_pixels or LARGEST_PIXELS,
            max_working_pixels=sys.maxsize if streamed else fitting,
            wanted=wanted,
            upsample=upsample,
            strength=strength,
            tag=tag,
            memory=shares.whole,
            gather_seconds=gather_seconds,
        )
        self._threads = torch.get_num_threads()
        if on_cpu > 1:
            torch.set_num_threads(max(1, self._threads // on_cpu))  # of each thread that computes
        alone = on_cpu == len(self.devices) and not batch_size
        self.batch_size = batch_size or LARGEST_BATCH
        self.batch_pixels = min(fitting, CPU_BATCH_PIXELS) if alone else fitting
        self.pictures_memory = shares.pictures

    def describe(self) -> str:
        """Return devices and precision in words, and what there is to say of the backend.

        That is why no faster one computes, if ``auto`` had to do without, and what one of a package does not compute.
        """
        where = f"on {describe_devices(self.devices)} in {describe_precision(self.precision)}"
        expected = self.precision is torch.float32 or any(device.type == "cuda" for device in self.devices)
        said = [describe_backend(*one) for one in self.backends.items() if self._brought or (one[1] and expected)]
        if self._brought and self.job.max_working_pixels > self.whole_pixels:
            said.append(f"larger pictures than {self.whole_pixels / 1e6:.2g} megapixels streamed by imgtrans itself")
        return ", ".join([where, *said])

    def network_memory(self, pixels: int, pictures: int) -> int:
        """Return the bytes that the network takes for pictures of so many pixels each, together.

        Args:
            pixels: Of each, as the network sees them.
            pictures: How many come together; 0 if each is streamed.
        """
        at_once = max(pixels, min(pixels * pictures, self.together)) if pictures else min(pixels, self.whole_pixels)
        return round(at_once * self.bytes_per_pixel) + self.kept_memory

    def close(self) -> None:
        """Give the process back its threads."""
        if self._threads != torch.get_num_threads():
            torch.set_num_threads(self._threads)

    def __enter__(self) -> "Engine":
        """Use it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """It is not used any more."""
        self.close()


def _takes_too_much(session: Session, memory: int) -> bool:
    """Whether the kernels of a prepared network leave too little memory for its maps."""
    return isinstance(session, PreparedSession) and session.streamer.kernel_bytes > KERNELS_SHARE * memory


def _memory_on(device: torch.device, main: int) -> int | None:
    """Return the bytes of memory that the network may take on a device, None if it is the CPU."""
    free = free_memory(device, main)
    return None if free is None else int(MODEL_SHARE * free)


def _copies(network: nn.Module, count: int) -> list[nn.Module]:
    """Return a network and its like, so many in all: each device has its own."""
    return [network, *(copy.deepcopy(network) for _ in range(count - 1))]
