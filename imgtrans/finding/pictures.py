"""The pictures of a run as they are found, folder by folder, each with the output that it will become."""

import itertools
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from imgtrans.errors import FilesError
from imgtrans.finding.destination import Destination, ignores_case
from imgtrans.finding.file import look_at
from imgtrans.finding.listing import listed
from imgtrans.finding.selection import EVERYTHING, Selection
from imgtrans.finding.shard import WHOLE, Shard
from imgtrans.finding.twins import Fold, Met, fold_case, refuse_twins, with_items, without_twins
from imgtrans.finding.walk import Folder, Place, files_below, walk


def discover(
    inputs: Sequence[Path], destination: Destination, selection: Selection = EVERYTHING, shard: Shard = WHOLE
) -> Iterator[Met]:
    """Yield each selected file with the item that it makes, None if it is no picture to translate.

    All that go to one output folder come together, once it is known that no two of them would make one output. (Of a
    list, which comes in its own order, that is known of what was listed before.)

    Raises:
        FilesError: If an input is missing, or two inputs would make one output.
    """
    for root in inputs:
        if not root.exists():
            raise FilesError(f"{root} is not there")
    fold = fold_case if ignores_case(destination.folder) else str
    if selection.files_from:
        met = (found for root in inputs for found in listed(root, _closed(destination), selection))
        yield from (one for one in without_twins(with_items(met, destination), fold) if shard.has(one[1].relative))
        return
    files = [look_at(root) for root in inputs if not root.is_dir() and selection.takes(Path(root.name))]
    yield from (one for one in [*without_twins(with_items(files, destination), fold)] if shard.has(one[1].relative))
    for folder in _folders(inputs, destination, selection, fold):
        refuse_twins(folder, destination, fold)
        mine = (place.look(name) for place, name in folder.names() if shard.has(place.relative / name))
        problems = (found for found in folder.problems if shard.has(found.relative))
        yield from with_items(itertools.chain(problems, mine), destination)


def count(inputs: Sequence[Path], destination: Destination, selection: Selection = EVERYTHING) -> Iterator[int]:
    """Yield how many files each folder has that :func:`discover` meets, without a look at any; nothing for a list."""
    if selection.files_from:
        return
    yield sum(not root.is_dir() for root in inputs)
    for folder in _folders(inputs, destination, selection, str):
        yield sum(1 for _ in folder.names())


def items_below(root: Path, destination: Destination) -> Iterator[Met]:
    """Yield each file below a folder, as :func:`discover` does, but whatever others would become."""
    return with_items(files_below(Place.of(root), _closed(destination)), destination)


def _folders(inputs: Sequence[Path], destination: Destination, selection: Selection, fold: Fold) -> Iterator[Folder]:
    """Walk the folders among the inputs; those whose outputs go to one folder are walked as one."""
    together: dict[str, list[Place]] = {}
    for root in inputs:
        if root.is_dir():
            where = destination.place(root, Path("x")).parent  # the suffix of names is none of a folder's
            together.setdefault(fold(str(where)), []).append(Place.of(root))
    for places in together.values():
        yield from walk(places, _closed(destination), selection, fold)


def _closed(destination: Destination) -> set[str]:
    return {os.path.realpath(destination.folder)}
