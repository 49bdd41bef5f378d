"""One training run from its folder's point of view: start or resume it, train, leave it able to go on."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout

from imgtrans.devices import choose_precision
from imgtrans.errors import FilesError, UnavailableError, UsageError
from imgtrans.files import sweep_temporaries
from imgtrans.memory import is_out_of_memory
from imgtrans.quality.scores import FEWEST
from imgtrans.training.data.dataset import ImageDataset, RandomCrops
from imgtrans.training.data.folders import Data, Folders, folders_of
from imgtrans.training.events import Events
from imgtrans.training.grid import Grids, Seen
from imgtrans.training.guards.guarding import LOSSES, Guarding
from imgtrans.training.guards.notes import ENDED, Note, add_note
from imgtrans.training.guards.trouble import TroubleError
from imgtrans.training.keeping import KEPT, Keeping, kept_checkpoints
from imgtrans.training.listening import Interval, Listener, Reporting
from imgtrans.training.log import LossLog
from imgtrans.training.loop import train
from imgtrans.training.naming import model_names
from imgtrans.training.options import TrainOptions
from imgtrans.training.place import CHECKPOINT, check_place, check_room, explained
from imgtrans.training.recipe import RECIPE, write_recipe
from imgtrans.training.report.tables import data_table, settings_table
from imgtrans.training.report.writing import ReportWriter
from imgtrans.training.rollback import GOOD, GoodCheckpoint, roll_back
from imgtrans.training.scoring.listener import Scored, Scoring
from imgtrans.training.starting import options_from, start_from
from imgtrans.training.state import TrainingState, new_state, read_state
from imgtrans.training.together import Together

_FORESEEN = 10  # kept checkpoints for which there must be room: how many there will be is a matter of time


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
    folders: Folders
    test_pictures: ImageDataset | None = None
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

    @property
    def steps(self) -> int:
        """How many steps there will be in all."""
        return self.state.schedule(len(self.dataset), self.together.size)[0]

    def train(
        self,
        report: Callable[[Interval], None],
        stop: Callable[[], bool],
        events: bool = False,
        scored: Scored = lambda step, scores, best: None,
    ) -> bool:
        """Train until done or told to stop; return whether the run is complete.

        Args:
            report: Told every few steps how it goes.
            stop: Asked after each step, and while pictures are waited for.
            events: Write event files for TensorBoard, too.
            scored: Told the scores of test pictures, and whether they are the best so far.

        Raises:
            FilesError: If another process trains this run, or its folder cannot be written any more.
            UnavailableError: If memory does not suffice.
            TroubleError: If the training diverges, or the guards have ended it.
        """
        if not self.together.is_first:
            with explained(self.folder), _in_memory(self.state.options, self.state.device):
                return train(self.state, self.crops, self.folder, [], stop, self.together)
        lock = FileLock(self.folder / ".lock")
        try:
            with explained(self.folder), lock.acquire(timeout=0), _in_memory(self.state.options, self.state.device):
                for folder in (self.folder, self.folder / KEPT):
                    sweep_temporaries(folder)
                write_recipe(self.folder / RECIPE, self.folders, self.folder.name, self.state.options)
                return self._train(report, stop, events, scored)
        except Timeout:
            raise FilesError(f"{self.folder} is being trained by another process") from None

    def _train(
        self, report: Callable[[Interval], None], stop: Callable[[], bool], events: bool, scored: Scored
    ) -> bool:
        while True:
            listeners = self._listeners(report, events, scored)
            try:
                return train(self.state, self.crops, self.folder, listeners, stop, self.together)
            except TroubleError as error:
                try:
                    if self.state.options.on_trouble != "rollback":
                        add_note(self.folder, Note(error.trouble, ENDED))
                        raise
                    roll_back(self.state, self.folder, self.dataset.fingerprint(), error.trouble)
                except TroubleError:
                    listeners[-1].ended()  # the report, which says now why
                    raise

    def _listeners(self, report: Callable[[Interval], None], events: bool, scored: Scored) -> list[Listener]:
        """Return who is told of the training; the report comes last, as it shows what the others have written."""
        state, folder, options = self.state, self.folder, self.state.options
        losses = LossLog(folder / LOSSES, state.step, state.objective.loss_names())
        ends = options.on_trouble != "warn"
        guarding = Guarding(folder, state.step, self.steps, [*state.objective.generators()], ends)
        seen: list[Callable[[int, Seen], None]] = [guarding.seen]
        if options.on_trouble == "rollback":
            seen.append(GoodCheckpoint(state, folder, self.dataset.fingerprint(), guarding).seen)
        more: list[Listener] = []
        if events:
            more.append(board := Events(folder, state.step))
            seen.append(board.seen)
        if self.test_pictures is not None and options.evaluate_every:
            more.append(Scoring(state, self.dataset, self.test_pictures, folder, scored))
        names = model_names(folder.name, "G_BA" in state.objective.generators())
        tables = [settings_table(options), data_table(self.folders, self.dataset)]
        return [
            losses,
            guarding,
            Reporting(report),
            *more,
            Grids(state, self.grid_crops, folder, seen),
            Keeping(folder, state.step, options.keep),
            ReportWriter(folder, " and ".join(names), state.step, self.steps, tables),
        ]


def prepare(
    data: Data,
    folder: Path,
    given: dict[str, Any],
    resume: bool,
    checkpoint: Path | None = None,
    together: Together | None = None,
) -> TrainingRun:
    """Set up a run, new or resumed; everything that can be wrong is found here, before the first step.

    Args:
        data: The data set's folder, or any folders.
        folder: The run's folder.
        given: The options the user gave; the others have their defaults, or on ``resume`` those of the run.
        resume: Go on from the folder's checkpoint.
        checkpoint: Stand at this one instead.
        together: The processes that train it, which this is one of; None is this one alone.

    Raises:
        FilesError: If the data, or the run's folder, is not as it must be.
        UsageError: If the options contradict each other, or those of the resumed run.
    """
    together = together or Together()
    check_place(folder, resume)
    dataset, test_pictures = ImageDataset(data), _test_pictures(folders_of(data))
    if resume:
        content = read_state(checkpoint or folder / CHECKPOINT)
        options = TrainOptions.resumed(content["options"], given)
        if content["data"] != dataset.fingerprint():
            raise FilesError(
                f"the pictures in {folders_of(data).described} are not those that {folder} was started with",
                "put them back, or start a new run from its result with --init",
            )
    else:
        options = TrainOptions.chosen(given) if not given.get("init") else options_from(given)
    if together.size > 1 and options.on_trouble == "rollback":
        raise UsageError(
            f"--on-trouble rollback is for one process, and {together.size} train together",
            "give --on-trouble stop; --resume goes on from the last checkpoint, or one that --keep has kept",
        )
    device = together.device(options.device)
    choose_precision(options.precision, device)
    with _in_memory(options, device):
        state = new_state(options, device, together.rank)
        if resume:
            state.load(content, together.rank)
            if "learning_rate" in given:
                state.rollbacks = 0
        elif options.init:
            start_from(options.init, state)
    with explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
        others = (together.size - 1) * state.objective.bytes_to_remember()
        check_room(folder, state.bytes_to_save() + others, _more_files(folder, options, resume))
    crops = RandomCrops(dataset, options.crop, options.scale_jitter, options.seed, options.augmentation)
    grid_scale = 1.0 if test_pictures else options.scale_jitter
    grid_crops = RandomCrops(test_pictures or dataset, options.crop, grid_scale, options.seed)
    # A recipe says what the default is as well, and asks for nothing by it.
    asked = given.get("evaluate_every", 0) not in (0, TrainOptions.evaluate_every)
    to_score = _to_score(dataset, test_pictures, asked)
    return TrainingRun(folder, state, crops, grid_crops, folders_of(data), to_score, together)


def _to_score(dataset: ImageDataset, test_pictures: ImageDataset | None, asked: bool) -> ImageDataset | None:
    """Return the test pictures if there are enough to make scores of, and to learn from.

    Raises:
        UsageError: If scores were asked for, and there are not.
    """
    enough = min(len(dataset.files_A), len(dataset.files_B)) >= FEWEST
    if test_pictures and enough and min(len(test_pictures.files_A), len(test_pictures.files_B)) >= FEWEST:
        return test_pictures
    if asked:
        raise UsageError(
            f"--evaluate-every needs at least {FEWEST} pictures and {FEWEST} test pictures of each kind",
            "put them into testA and testB beside trainA and trainB, or name folders of them as --test-a and --test-b",
        )
    return None


def _more_files(folder: Path, options: TrainOptions, resume: bool) -> int:
    """Return how many files as large as a checkpoint a run will have, at the most, more than now."""
    kept = min(options.keep, _FORESEEN) if options.keep > 1 else 0  # the last one is a second name of the run's own
    good = options.on_trouble == "rollback"
    there = len(kept_checkpoints(folder)) + (folder / GOOD).exists() + resume
    return max(1, 2 + max(0, kept - 1) + good - there)


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
