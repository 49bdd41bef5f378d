"""One training run from its folder's point of view: start or resume it, train, leave it able to go on."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout

from imgtrans.architectures.family import architecture as resnet
from imgtrans.architectures.parameters import ResNetParameters
from imgtrans.devices import choose_precision
from imgtrans.errors import FilesError, ModelError, UnavailableError, UsageError
from imgtrans.files import sweep_temporaries
from imgtrans.memory import is_out_of_memory
from imgtrans.training.data.dataset import ImageDataset, RandomCrops
from imgtrans.training.data.folders import Data, Folders, folders_of
from imgtrans.training.grid import Grids
from imgtrans.training.listening import Interval, Listener, Reporting
from imgtrans.training.log import LossLog
from imgtrans.training.loop import train
from imgtrans.training.naming import reverse_name
from imgtrans.training.nonsense import NonsenseWarning
from imgtrans.training.options import TrainOptions
from imgtrans.training.place import CHECKPOINT, check_place, check_room, explained
from imgtrans.training.state import CHANNELS, TrainingState, new_state, read_state
from imgtrans.training.together import Together
from imgtrans.zoo.loading import find_model, load_network


@dataclass(frozen=True)
class TrainingRun:
    """A run that is ready to train.

    Attributes:
        folder: ``runs/NAME``.
        state: Where it stands.
        crops: What it trains on.
        grid_crops: What grids show.
        together: The processes that train it.
    """

    folder: Path
    state: TrainingState
    crops: RandomCrops
    grid_crops: RandomCrops
    together: Together = field(default_factory=Together)

    @property
    def dataset(self) -> ImageDataset:
        """The training pictures."""
        return self.crops.dataset

    @property
    def precision(self) -> torch.dtype:
        """What the networks compute in."""
        return choose_precision(self.state.options.precision, self.state.device)

    @property
    def is_saved(self) -> bool:
        """Whether there is a checkpoint to go on from."""
        return (self.folder / CHECKPOINT).exists()

    def schedule(self) -> tuple[int, int]:
        """Return ``(all steps, steps at the constant learning rate)``."""
        return self.state.schedule(len(self.dataset), self.together.size)

    def train(self, report: Callable[[Interval], None], stop: Callable[[], bool]) -> bool:
        """Train until done or told to stop; return whether the run is complete.

        Args:
            report: Told every few steps how it goes.
            stop: Asked after each step, and while pictures are waited for.

        Raises:
            FilesError: If another process trains this run, or its folder cannot be written any more.
            UnavailableError: If memory does not suffice, or the training diverges.
        """
        if not self.together.is_first:
            with explained(self.folder), _in_memory(self.state.options, self.state.device):
                return train(self.state, self.crops, self.folder, [], stop, self.together)
        lock = FileLock(self.folder / ".lock")
        try:
            with explained(self.folder), lock.acquire(timeout=0), _in_memory(self.state.options, self.state.device):
                sweep_temporaries(self.folder)
                return train(self.state, self.crops, self.folder, self._listeners(report), stop, self.together)
        except Timeout:
            raise FilesError(f"{self.folder} is being trained by another process") from None

    def _listeners(self, report: Callable[[Interval], None]) -> list[Listener]:
        names = self.state.objective.loss_names()
        return [
            LossLog(self.folder / "losses.csv", self.state.step, names),
            NonsenseWarning(),
            Reporting(report),
            Grids(self.state, self.grid_crops, self.folder),
        ]


def prepare(
    data: Data, folder: Path, given: dict[str, Any], resume: bool, together: Together | None = None
) -> TrainingRun:
    """Set up a run, new or resumed; everything that can be wrong is found here, before the first step.

    Args:
        data: The data set's folder, or any folders.
        folder: The run's folder.
        given: The options the user gave; the others have their defaults, or on ``resume`` those of the run.
        resume: Go on from the folder's checkpoint.
        together: The processes that train it, which this is one of; None is this one alone.

    Raises:
        FilesError: If the data, or the run's folder, is not as it must be.
        UsageError: If the options contradict each other, or those of the resumed run.
    """
    together = together or Together()
    check_place(folder, resume)
    dataset, test_pictures = ImageDataset(data), _test_pictures(folders_of(data))
    if resume:
        content = read_state(folder / CHECKPOINT)
        options = TrainOptions.resumed(content["options"], given)
        if content["data"] != dataset.fingerprint():
            raise FilesError(
                f"the pictures in {folders_of(data).described} are not those that {folder} was started with",
                "put them back, or start a new run from its result with --init",
            )
    else:
        options = TrainOptions.chosen(given) if not given.get("init") else _options_from(given)
    device = together.device(options.device)
    choose_precision(options.precision, device)
    with _in_memory(options, device):
        state = new_state(options, device, together.rank)
        if resume:
            state.load(content, together.rank)
        elif options.init:
            _start_from(options.init, state)
    with explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
        others = (together.size - 1) * state.objective.bytes_to_remember()
        check_room(folder, state.bytes_to_save() + others, resume)
    crops = RandomCrops(dataset, options.crop, options.scale_jitter, options.seed)
    grid_crops = RandomCrops(test_pictures, options.crop, 1.0, options.seed) if test_pictures else crops
    return TrainingRun(folder, state, crops, grid_crops, together)


@contextmanager
def _in_memory(options: TrainOptions, device: torch.device) -> Iterator[None]:
    """Say in a sentence that there is not enough memory."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if isinstance(error, RuntimeError) and not is_out_of_memory(error):
            raise
        raise UnavailableError(
            f"memory does not suffice on {device} for a width of {options.ngf}, crops of {options.crop} pixels and a "
            f"batch size of {options.batch_size}",
            "a smaller --crop, --batch-size or --ngf needs less; what was saved stays as it was",
        ) from error


def _test_pictures(folders: Folders) -> ImageDataset | None:
    return ImageDataset(folders, mode="test") if folders.test_A is not None else None


def _options_from(given: dict[str, Any]) -> TrainOptions:
    """Return options whose generators are those of the model that the run starts from."""
    model = find_model(given["init"])
    load_network(model)  # a card may say anything; from here on it is true
    card, parameters = model.card, model.card.parameters
    pictures = (parameters.get("channels"), card.value_range, card.made_range, card.channel_order)
    usual = card.architecture == resnet.name and pictures == (CHANNELS, (-1.0, 1.0), (-1.0, 1.0), "RGB")
    if not usual or ResNetParameters.parse(parameters).plain().keys() != {"channels", "ngf", "blocks", "upsampling"}:
        raise ModelError(
            f"{given['init']!r} cannot be trained on: it is not the deck's {resnet.name} of RGB pictures in [-1, 1]",
            "leave --init out to start from new weights",
        )
    network = {name: parameters[name] for name in ("ngf", "blocks", "upsampling")}
    for name, value in network.items():
        if given.get(name, value) != value:
            raise UsageError(
                f"--{name} is {given[name]}, but {given['init']} has {value}", f"leave --{name} out to start from it"
            )
    return TrainOptions.chosen(given | network)


def _start_from(reference: str, state: TrainingState) -> None:
    """Fill the generators with a model's weights, and its reverse's if the zoo has that."""
    model, generators = find_model(reference), state.objective.generators()
    generators["G_AB"].load_state_dict(load_network(model).state_dict())
    if "G_BA" not in generators:
        return
    try:
        reverse = find_model(reverse_name(model.name))
    except (ModelError, UsageError):
        return  # one direction is a start too
    if (reverse.card.parameters, reverse.card.value_range) == (model.card.parameters, model.card.value_range):
        generators["G_BA"].load_state_dict(load_network(reverse).state_dict())
