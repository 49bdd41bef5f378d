"""The whole state of a training run, and its file: what is saved is all that resuming needs."""

import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from imgtrans.architectures.resnet import GeneratorResNet
from imgtrans.devices import choose_precision
from imgtrans.errors import FilesError
from imgtrans.files import written_atomically
from imgtrans.isolation.blame import part
from imgtrans.isolation.objective import made_objective
from imgtrans.protocols import Objective, Setup
from imgtrans.registry import implementation
from imgtrans.training.options import TrainOptions

CHANNELS = 3
OBJECTIVES = "imgtrans.objectives"
FORMAT = 1


@dataclass
class TrainingState:
    """The objective with its networks and optimisers, averages of its generators, and the number of steps taken.

    The data's position is the number of ``pairs`` that have been trained on (see ``RandomCrops``), and the learning
    rate follows from ``step``.

    Attributes:
        rollbacks: How often the run has gone back to a good checkpoint; each time halves the learning rate.
    """

    options: TrainOptions
    objective: Objective
    device: torch.device
    step: int = 0
    pairs: int = 0
    seconds: float = 0.0
    rollbacks: int = 0
    averages: dict[str, AveragedModel] = field(init=False)

    def __post_init__(self) -> None:
        self.averages = {}
        if self.options.ema_decay:
            average = get_ema_multi_avg_fn(self.options.ema_decay)  # type: ignore[no-untyped-call]
            for name, network in self.objective.generators().items():
                self.averages[name] = AveragedModel(network, multi_avg_fn=average)

    def autocast(self) -> torch.autocast:
        """Return the context in which networks compute in the run's precision."""
        precision = choose_precision(self.options.precision, self.device)
        return torch.autocast(self.device.type, precision, enabled=precision is not torch.float32)

    @property
    def learning_rate(self) -> float:
        """The learning rate before it falls."""
        return self.options.learning_rate * 0.5**self.rollbacks

    def set_learning_rate(self, rate: float) -> None:
        """Set the learning rate of all optimisers."""
        for optimizer in self.objective.optimizers():
            for group in optimizer.param_groups:
                if isinstance(group["lr"], Tensor):  # one that a recorded step reads
                    group["lr"].fill_(rate)
                else:
                    group["lr"] = rate

    def schedule(self, samples_per_epoch: int, processes: int = 1) -> tuple[int, int]:
        """Return ``(all steps, steps at the constant learning rate)`` of the run as so many processes go on with it.

        Epochs count pairs: if it was begun by more or fewer, it has taken fewer or more steps for as many of them.
        """
        all_steps, constant_steps = self.options.schedule(samples_per_epoch, processes)
        if self.options.steps:
            return all_steps, constant_steps
        more = self.step - round(self.pairs / (self.options.pairs_per_step * processes))
        return all_steps + more, constant_steps + more

    def update_averages(self) -> None:
        """Take the generators' new weights into their averages; the first ones are taken as they are.

        Source: Yazici et al., "The unusual effectiveness of averaging in GAN training", ICLR 2019.
        """
        for name, average in self.averages.items():
            average.update_parameters(self.objective.generators()[name])

    def results(self) -> dict[str, nn.Module]:
        """Return the generators that the run is for, by name: their averages, where they are kept."""
        return {**self.objective.generators(), **{name: average.module for name, average in self.averages.items()}}

    def is_finite(self) -> bool:
        """Whether all weights are finite numbers."""
        networks = self.objective.networks().values()
        return all(bool(torch.isfinite(weight).all()) for network in networks for weight in network.parameters())

    def save(self, path: Path, data_fingerprint: str, others: Sequence[dict[str, Any]] = ()) -> None:
        """Write everything to ``path``, atomically.

        Args:
            path: The file.
            data_fingerprint: Of the pictures.
            others: What the objectives of the other processes remember, in the order of their ranks.

        Raises:
            OSError: If it cannot be written; what was there before is left as it was.
        """
        with written_atomically(path) as temporary, temporary.open("wb") as file:
            sink = _Sink(file)
            torch.save({**self.content(data_fingerprint), "others": [*others]}, sink)  # type: ignore[arg-type]
            if sink.error:
                raise sink.error

    def content(self, data_fingerprint: str) -> dict[str, Any]:
        """Return what :meth:`save` writes: nests of tensors, which are the state's own, and of plain values."""
        return {
            "format": FORMAT,
            "options": self.options.to_dict(),
            "data": data_fingerprint,
            "step": self.step,
            "pairs": self.pairs,
            "seconds": self.seconds,
            "rollbacks": self.rollbacks,
            "networks": {name: network.state_dict() for name, network in self.objective.networks().items()},
            "averages": {name: average.state_dict() for name, average in self.averages.items()},
            "optimizers": [_state_of(optimizer) for optimizer in self.objective.optimizers()],
            "objective": self.objective.state_dict(),
            "torch_random": torch.get_rng_state(),
        }

    def bytes_to_save(self) -> int:
        """Return about how large the file of :meth:`save` will be when all that grows has grown."""
        networks = self.objective.networks().values()
        weights = sum(weight.numel() for network in networks for weight in network.parameters())
        averaged = sum(weight.numel() for average in self.averages.values() for weight in average.parameters())
        # Adam keeps two numbers for each weight.
        return 4 * (3 * weights + averaged) + self.objective.bytes_to_remember()

    def load(self, content: dict[str, Any], rank: int = 0) -> None:
        """Take over a saved state, as :func:`read_state` returns it.

        Args:
            content: Of the file.
            rank: Of this process: one that was not there has an objective that remembers nothing.
        """
        for name, network in self.objective.networks().items():
            network.load_state_dict(content["networks"][name])
        for name, average in self.averages.items():
            if name in content.get("averages", {}):
                average.load_state_dict(content["averages"][name])
            else:  # it begins here
                average.module.load_state_dict(content["networks"][name])
        for optimizer, saved in zip(self.objective.optimizers(), content["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        # Before there were objectives, the pools of CycleGAN stood in the file by themselves.
        remembered = content["objective"] if "objective" in content else {"pools": content["pools"]}
        all_remembered = [remembered, *content.get("others", [])]
        if rank < len(all_remembered):
            self.objective.load_state_dict(all_remembered[rank])
        self.step = content["step"]
        self.pairs = content.get("pairs", self.step * self.options.pairs_per_step)
        self.seconds = content["seconds"]
        self.rollbacks = content.get("rollbacks", 0)
        torch.set_rng_state(content["torch_random"])


def _state_of(optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """Return an optimiser's state as any way to take steps can go on with it."""
    state = optimizer.state_dict()
    for group in state["param_groups"]:
        group["lr"] = float(group["lr"])
        if "capturable" in group:
            group["capturable"] = False
    return state


def read_state(path: Path) -> dict[str, Any]:
    """Read a training checkpoint (tensors on the CPU).

    Raises:
        FilesError: If it is not one that this version wrote, or is not as it was written.
    """
    try:
        with zipfile.ZipFile(path) as archive:  # PyTorch reads over the checksums that it writes
            damaged = archive.testzip()
        if damaged:
            raise zipfile.BadZipFile(damaged)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise FilesError(f"there is no checkpoint {path} to resume from") from None
    except zipfile.BadZipFile as error:
        raise FilesError(
            f"{path} is not a training checkpoint that can be read: it is damaged, its checksums do not match",
            "put back a copy of it, or start again under another --name",
        ) from error
    except Exception as error:
        raise FilesError(f"{path} is not a training checkpoint that can be read: {type(error).__name__}") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise FilesError(f"{path} was written by another version of imgtrans")
    return content


def new_state(options: TrainOptions, device: torch.device, rank: int = 0) -> TrainingState:
    """Make the state of a run that has not begun, with fresh weights drawn from its seed.

    Args:
        options: Of the run.
        device: Where it is trained.
        rank: Of this process, if several train together.

    Raises:
        UnavailableError: If there is no such objective.
    """
    objective = implementation(OBJECTIVES, options.objective)
    torch.manual_seed(options.seed)
    setup = Setup(options, device, generator_of(options), rank)
    return TrainingState(options, made_objective(objective, setup, part(OBJECTIVES, options.objective)), device)


def generator_of(options: TrainOptions) -> Callable[[], GeneratorResNet]:
    """Return what makes generators of the size that a training is for, on the CPU, with PyTorch's own weights."""
    shape = (CHANNELS, options.crop, options.crop)
    return lambda: GeneratorResNet(shape, options.blocks, ngf=options.ngf, upsampling=options.upsampling)


class _Sink:
    """A file for PyTorch's writer, which cannot have a write fail: what went wrong is told when it is done.

    Attributes:
        error: What went wrong, if something did.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.error: OSError | None = None

    def write(self, data: memoryview | bytes) -> int:
        """Write, unless a write has failed before."""
        if self.error is None:
            try:
                self._file.write(data)
            except OSError as error:
                self.error = error
        return memoryview(data).nbytes

    def flush(self) -> None:
        """Do nothing: the file is flushed when it is closed."""
