"""What the user asked for, understood: the model, the size, the destination, and what decides an output."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from imgtrans.batch.plan import Decision, Policy, Recipe, Records, Tally, decisions
from imgtrans.errors import FilesError, UsageError
from imgtrans.finding.destination import Destination, choose_destination, item_for
from imgtrans.finding.file import look_at
from imgtrans.finding.inputs import Named, distinct
from imgtrans.finding.pictures import count, discover
from imgtrans.finding.selection import EVERYTHING, Selection
from imgtrans.finding.shard import WHOLE, Shard
from imgtrans.images.formats import has_image_name
from imgtrans.images.written import ALL, KEEP, described, understood
from imgtrans.journal.writing import Journal
from imgtrans.memory import bytes_of
from imgtrans.protocols import TILINGS, UPSAMPLING, Wanted
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
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``; several, with commas between, or ``all``.
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
        tiling: ``auto`` streams pictures for which that is faster, or which do not fit into memory whole; ``exact``
            every picture, ``off`` none.
        memory: That the network may take, as ``4GB``; "" lets what is free decide.
        scratch: The folder for what streaming stores beyond that; None for the output folder.
        overwrite: Replace files at the outputs' places that imgtrans did not make.
        force: Redo what is done.
        retry_failed: Do only what failed when it was last tried.
        selection: What is taken of what there is; inputs may be missing where it has a list of files.
        shard: Which part of it, where several machines share a run.
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
    shard: Shard = WHOLE


@dataclass(frozen=True)
class Prepared:
    """A request whose model, size and destination are known; nothing is loaded or written yet."""

    request: Request
    model: Model
    size: int | None
    destination: Destination
    recipe: Recipe
    wanted: Wanted

    @property
    def policy(self) -> Policy:
        """What is done where outputs stand already."""
        request = self.request
        return Policy(
            overwrite=request.overwrite,
            force=request.force,
            only_failed=request.retry_failed,
            named=None if request.selection.anywhere else Named(request.inputs),
        )

    @property
    def temporaries_tag(self) -> str:
        """What tells the run's temporaries from those of others that write into the same folders."""
        return "single" if self.destination.singles else self.request.shard.tag

    def decisions(self, records: Records, tally: Tally) -> Iterator[Decision]:
        """Plan the run, picture by picture, as they are found."""
        request = self.request
        met = discover(request.inputs, self.destination, request.selection, request.shard, tally.aside)
        return decisions(met, self.recipe, records, self.policy, tally, request.selection.limit)

    def counts(self) -> Iterator[int]:
        """Yield how many files each folder has, of those of all shards; see :func:`imgtrans.finding.pictures.count`."""
        return count(self.request.inputs, self.destination, self.request.selection)

    def check_model(self, records: Records) -> None:
        """Make sure that the outputs of another model are not replaced unasked.

        Raises:
            FilesError: If they would be.
        """
        if self.request.overwrite or self.request.force:
            return
        names = {run.model: run.name for run in records.last_runs()}
        if self.destination.singles:
            known = [records.entry(item_for(look_at(path), self.destination).key) for path in self.request.inputs]
            others = {entry.model for entry in known if entry and entry.state != "failed"}
        else:
            others = {model for model in names if records.has_output_of(model)}
        for model in others - {self.recipe.model}:
            if names.get(model) != self.model.name:
                what = f"of {names[model]}" if model in names else "of another model"
                raise FilesError(
                    f"{self.destination.folder} has translations {what}, which {self.model.name} would replace",
                    "name another folder with -o, or replace them with --overwrite",
                )

    def begin(self, journal: Journal) -> None:
        """Note in the journal that the run begins."""
        journal.begin(self.model.name, self.recipe.model, self.recipe.settings)

    def open_engine(
        self, progress: Callable[[float], None] = lambda share: None, warn: Callable[[str], None] = lambda text: None
    ) -> "Engine":
        """Load the model; this is where torch comes in.

        Args:
            progress: Is told the share of a large picture that is done.
            warn: Is told what is unwise.
        """
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
            tag=self.temporaries_tag,
            progress=progress,
            warn=warn,
        )

    def results(self) -> list[Path]:
        """Return what to show the user: the outputs of single pictures, or the output folder."""
        inputs = self.request.inputs
        if not self.destination.singles and (len(inputs) > 1 or inputs[0].is_dir()):
            return [self.destination.folder]
        outputs = [item_for(found, self.destination).output for path in inputs if (found := look_at(path)).format]
        return [path for path in outputs if path.exists()]


def prepare(request: Request) -> Prepared:
    """Find the model and the destination.

    Raises:
        UsageError: If the request cannot be understood.
        ModelError: If there is no such model.
        FilesError: If an input is missing.
        UnavailableError: If it asks for what has to be installed first.
    """
    request = _with_base(request)
    if not request.selection.files_from:
        request = replace(request, inputs=distinct(request.inputs))
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
    inputs = [] if request.selection.anywhere else request.inputs
    destination = choose_destination(inputs, request.output, model.name, request.suffix, wanted.format)
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
        if request.output.resolve() == Path().resolve():
            raise FilesError(f"{request.output} is the folder of the inputs", "name another folder with -o")
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
