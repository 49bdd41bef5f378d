"""What the user asked for, understood: the model, the size, the destination, and what decides an output."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from imgtrans.batch.asked import Request
from imgtrans.batch.destination import Destination, choose_destination
from imgtrans.batch.discovery import count, discover, item_for
from imgtrans.batch.found import look_at
from imgtrans.batch.journal import Journal
from imgtrans.batch.plan import Decision, Policy, Recipe, Records, Tally, decisions
from imgtrans.batch.selection import Selection
from imgtrans.batch.shard import Shard, parse_shard
from imgtrans.errors import FilesError, OptionError, UsageError
from imgtrans.images.formats import has_image_name
from imgtrans.images.written import described, understood
from imgtrans.memory import bytes_of
from imgtrans.protocols import Wanted
from imgtrans.zoo.store import Model, find, is_path

if TYPE_CHECKING:
    from imgtrans.batch.engine import Engine


@dataclass(frozen=True)
class Prepared:
    """A request whose model, size and destination are known; nothing is loaded or written yet.

    Attributes:
        request: What the user asked for; without any input but with a list of files, the working folder is its input.
        model: The model.
        size: The longest side at which the network works, in pixels; None is each picture's own.
        destination: Where outputs go.
        recipe: What decides an output.
        wanted: How outputs are written.
        selection: What is taken of what there is.
        shard: Which part of it, where several machines share a run.
    """

    request: Request
    model: Model
    size: int | None
    destination: Destination
    recipe: Recipe
    wanted: Wanted
    selection: Selection
    shard: Shard

    @property
    def policy(self) -> Policy:
        """What is done where outputs stand already."""
        request = self.request
        return Policy(overwrite=request.overwrite, force=request.force, only_failed=request.retry_failed)

    def decisions(self, records: Records, tally: Tally) -> Iterator[Decision]:
        """Plan the run, picture by picture, as they are found."""
        met = discover(self.request.inputs, self.destination, self.selection, self.shard)
        return decisions(met, self.recipe, records, self.policy, tally, self.selection.limit)

    def counts(self) -> Iterator[int]:
        """Yield how many files each folder has, of those of all shards; see :func:`imgtrans.batch.discovery.count`."""
        return count(self.request.inputs, self.destination, self.selection)

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
            tag=self.shard.tag,
            progress=progress,
            warn=warn,
        )

    def result(self) -> Path:
        """Return what to show the user: the one output of a single picture, or the output folder."""
        single = self.request.inputs[0]
        if len(self.request.inputs) > 1 or single.is_dir() or not (found := look_at(single)).format:
            return self.destination.folder
        return item_for(found, self.destination).output


def prepare(request: Request) -> Prepared:
    """Find the model and the destination.

    Raises:
        UsageError: If the request cannot be understood.
        ModelError: If there is no such model.
        FilesError: If an input is missing.
        UnavailableError: If it asks for what has to be installed first.
    """
    selection = _selection(request)
    if not request.inputs:
        request = replace(request, inputs=[Path()])
    shard = parse_shard(request.shard)
    for path in request.inputs:
        if not path.exists() and not path.is_symlink():
            raise FilesError(f"{path} is not there")
    if is_path(request.model):
        from imgtrans.zoo.loading import find_model  # noqa: PLC0415 - a name needs no torch

        model = find_model(request.model)
    else:
        model = find(request.model)
    size = model.card.working_size or None if request.size == "auto" else None
    if request.size.isdecimal():
        size = int(request.size)
    _check_memory(request)
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
    return Prepared(request, model, size, destination, Recipe(model.card.sha256, settings), wanted, selection, shard)


def _selection(request: Request) -> Selection:
    """Return what a request takes of what there is; the files in a list without a folder may be anywhere."""
    anywhere = request.files_from is not None and not request.inputs
    if request.files_from is None:
        if not request.inputs:
            raise UsageError("there is nothing to translate", "name pictures or folders, or a list with --files-from")
    elif anywhere:
        if request.output is None:
            raise UsageError("--files-from without a folder needs an output folder", "name it with -o FOLDER")
        if request.output.is_file() or (has_image_name(request.output) and not request.output.is_dir()):
            raise UsageError(f"{request.output} is no folder", "--files-from needs one; name it with -o FOLDER")
    elif len(request.inputs) > 1 or not request.inputs[0].is_dir():
        raise UsageError("--files-from goes with one folder, or none", "the files in the list are in it")
    include, exclude = tuple(request.include), tuple(request.exclude)
    return Selection(include, exclude, request.limit, request.files_from, request.null, anywhere)


def _check_memory(request: Request) -> None:
    """Make sure that what a request says of memory can be followed."""
    try:
        bytes_of(request.memory or "1")
    except ValueError as error:
        raise OptionError("memory", f"is {request.memory!r}", "write it as 4GB or 800MB") from error
    if request.scratch is not None and not request.scratch.is_dir():
        raise FilesError(f"--scratch: there is no folder {request.scratch}", "make it, or name another one")
