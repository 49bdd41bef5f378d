"""Tiny data sets, thin networks and training runs that say nothing, on one thread."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from imgtrans.architectures.resnet import GeneratorResNet
from imgtrans.protocols import Setup
from imgtrans.training.data.dataset import ImageDataset, RandomCrops
from imgtrans.training.grid import Grids
from imgtrans.training.listening import Interval, Reporting
from imgtrans.training.log import LossLog
from imgtrans.training.loop import train
from imgtrans.training.objectives.cyclegan import CycleGAN
from imgtrans.training.options import TrainOptions
from imgtrans.training.state import TrainingState, read_state

TINY: dict[str, Any] = {
    "ngf": 4, "blocks": 1, "crop": 32, "steps": 14, "pool_size": 3, "workers": 0, "device": "cpu",
    "save_minutes": 60.0, "grid_every": 1000,
}  # fmt: skip


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Sums come out in the same order each time."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


@pytest.fixture
def tiny() -> dict[str, Any]:
    """Options of a tiny run, to be changed freely."""
    return dict(TINY)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A run's folder; its checkpoints are large, so they don't outlive the test."""
    path = tmp_path / "run"
    path.mkdir()
    yield path
    shutil.rmtree(path)


def make_pictures(folder: Path, count: int, seed: int = 0, size: tuple[int, int] = (40, 36)) -> None:
    """Write smooth, distinct PNG pictures."""
    folder.mkdir(parents=True)
    draw = np.random.default_rng(seed)
    for number in range(count):
        coarse = Image.fromarray(draw.integers(0, 256, (3, 3, 3), dtype=np.uint8))
        coarse.resize(size, Image.Resampling.BILINEAR).save(folder / f"{number}.png")


@pytest.fixture
def pictures() -> Callable[..., None]:
    return make_pictures


def make_data(folder: Path) -> Path:
    """Write a data set of 5 + 4 pictures, the same each time."""
    make_pictures(folder / "trainA", 5, seed=1)
    make_pictures(folder / "trainB", 4, seed=2, size=(33, 50))
    return folder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data set of 5 + 4 pictures."""
    return make_data(tmp_path / "data")


def thin_discriminator() -> nn.Module:
    """A discriminator that costs next to nothing: 13,000 times smaller than the deck's, of the same kind."""
    return nn.Sequential(
        nn.Conv2d(3, 4, 4, stride=2, padding=1), nn.LeakyReLU(0.2),
        nn.Conv2d(4, 8, 4, stride=2, padding=1), nn.InstanceNorm2d(8), nn.LeakyReLU(0.2),
        nn.Conv2d(8, 1, 4, padding=1),
    )  # fmt: skip


class ThinCycleGAN(CycleGAN):
    """The objective with discriminators that cost next to nothing."""

    def discriminator(self, shape: Sequence[int]) -> nn.Module:
        return thin_discriminator()


def thin_state(options: TrainOptions) -> TrainingState:
    """A new state with real, tiny generators and thin discriminators."""
    torch.manual_seed(options.seed)
    shape, device = (3, options.crop, options.crop), torch.device("cpu")
    setup = Setup(options, device, lambda: GeneratorResNet(shape, options.blocks, ngf=options.ngf))
    return TrainingState(options, ThinCycleGAN(setup), device)


@pytest.fixture
def new_state() -> Callable[[TrainOptions], TrainingState]:
    return thin_state


def train_thin(
    data: Path,
    folder: Path,
    options: dict[str, Any],
    *,
    resume: bool = False,
    stop: Callable[[TrainingState], bool] = lambda _: False,
    reports: list[Interval] | None = None,
) -> TrainingState:
    """Train in ``folder`` until ``stop`` says so, new or resumed, and return the state."""
    folder.mkdir(exist_ok=True)
    if resume:
        content = read_state(folder / "checkpoint.pt")
        settings = TrainOptions.resumed(content["options"], options)
        state = thin_state(settings)
        state.load(content)
    else:
        settings = TrainOptions(**options)
        state = thin_state(settings)
    crops = RandomCrops(ImageDataset(data), settings.crop, settings.scale_jitter, settings.seed)
    listeners = [
        LossLog(folder / "losses.csv", state.step, state.objective.loss_names()),
        Reporting([].append if reports is None else reports.append),
        Grids(state, crops, folder),
    ]
    train(state, crops, folder, listeners, lambda: stop(state))
    return state


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory, one_thread: None) -> Path:
    """The folder of a tiny run that nothing has interrupted."""
    folder = tmp_path_factory.mktemp("unbroken")
    train_thin(make_data(folder / "data"), folder / "run", TINY)
    return folder / "run"


@pytest.fixture
def train_in() -> Callable[..., TrainingState]:
    return train_thin
