"""The whole state of a training run, and its file: what is saved is all that resuming needs."""

import itertools
import zipfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from imgtrans.architectures.discriminator import Discriminator
from imgtrans.architectures.resnet import GeneratorResNet, weights_init_normal
from imgtrans.errors import FilesError
from imgtrans.files import written_atomically
from imgtrans.training.objective import Networks
from imgtrans.training.options import TrainOptions
from imgtrans.training.pool import ImagePool

CHANNELS = 3
FORMAT = 1


@dataclass
class TrainingState:
    """Networks, optimisers, image pools and the number of steps taken.

    The data's position follows from ``step`` (see ``RandomCrops``) and so does the learning rate,
    so neither needs a state of its own.
    """

    options: TrainOptions
    networks: Networks
    device: torch.device
    step: int = 0
    seconds: float = 0.0
    pool_A: ImagePool = field(init=False)
    pool_B: ImagePool = field(init=False)
    optimizer_G: torch.optim.Adam = field(init=False)
    optimizer_D: torch.optim.Adam = field(init=False)
    averages: dict[str, AveragedModel] = field(init=False)

    def __post_init__(self) -> None:
        options, networks = self.options, self.networks
        self.pool_A = ImagePool(options.pool_size, seed=2 * options.seed)
        self.pool_B = ImagePool(options.pool_size, seed=2 * options.seed + 1)
        self.optimizer_G = self._adam(networks.G_AB, networks.G_BA)
        self.optimizer_D = self._adam(networks.D_A, networks.D_B)
        self.averages = {}
        if options.ema_decay:
            average = get_ema_multi_avg_fn(options.ema_decay)  # type: ignore[no-untyped-call]
            for name, network in (("G_AB", networks.G_AB), ("G_BA", networks.G_BA)):
                self.averages[name] = AveragedModel(network, multi_avg_fn=average)

    def _adam(self, *networks: torch.nn.Module) -> torch.optim.Adam:
        parameters = itertools.chain.from_iterable(network.parameters() for network in networks)
        return torch.optim.Adam(parameters, lr=self.options.learning_rate, betas=(0.5, 0.999), fused=True)

    def set_learning_rate(self, rate: float) -> None:
        """Set the learning rate of both optimisers."""
        for optimizer in (self.optimizer_G, self.optimizer_D):
            for group in optimizer.param_groups:
                group["lr"] = rate

    def update_averages(self) -> None:
        """Take the generators' new weights into their averages; the first ones are taken as they are.

        Source: Yazici et al., "The unusual effectiveness of averaging in GAN training", ICLR 2019.
        """
        for name, average in self.averages.items():
            average.update_parameters(self.networks.all()[name])

    def result(self) -> Networks:
        """Return the networks with the generators that the run is for: the averages, where they are kept."""
        return replace(self.networks, **{name: average.module for name, average in self.averages.items()})

    def save(self, path: Path, data_fingerprint: str) -> None:
        """Write everything to ``path``, atomically.

        Raises:
            OSError: If it cannot be written; what was there before is left as it was.
        """
        content = {
            "format": FORMAT,
            "options": self.options.to_dict(),
            "data": data_fingerprint,
            "step": self.step,
            "seconds": self.seconds,
            "networks": {name: network.state_dict() for name, network in self.networks.all().items()},
            "averages": {name: average.state_dict() for name, average in self.averages.items()},
            "optimizers": [self.optimizer_G.state_dict(), self.optimizer_D.state_dict()],
            "pools": [self.pool_A.state_dict(), self.pool_B.state_dict()],
            "torch_random": torch.get_rng_state(),
        }
        with written_atomically(path) as temporary, temporary.open("wb") as file:
            sink = _Sink(file)
            torch.save(content, sink)  # type: ignore[arg-type]
            if sink.error:
                raise sink.error

    def bytes_to_save(self) -> int:
        """Return about how large the file of :meth:`save` will be when the pools are full."""
        tensors = [weight for network in self.networks.all().values() for weight in network.parameters()]
        weights = sum(weight.numel() for weight in tensors)
        averaged = sum(weight.numel() for average in self.averages.values() for weight in average.parameters())
        pools = 2 * self.options.pool_size * CHANNELS * self.options.crop**2
        return 4 * (3 * weights + averaged + pools)  # Adam keeps two numbers for each weight

    def load(self, content: dict[str, Any]) -> None:
        """Take over a saved state, as :func:`read_state` returns it."""
        for name, network in self.networks.all().items():
            network.load_state_dict(content["networks"][name])
        for name, average in self.averages.items():
            if name in content.get("averages", {}):
                average.load_state_dict(content["averages"][name])
            else:  # it begins here
                average.module.load_state_dict(content["networks"][name])
        for optimizer, saved in zip((self.optimizer_G, self.optimizer_D), content["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        for pool, saved in zip((self.pool_A, self.pool_B), content["pools"], strict=True):
            pool.load_state_dict(saved, self.device)
        self.step = content["step"]
        self.seconds = content["seconds"]
        torch.set_rng_state(content["torch_random"])


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


def new_networks(options: TrainOptions, device: torch.device) -> Networks:
    """Build the four networks with fresh weights drawn from the run's seed."""
    torch.manual_seed(options.seed)
    shape = (CHANNELS, options.crop, options.crop)
    networks = Networks(
        GeneratorResNet(shape, options.blocks, ngf=options.ngf, upsampling=options.upsampling),
        GeneratorResNet(shape, options.blocks, ngf=options.ngf, upsampling=options.upsampling),
        Discriminator(shape),
        Discriminator(shape),
    )
    for network in networks.all().values():
        network.apply(weights_init_normal).to(device)
    return networks


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
