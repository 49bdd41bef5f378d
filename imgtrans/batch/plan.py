"""What there is to do: each picture met becomes work, a skip or a failure, before anything is written."""

import os
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from imgtrans.batch.destination import Destination, ignores_case
from imgtrans.batch.journal import Entry
from imgtrans.batch.scan import EVERYTHING, Found, scan
from imgtrans.batch.selection import Selection
from imgtrans.errors import FilesError
from imgtrans.images.written import output_name
from imgtrans.protocols import Item


@dataclass
class Plan:
    """What is to be done, and what is not.

    Attributes:
        todo: Pictures to translate.
        done: Pictures whose translation is there already.
        refused: Pictures that will not be tried, with the sentence that says why.
        ignored: Files that are no pictures.
        converted: Pictures whose format cannot be written and becomes PNG.
    """

    todo: list[Item] = field(default_factory=list)
    done: list[Item] = field(default_factory=list)
    refused: list[tuple[Item, str]] = field(default_factory=list)
    ignored: int = 0
    converted: int = 0


class Records(Protocol):
    """What a plan asks of a journal."""

    def entry(self, output: bytes) -> Entry | None:
        """Return what is known of an output."""
        ...


@dataclass(frozen=True)
class Recipe:
    """What decides an output besides its input, as the journal keeps it.

    Attributes:
        model: sha256 of the model's weights.
        settings: Everything else.
    """

    model: str
    settings: str

    def entry(self, item: Item, state: str, output: os.stat_result | None = None, error: str = "") -> Entry:
        """Return the journal's entry for a picture made by this recipe."""
        size, mtime_ns = (output.st_size, output.st_mtime_ns) if output else (0, 0)
        return Entry(
            item.key,
            item.source,
            item.size,
            item.mtime_ns,
            self.model,
            self.settings,
            state,
            size,
            mtime_ns,
            error,
            input=os.fsencode(item.input.absolute()),
        )


def items_below(
    inputs: Sequence[Path], destination: Destination, selection: Selection = EVERYTHING
) -> Iterator[tuple[Item | None, Found]]:
    """Walk all inputs; yield each selected file with the item it makes, None if it is no picture to translate."""
    exclude = {destination.folder.resolve()}
    for root in inputs:
        for found in scan(root, exclude, selection):
            yield (item_for(found, root, destination) if found.format or found.problem else None), found


def item_for(found: Found, root: Path, destination: Destination) -> Item:
    """Return the item that a file makes."""
    name = found.relative.name
    if found.format:
        name, _ = output_name(name, found.format, destination.format)
    relative = destination.place(root, found.relative.with_name(name))
    return Item(
        input=found.path,
        output=destination.folder / relative,
        key=os.fsencode(relative),
        source=os.fsencode(found.relative),
        format=found.format,
        size=found.size,
        mtime_ns=found.mtime_ns,
    )


def make_plan(
    inputs: Sequence[Path],
    destination: Destination,
    recipe: Recipe,
    records: Records,
    *,
    overwrite: bool = False,
    force: bool = False,
    only_failed: bool = False,
    selection: Selection = EVERYTHING,
    progress: Callable[[int], None] = lambda count: None,
) -> Plan:
    """Plan a run over files and folders.

    Raises:
        FilesError: If an input is missing, or two inputs would make one output.
    """
    plan = Plan()
    fold = _fold_case if ignores_case(destination.folder) else bytes
    taken: dict[bytes, Item] = {}
    for count, (item, found) in enumerate(items_below(inputs, destination, selection), start=1):
        progress(count)
        if item is not None and only_failed and not _has_failed(records.entry(item.key)):
            continue
        if item is None:
            plan.ignored += 1
        elif found.problem:
            plan.refused.append((item, found.problem))
        else:
            other = taken.setdefault(fold(item.key), item)
            if other is not item:
                raise FilesError(
                    f"{other.input} and {item.input} would both become {item.output}",
                    "rename one of them, or run them into different folders with -o",
                )
            renamed = Path(os.fsdecode(item.key)).suffix != found.relative.suffix
            plan.converted += renamed and not destination.format
            decide(plan, item, recipe, records, overwrite=overwrite, force=force)
            if selection.limit and len(plan.todo) == selection.limit:
                break
    return plan


def decide(plan: Plan, item: Item, recipe: Recipe, records: Records, *, overwrite: bool, force: bool) -> None:
    """Put one picture into the plan, by what stands where its output would go."""
    try:
        status = item.output.lstat()
    except OSError:
        plan.todo.append(item)
        return
    if _is_input(item, status):
        plan.refused.append((item, f"{item.output} is the input itself, which imgtrans never writes over."))
        return
    known = records.entry(item.key)
    ours = known is not None and known.made(status)
    if known and ours and known.state in ("writing", "done") and _same(known, recipe.entry(item, known.state, status)):
        (plan.todo if force else plan.done).append(item)
    elif ours or overwrite:
        plan.todo.append(item)
    else:
        plan.refused.append(
            (item, f"{item.output} is there already and was not made by imgtrans; --overwrite would replace it.")
        )


def _is_input(item: Item, output: os.stat_result) -> bool:
    try:
        return os.path.samestat(item.input.stat(), output)
    except OSError:
        return False


def _has_failed(known: Entry | None) -> bool:
    return known is not None and known.state == "failed"


def _same(known: Entry, wanted: Entry) -> bool:
    return replace(known, before_size=0, before_mtime_ns=0, input=wanted.input) == wanted


def _fold_case(key: bytes) -> bytes:
    return os.fsencode(unicodedata.normalize("NFC", os.fsdecode(key)).casefold())


def folders_of(items: Iterable[Item]) -> set[Path]:
    """Return the folders that outputs go to."""
    return {item.output.parent for item in items}
