"""Pictures of any size through one network, exactly: what whole-image inference gives, up to rounding."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from imgtrans.devices import computing_threads
from imgtrans.kernels.team import Team
from imgtrans.memory import in_words
from imgtrans.protocols import Pixels
from imgtrans.streaming.chain import Chain
from imgtrans.streaming.layers import layers_of
from imgtrans.streaming.maps import Map
from imgtrans.streaming.planning import Pass, Plan, plan
from imgtrans.streaming.program import Normalisation, Op, Pointwise, program_of
from imgtrans.streaming.quick import Quick
from imgtrans.streaming.quickchain import Kernels, QuickChain
from imgtrans.streaming.stages import Shape
from imgtrans.streaming.statistics import Statistics
from imgtrans.streaming.steps import Convolution, Step, Transposed
from imgtrans.streaming.store import Store, is_ram_backed

if TYPE_CHECKING:
    from imgtrans.kernels.library import Library

Progress = Callable[[float], None]

PLANS = 16  # that are kept: pictures come in few sizes, and a plan takes as long as a fiftieth of a small one
READY_BYTES = 140_000_000  # LLVM takes half of it for itself; making weights ready leaves the rest behind


class Streamer:
    """A network made ready to be run over pictures strip by strip.

    Args:
        network: Maps (1, 3, H, W) in [-1, 1] to the same; in evaluation mode from here on.
        device: Where it computes.
        precision: Of the maps; sums and normalisations are in float32 at least.
        library: Kernels for the steps that they can make, on the CPU in float32; without them PyTorch makes all.

    Attributes:
        by_kernel: How many steps kernels make.
        threads: That kernels take together; as many as PyTorch would when this was made.

    Raises:
        ValueError: If it has something that cannot be streamed.
    """

    def __init__(
        self,
        network: nn.Module,
        device: torch.device | None = None,
        precision: torch.dtype = torch.float32,
        library: "Library | None" = None,
    ) -> None:
        self._device = device or torch.device("cpu")
        self._precision = precision
        self._program: list[Op] = program_of(network.eval())
        for op in self._program:
            if isinstance(op, Step):
                op.to(self._device, precision)
            elif isinstance(op, Pointwise) and isinstance(op.function, nn.Module):
                op.function.to(self._device)
        self._library = library
        self._layers = {} if library is None else layers_of(self._program, library)
        self._team: Team | None = None
        self._plans: dict[tuple[Shape, int, int | None], Plan] = {}
        self.threads = torch.get_num_threads()
        self.by_kernel = len(self._layers)

    @property
    def kernel_bytes(self) -> int:
        """Bytes of main memory that kernels take besides maps and the network's own weights."""
        layers = [layer.kernel for layer in self._layers.values()]
        if not layers:
            return 0
        room = 4 * max(kernel.room for kernel in layers)
        return READY_BYTES + sum(kernel.bytes for kernel in layers) + self.threads * room

    def forget_weights(self) -> None:
        """Let go of the network's own weights where kernels have theirs, but for the sizes that they have."""
        for at in self._layers:
            op = self._program[at]
            if isinstance(op, Convolution | Transposed):
                op.weight = op.weight.to("meta")

    def _kernels(self) -> Kernels | None:
        """Return the kernels, and who works with them."""
        if self._library is None or not self._layers:
            return None
        if self._team is None or self._team.size != self.threads:
            self._team = Team(self.threads, max(layer.kernel.room for layer in self._layers.values()))
        return Kernels(self._library, self._layers, self._team)

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self._device

    def plan(self, height: int, width: int, memory: int, device_memory: int | None = None, channels: int = 3) -> Plan:
        """Decide how to stream a picture of a size that the network takes.

        Args:
            height: Of the picture.
            width: Of the picture.
            memory: Bytes of main memory that may be taken, besides weights and picture.
            device_memory: Bytes of the device's own memory that may be taken; only where it is not the CPU.
            channels: Of the picture.

        Raises:
            ImageError: If there is too little memory for strips of one row.
            ValueError: If the network does not take pictures so small.
        """
        own = None if self._device.type == "cpu" else device_memory or 0
        left = max(1, memory - self.kernel_bytes)
        asked = (channels, height, width), left, own
        if asked not in self._plans:
            ahead = max((layer.kernel.group for layer in self._layers.values()), default=0)
            while len(self._plans) >= PLANS:
                self._plans.pop(next(iter(self._plans)))
            self._plans[asked] = plan(self._program, *asked, self._precision, ahead=ahead)
        return self._plans[asked]

    def run(
        self,
        how: Plan,
        source: Callable[[int, int], Pixels],
        sink: Callable[[int, Pixels], None],
        *,
        depth: int = 8,
        scratch: Path,
        progress: Progress = lambda done: None,
        warn: Callable[[str], None] = lambda what: None,
    ) -> None:
        """Translate a picture.

        Args:
            how: What :meth:`plan` gave.
            source: Gives rows of the picture from one row to another, (rows, width, 3); asked more than once.
            sink: Takes the translation's rows, from top to bottom, each strip with its first row's number.
            depth: Bits of each value, 8 (0 to 255) or 16 (0 to 65535).
            scratch: The folder for what does not fit into memory.
            progress: Is told the share that is done, 0 to 1; what it raises ends the work.
            warn: Is told what is unwise.

        Raises:
            FilesError: If the scratch folder has too little room.
        """
        kind, top = (torch.uint8, 255) if depth == 8 else (torch.uint16, 65535)

        def read(start: int, stop: int) -> Tensor:
            rows = torch.from_numpy(source(start, stop)).to(self._device).permute(2, 0, 1).unsqueeze(0)
            order = torch.preserve_format if self.by_kernel else torch.contiguous_format
            return rows.to(torch.float32, memory_format=order).div_(top / 2).sub_(1.0)

        def write(start: int, rows: Tensor) -> None:
            pixels = rows.float().add(1.0).mul_(top / 2).round_().clamp_(0, top).to(kind)
            sink(start, pixels[0].permute(1, 2, 0).contiguous().cpu().numpy())

        self.run_maps(how, read, write, scratch=scratch, progress=progress, warn=warn)

    @torch.inference_mode()
    def run_maps(
        self,
        how: Plan,
        source: Callable[[int, int], Tensor],
        sink: Callable[[int, Tensor], None],
        *,
        scratch: Path,
        progress: Progress = lambda done: None,
        warn: Callable[[str], None] = lambda what: None,
    ) -> None:
        """As :meth:`run`, of floating-point rows (1, channels, rows, width) as the network takes and gives them."""
        if how.on_disk and is_ram_backed(scratch):
            warn(f"{scratch} is in main memory itself: {in_words(how.scratch)} of it will be taken there")
        kernels = self._kernels()
        with (
            Store(how.slot, how.on_device, how.in_memory, how.on_disk, self._device, scratch) as store,
            # Beside kernels PyTorch does what is left to it in this thread: its others go on turning in circles.
            computing_threads(1) if kernels else contextlib.nullcontext(),
        ):
            run = _Run(self._program, how, store, self._device, self._precision, kernels)
            run.go(source, sink, progress)


class _Run:
    """One picture on its way: the statistics so far, and the maps that are stored."""

    def __init__(
        self,
        program: Sequence[Op],
        how: Plan,
        store: Store,
        device: torch.device,
        precision: torch.dtype,
        kernels: Kernels | None,
    ) -> None:
        self._program, self._how, self._store, self._kernels = program, how, store, kernels
        self._device, self._precision = device, precision
        self._affine: dict[int, tuple[Any, ...]] = {}
        self._map: Map | None = None
        self._inputs: list[Map] = []  # of the blocks that the stored map is within

    def go(self, source: Callable[[int, int], Tensor], sink: Callable[[int, Tensor], None], progress: Progress) -> None:
        """Do one pass after the other."""
        done, work = 0.0, self._how.work or 1.0
        for part in self._how.passes:
            for stop, height in self._pass(part, source, sink):
                progress((done + part.work * stop / height) / work)
            done += part.work

    def _pass(
        self, part: Pass, source: Callable[[int, int], Tensor], sink: Callable[[int, Tensor], None]
    ) -> Iterator[tuple[int, int]]:
        """Do one pass; yield after each strip how many rows of how many are done."""
        chain = self._chain(part, source)
        norm = self._program[part.last] if part.last < len(self._program) else None
        channels, height, _ = self._how.shapes[part.last]
        last = chain.stage
        totals = last.totals if isinstance(last, Quick) else None  # it takes the sums as it makes what they are of
        statistics = totals or Statistics(channels, self._device)
        into = None if norm is None or part.keep else self._new_map(part.last)
        for start in range(0, height, part.strip):
            stop = min(start + part.strip, height)
            if into is not None and isinstance(last, Quick):
                last.fill(stop, into)
            else:
                rows = last.take(stop)
                if norm is None:
                    sink(start, rows)
                elif isinstance(statistics, Statistics):
                    statistics.add(rows)
                if into is not None:
                    into.append(rows)
            yield stop, height
        if isinstance(norm, Normalisation):
            affine: tuple[Any, ...] = statistics.affine(norm.epsilon, norm.weight, norm.bias)
            if self._kernels is not None and isinstance(statistics, Statistics):
                affine = tuple(values.flatten().numpy() for values in affine)  # as kernels take it
            self._affine[part.last] = affine
        if not part.keep:
            chain.close()
            self._map, self._inputs = into, chain.inputs

    def _chain(self, part: Pass, source: Callable[[int, int], Tensor]) -> Chain | QuickChain:
        """Return the stages of a pass."""
        given: dict[str, Any] = {
            "stored": self._map,
            "inputs": self._inputs,
            "source": source,
            "affine": self._affine,
            "new_map": self._new_map,
        }
        if self._kernels is None:
            return Chain(self._program, self._how, part, precision=self._precision, **given)
        return QuickChain(self._program, self._how, part, kernels=self._kernels, **given)

    def _new_map(self, at: int) -> Map:
        """Return a map for what comes before an operation."""
        channels, height, width = self._how.shapes[at]
        size = channels * width * self._precision.itemsize
        return Map(
            self._store,
            (channels, height, width),
            self._how.slot // size,
            self._device,
            self._precision,
            by_pixel=self._kernels is not None,
        )
