"""One run over files and folders: plan, execute, report."""

import contextlib
import itertools
import os
import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from imgtrans.batch.commit import commit
from imgtrans.batch.destination import Destination, choose_destination
from imgtrans.batch.journal import FOLDER, Journal, JournalReader
from imgtrans.batch.plan import Plan, Recipe, item_for, make_plan
from imgtrans.batch.scan import EVERYTHING, inspect
from imgtrans.batch.selection import Selection
from imgtrans.errors import FilesError, UsageError
from imgtrans.files import cannot_go_on, sweep_temporaries
from imgtrans.images.formats import has_image_name
from imgtrans.images.written import ALL, KEEP, described, understood
from imgtrans.memory import bytes_of
from imgtrans.protocols import TILINGS, UPSAMPLING, Item, Outcome, Wanted
from imgtrans.zoo.store import Model, find, is_path

if TYPE_CHECKING:
    from imgtrans.batch.engine import Engine

SMALLEST_SIZE = 16


@dataclass(frozen=True)
class Request:
    """What the user asked for.

    Attributes:
        inputs: Files and folders.
        model: A model's name, or the path of a checkpoint.
        output: Output folder or file; None puts it beside the input.
        size: ``auto``, ``native`` or the longest side in pixels at which the network works.
        upsample: How what it changed at a smaller size is carried over, ``guided`` or ``bicubic``.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        precision: ``auto``, ``float32`` or ``bfloat16``.
        batch_size: Pictures computed together, at most; 0 lets memory decide.
        format: ``keep``, or what outputs are written as: ``jpg``, ``png``, ``webp``, ``avif`` or ``tiff``.
        quality: Of JPEG, WebP and AVIF, 1 to 100; 0 keeps what the input had.
        alpha: ``keep`` transparency, or ``flatten`` it onto white.
        keep_gray: Whether gray pictures stay gray.
        frames: ``all`` frames and pages of a file, or the ``first``.
        depth: Bits of each channel, 8, or 16 in formats that hold them.
        suffix: Added to the stem of every output.
        max_pixels: Larger pictures are refused; 0 lets memory decide.
        tiling: ``auto`` streams pictures that do not fit into memory whole, ``exact`` every picture, ``off`` none.
        memory: That the network may take, as ``4GB``; "" lets what is free decide.
        scratch: The folder for what streaming stores beyond that; None for the output folder.
        overwrite: Replace files at the outputs' places that imgtrans did not make.
        force: Redo what is done.
        retry_failed: Do only what failed when it was last tried.
        selection: What is taken of what there is; inputs may be missing where it has a list of files.
    """

    inputs: Sequence[Path]
    model: str
    output: Path | None = None
    size: str = "auto"
    upsample: str = "guided"
    device: str = "auto"
    precision: str = "auto"
    batch_size: int = 0
    format: str = KEEP
    quality: int = 0
    alpha: str = KEEP
    keep_gray: bool = False
    frames: str = ALL
    depth: int = 8
    suffix: str = ""
    max_pixels: int = 0
    tiling: str = "auto"
    memory: str = ""
    scratch: Path | None = None
    overwrite: bool = False
    force: bool = False
    retry_failed: bool = False
    selection: Selection = EVERYTHING


@dataclass
class Report:
    """What a run did: pictures translated, skipped as done before and failed, other files, and the time it took."""

    translated: int = 0
    skipped: int = 0
    failed: int = 0
    ignored: int = 0
    pixels: int = 0
    seconds: float = 0.0
    failures: list[tuple[Item, str]] = field(default_factory=list)

    def fail(self, item: Item, error: str) -> None:
        """Count a failure."""
        self.failed += 1
        self.failures.append((item, error))


class Listener(Protocol):
    """Is told how a run goes."""

    def planned(self, plan: Plan, prepared: "Prepared", engine: "Engine | None") -> None:
        """What is going to be done; there is no engine if that is nothing."""
        ...

    def finished(self, item: Item, status: str, error: str = "") -> None:
        """A picture was ``translated``, ``skipped`` or has ``failed``."""
        ...


@dataclass(frozen=True)
class Prepared:
    """A request whose model, size and destination are known; nothing is loaded or written yet."""

    request: Request
    model: Model
    size: int | None
    destination: Destination
    recipe: Recipe
    wanted: Wanted

    def plan(self, records: Journal | JournalReader) -> Plan:
        """Plan the run."""
        request = self.request
        return make_plan(
            request.inputs,
            self.destination,
            self.recipe,
            records,
            overwrite=request.overwrite,
            force=request.force,
            only_failed=request.retry_failed,
            selection=request.selection,
        )

    def begin(self, journal: Journal, planned: int) -> None:
        """Note in the journal that the run begins, with so many pictures to settle."""
        journal.begin(self.model.name, self.recipe.model, self.recipe.settings, planned)

    def open_engine(self) -> "Engine":
        """Load the model; this is where torch comes in."""
        from imgtrans.batch.engine import Engine  # noqa: PLC0415 - a run with nothing to do never loads torch

        request = self.request
        return Engine(
            self.model,
            self.size,
            request.device,
            request.precision,
            request.batch_size,
            wanted=self.wanted,
            max_pixels=request.max_pixels,
            upsample=request.upsample,
            tiling=request.tiling,
            memory=bytes_of(request.memory) if request.memory else 0,
            scratch=request.scratch or self.destination.folder,
        )

    def result(self) -> Path:
        """Return what to show the user: the one output of a single picture, or the output folder."""
        single = self.request.inputs[0]
        if len(self.request.inputs) > 1 or single.is_dir() or not (found := inspect(single, Path(single.name))).format:
            return self.destination.folder
        return item_for(found, single, self.destination).output


def prepare(request: Request) -> Prepared:
    """Find the model and the destination.

    Raises:
        UsageError: If the request cannot be understood.
        UnavailableError: If it asks for what has to be installed first.
        ModelError: If there is no such model.
        FilesError: If an input is missing.
    """
    request = _with_base(request)
    for path in request.inputs:
        if not path.exists() and not path.is_symlink():
            raise FilesError(f"{path} is not there")
    if is_path(request.model):
        from imgtrans.zoo.loading import find_model  # noqa: PLC0415 - a name needs no torch

        model = find_model(request.model)
    else:
        model = find(request.model)
    size = parse_size(request.size, model)
    _check_memory(request)
    if request.upsample not in UPSAMPLING:
        raise UsageError(f"--upsample is {request.upsample!r}", f"use {' or '.join(UPSAMPLING)}")
    wanted = understood(
        format=request.format,
        quality=request.quality,
        alpha=request.alpha,
        keep_gray=request.keep_gray,
        frames=request.frames,
        depth=request.depth,
    )
    destination = choose_destination(request.inputs, request.output, model.name, request.suffix, wanted.format)
    wanted = replace(wanted, format=destination.format)
    settings = f"size={size} upsample={request.upsample}" if size else "size=native"
    if model.card.value_range != (-1.0, 1.0):
        settings += " range={:g}..{:g}".format(*model.card.value_range)
    settings += described(wanted)
    return Prepared(request, model, size, destination, Recipe(model.card.sha256, settings), wanted)


def _with_base(request: Request) -> Request:
    """Return a request with the one folder that the files in its list are in; without a list, as it is."""
    if not request.selection.files_from:
        if not request.inputs:
            raise UsageError("there is nothing to translate", "name pictures or folders, or a list with --files-from")
        return request
    if not request.inputs:
        if request.output is None:
            raise UsageError("--files-from without a folder needs an output folder", "name it with -o FOLDER")
        if request.output.is_file() or (has_image_name(request.output) and not request.output.is_dir()):
            raise UsageError(f"{request.output} is no folder", "--files-from needs one; name it with -o FOLDER")
        return replace(request, inputs=[Path()], selection=replace(request.selection, anywhere=True))
    if len(request.inputs) > 1 or not request.inputs[0].is_dir():
        raise UsageError("--files-from goes with one folder, or none", "the files in the list are in it")
    return request


def _check_memory(request: Request) -> None:
    """Make sure that what a request says of memory can be followed."""
    if request.tiling not in TILINGS:
        raise UsageError(f"--tiling is {request.tiling!r}", f"use one of {', '.join(TILINGS)}")
    try:
        bytes_of(request.memory or "1")
    except ValueError as error:
        raise UsageError(f"--memory: {error}", "write it as 4GB or 800MB") from error
    if request.scratch is not None and not request.scratch.is_dir():
        raise FilesError(f"--scratch: there is no folder {request.scratch}", "make it, or name another one")


def parse_size(size: str, model: Model) -> int | None:
    """Return the longest side at which the network works; None is the picture's own.

    Raises:
        UsageError: If ``size`` is neither ``auto`` nor ``native`` nor a number that makes sense.
    """
    if size == "auto":
        return model.card.working_size or None
    if size == "native":
        return None
    if not size.isdecimal() or int(size) < SMALLEST_SIZE:
        raise UsageError(f"--size is {size!r}", f"use auto, native or a number of pixels from {SMALLEST_SIZE} up")
    return int(size)


def dry_run(prepared: Prepared) -> Plan:
    """Plan a run and change nothing."""
    with JournalReader(prepared.destination.folder) as records:
        return prepared.plan(records)


def run(prepared: Prepared, listener: Listener) -> Report:
    """Translate everything that is asked for and not done yet.

    Raises:
        FilesError: If the output folder is in use or cannot be written, or two inputs would make one output.
        ModelError: If the model cannot be loaded.
        UnavailableError: If the device is not there.
    """
    started = time.monotonic()
    report = Report()
    with opened_journal(prepared.destination.folder) as journal:
        plan = prepared.plan(journal)
        report.ignored = plan.ignored
        with contextlib.ExitStack() as opened:
            engine = opened.enter_context(prepared.open_engine()) if plan.todo else None
            prepared.begin(journal, len(plan.todo) + len(plan.refused))
            _forget_what_left(plan, prepared.request, journal)
            listener.planned(plan, prepared, engine)
            _tell_known(plan, report, listener)
            record_refused(plan, prepared.recipe, journal)
            if engine:
                for outcome in execute(plan.todo, engine, prepared.recipe, journal):
                    count(outcome, report, listener)
    report.seconds = time.monotonic() - started
    return report


def execute(
    items: Sequence[Item], engine: "Engine", recipe: Recipe, journal: Journal, stop: threading.Event | None = None
) -> Iterator[Outcome]:
    """Translate items and put their outputs in place; yield what became of each.

    Once ``stop`` is set no more items are begun; those begun are finished.
    """
    ready, blocked = [], []
    folders: dict[Path, str] = {}
    for item in items:
        folder = item.output.parent
        if folder not in folders:
            folders[folder] = _make_ready(folder)
        if folders[folder]:
            blocked.append(Outcome(item, None, folders[folder]))
        else:
            ready.append(item)
    yield from commit(blocked, recipe, journal)
    begun = itertools.takewhile(lambda item: not (stop and stop.is_set()), ready)
    with contextlib.closing(engine.run(begun)) as groups:
        for outcomes in groups:
            yield from commit(outcomes, recipe, journal)


def count(outcome: Outcome, report: Report, listener: Listener) -> None:
    """Add an outcome to a report and tell the listener."""
    report.pixels += outcome.pixels
    if outcome.temporary:
        report.translated += 1
        listener.finished(outcome.item, "translated")
    else:
        report.fail(outcome.item, outcome.error)
        listener.finished(outcome.item, "failed", outcome.error)


@contextmanager
def opened_journal(folder: Path) -> Iterator[Journal]:
    """Open the journal of an output folder, making the folder; one that stayed empty is taken away again."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FilesError(f"the output folder {folder} cannot be made: {error.strerror}") from error
    empty = True
    try:
        with Journal(folder) as journal:
            try:
                yield journal
            finally:
                empty = journal.empty  # what failed, and why, is worth a folder
    finally:
        if missing and empty and {path.name for path in folder.iterdir()} <= {FOLDER}:
            shutil.rmtree(folder / FOLDER, ignore_errors=True)
            for path in missing:
                path.rmdir()


def record_refused(plan: Plan, recipe: Recipe, journal: Journal) -> None:
    """Have the journal know what will not even be tried, and why."""
    commit([Outcome(item, None, problem) for item, problem in plan.refused], recipe, journal)


def _forget_what_left(plan: Plan, request: Request, journal: Journal) -> None:
    """Take failures out of the journal whose inputs are no longer among those of the run."""
    if not request.selection.complete:
        return
    met = {item.key for item in plan.todo} | {item.key for item, _ in plan.refused}
    roots = [path.absolute() for path in request.inputs]
    journal.forget(
        [
            entry.output
            for entry in journal.failed()
            if entry.output not in met
            and not entry.output_size
            and any(Path(os.fsdecode(entry.input)).is_relative_to(root) for root in roots)
        ]
    )


def _tell_known(plan: Plan, report: Report, listener: Listener) -> None:
    for item in plan.done:
        report.skipped += 1
        listener.finished(item, "skipped")
    for item, problem in plan.refused:
        report.fail(item, problem)
        listener.finished(item, "failed", problem)


def _make_ready(folder: Path) -> str:
    """Make an output folder and clear it of an interrupted run's temporaries; say why if that is impossible."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        if fatal := cannot_go_on(folder, error):
            raise fatal from error
        return f"the folder {folder} cannot be made: {error.strerror}."
    sweep_temporaries(folder)
    return ""
