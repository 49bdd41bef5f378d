"""What the user asked for, understood: the model, the size, the destination, and what decides an output."""

import math
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imgtrans.batch.asked import Request
from imgtrans.batch.opening import EXECUTORS, EngineOpening, check_executor, opened_executor
from imgtrans.batch.plan import Decision, Policy, Recipe, Records, Tally, decisions
from imgtrans.batch.uploading import GATHER_SECONDS
from imgtrans.errors import FilesError, ModelError, OptionError, UsageError
from imgtrans.finding.destination import Destination, choose_destination, item_for
from imgtrans.finding.inputs import Named, distinct
from imgtrans.finding.pictures import count, discover, look_at_named
from imgtrans.finding.selection import Selection
from imgtrans.finding.shard import Shard, parse_shard
from imgtrans.images.formats import has_image_name
from imgtrans.images.written import described, understood
from imgtrans.journal.writing import Journal
from imgtrans.memory import bytes_of
from imgtrans.opening import GROUP as BACKENDS
from imgtrans.opening import check_backend
from imgtrans.protocols import Executor, Job, Wanted
from imgtrans.settings import deciding, settled
from imgtrans.storage.address import SCHEMES, Address
from imgtrans.storage.store import check_writable
from imgtrans.zoo.store import Model, find, is_path

if TYPE_CHECKING:
    from imgtrans.executors.reserve import Reserve

MANY = 100_000  # pictures: for so many everything is worthwhile
SMALLEST_BYTES = 1 << 20  # that a number without a unit can mean
_ADDRESS = re.compile(rf"({'|'.join(SCHEMES)}|ftps?|file):/+(.*)", re.DOTALL)


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
        settings: The options that the backend and the executor have of their own, by their names, if any were given.
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
    settings: Mapping[str, Any]

    @cached_property
    def policy(self) -> Policy:
        """What is done where outputs stand already."""
        request = self.request
        return Policy(
            overwrite=request.overwrite,
            force=request.force,
            only_failed=request.retry_failed,
            named=None if self.selection.anywhere else Named(request.inputs),
        )

    @property
    def temporaries_tag(self) -> str:
        """What tells the run's temporaries from those of others that write into the same folders."""
        return "single" if self.destination.singles else self.shard.tag

    def decisions(self, records: Records, tally: Tally, policy: Policy | None = None) -> Iterator[Decision]:
        """Plan the run, picture by picture, as they are found."""
        met = discover(self.request.inputs, self.destination, self.selection, self.shard, tally.aside)
        return decisions(met, self.recipe, records, policy or self.policy, tally, self.selection.limit)

    @property
    def _scratch(self) -> Path:
        folder = self.destination.folder
        return Path(tempfile.gettempdir()) if isinstance(folder, Address) else folder

    def counts(self) -> Iterator[int]:
        """Yield how many files each folder has, of those of all shards; see :func:`imgtrans.finding.pictures.count`."""
        return count(self.request.inputs, self.destination, self.selection)

    def pictures(self) -> float:
        """Return about how many pictures the run is of, whether done or not; infinity for a list or a store.

        More than ``MANY`` are not counted either.
        """
        if self.selection.files_from or any(isinstance(path, Address) for path in self.request.inputs):
            return math.inf
        files = 0
        for more in self.counts():
            files += more
            if files > MANY:
                break
        files = min(files, self.selection.limit or files)
        return -(-files // self.shard.count)

    def check_model(self, records: Records) -> None:
        """Make sure that the outputs of another model are not replaced unasked.

        Raises:
            FilesError: If they would be.
        """
        if self.request.overwrite or self.request.force:
            return
        names = {run.model: run.name for run in records.last_runs()}
        if self.destination.singles:
            known = [records.entry(item_for(look_at_named(path), self.destination).key) for path in self.request.inputs]
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

    def opening(self, *, endless: bool = False) -> EngineOpening:
        """Return how the model is made ready.

        Args:
            endless: Whether pictures go on coming, and it does not matter how many there are now.
        """
        request, far = self.request, isinstance(self.destination.folder, Address)
        return EngineOpening(
            self.model,
            self.size,
            request.device,
            request.precision,
            request.batch_size or 0,
            wanted=self.wanted,
            max_pixels=request.max_pixels or 0,
            upsample=request.upsample,
            strength=request.strength,
            tiling=request.tiling,
            backend=request.backend,
            settings=self.settings.get(request.backend),
            pictures=cache(lambda: math.inf if endless else self.pictures()),
            memory=bytes_of(request.memory) if request.memory else 0,
            scratch=request.scratch or self._scratch,
            tag=self.temporaries_tag,
            gather_seconds=GATHER_SECONDS if far else Job.gather_seconds,
        )

    def open_executor(
        self,
        progress: Callable[[float], None] = lambda share: None,
        warn: Callable[[str], None] = lambda text: None,
        *,
        endless: bool = False,
        reserve: "Reserve | None" = None,
    ) -> AbstractContextManager[Executor]:
        """Have whoever does the work ready for it; see :func:`imgtrans.batch.opening.opened_executor`."""
        name, opening = self.request.executor, self.opening(endless=endless)
        return opened_executor(name, opening, progress, warn, settings=self.settings.get(name), reserve=reserve)

    def results(self) -> list[Path]:
        """Return what to show the user: the outputs of single pictures, or the output folder."""
        inputs = self.request.inputs
        if not self.destination.singles and (len(inputs) > 1 or inputs[0].is_dir()):
            return [self.destination.folder]
        outputs = [item_for(found, self.destination).output for path in inputs if (found := look_at_named(path)).format]
        return [path for path in outputs if path.exists()]


def prepare(request: Request) -> Prepared:
    """Find the model and the destination.

    Raises:
        UsageError: If the request cannot be understood.
        ModelError: If there is no such model.
        FilesError: If an input is missing.
        UnavailableError: If it asks for what has to be installed first.
    """
    _check_addresses(request)
    selection = _selection(request)
    if not request.inputs:
        request = replace(request, inputs=[Path()])
    elif not selection.files_from:
        request = replace(request, inputs=distinct(request.inputs))
    shard = parse_shard(request.shard)
    for path in request.inputs:
        if not path.exists() and not path.is_symlink():
            raise FilesError(f"{path} is not there")
    model = model_of(request)
    size = working_side(request.size, model)
    check_memory(request)
    check_backend(request.backend)
    check_executor(request.executor)
    own = settled(request.option, request.settings, {BACKENDS: request.backend, EXECUTORS: request.executor})
    wanted = understood(
        format=request.format,
        quality=request.quality or 0,
        alpha=request.alpha,
        keep_gray=request.keep_gray,
        frames=request.frames,
        depth=request.depth,
    )
    inputs = [] if selection.anywhere else request.inputs
    destination = choose_destination(
        inputs, request.output, model.name, request.suffix, wanted.format, request.keep_gray
    )
    if isinstance(destination.folder, Address):
        check_writable(destination.folder)
    elif request.journal is not None:
        raise UsageError(
            "--journal is for outputs in a store", "other output folders have theirs in them; leave it out"
        )
    wanted = replace(wanted, format=destination.format)
    settings = f"size={size} upsample={request.upsample}" if size else "size=native"
    if request.strength != 1:
        settings += f" strength={float(request.strength)!r}"
    if model.card.terms:
        settings += f" {model.card.terms}"
    settings += described(wanted) + deciding(own)
    recipe = Recipe(model.card.sha256, settings)
    return Prepared(request, model, size, destination, recipe, wanted, selection, shard, own)


def model_of(request: Request) -> Model:
    """Return the model that a request names.

    Raises:
        ModelError: If there is none.
    """
    if not is_path(request.model):
        return find(request.model)
    if not Path(request.model).expanduser().exists():
        raise ModelError(f"there is no file {request.model}")  # in a moment, while torch takes seconds
    from imgtrans.zoo.loading import find_model  # noqa: PLC0415 - a name needs no torch

    return find_model(request.model)


def working_side(size: str, model: Model) -> int | None:
    """Return the longest side at which the network works, as ``--size`` says it; None is each picture's own."""
    if size.isdecimal():
        return int(size)
    return model.card.working_size or None if size == "auto" else None


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
        if os.path.realpath(request.output) == os.path.realpath(""):
            raise FilesError(f"{request.output} is the folder of the inputs", "name another folder with -o")
    elif len(request.inputs) > 1 or not request.inputs[0].is_dir():
        raise UsageError("--files-from goes with one folder, or none", "the files in the list are in it")
    include, exclude = tuple(request.include), tuple(request.exclude)
    return Selection(
        include, exclude, request.limit or 0, request.files_from, request.null, anywhere, request.include_outputs
    )


def _check_addresses(request: Request) -> None:
    """Make sure that what should be files are no addresses, of which a path makes ``https:/example.org``."""
    for path in (*request.inputs, request.output):
        if isinstance(path, Address):
            continue
        found = _ADDRESS.fullmatch(str(path))
        if found and path is not None and not path.exists():
            address = f"{found[1]}://{found[2]}"
            hint = f"for one picture: curl -L '{address}' | imgtrans run - -o -" if path is not request.output else ""
            if found[1] in SCHEMES:  # of another command than run, which has taken it for what it is
                hint = "imgtrans run reads it"
            raise UsageError(f"{address} is an address, and imgtrans reads and writes files", hint)


def check_memory(request: Request) -> None:
    """Make sure that what a request says of memory can be followed."""
    if request.memory.strip().isdecimal() and int(request.memory) < SMALLEST_BYTES:
        number = request.memory.strip()
        raise OptionError("memory", f"is {number}, without a unit", f"write {number}GB, or {number}MB")
    try:
        bytes_of(request.memory or "1")
    except ValueError as error:
        raise OptionError("memory", f"is {request.memory!r}", "write it as 4GB or 800MB") from error
    if request.scratch is not None and not request.scratch.is_dir():
        raise FilesError(f"--scratch: there is no folder {request.scratch}", "make it, or name another one")
