"""The pictures of a run as they are found, folder by folder, each with the output that it will become."""

import itertools
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from imgtrans.errors import FilesError
from imgtrans.finding.destination import Destination, ignores_case
from imgtrans.finding.far import look_far, place_of
from imgtrans.finding.file import Found, look_at
from imgtrans.finding.listing import listed
from imgtrans.finding.outputs import KnownOutputs
from imgtrans.finding.selection import EVERYTHING, Selection
from imgtrans.finding.shard import WHOLE, Shard
from imgtrans.finding.twins import Fold, Made, Met, fold_case, refuse_twins, with_items, without_twins
from imgtrans.finding.walk import Folder, Place, files_below, walk
from imgtrans.storage.address import Address
from imgtrans.storage.listings import Listings


@dataclass
class Aside:
    """What is met on the way and no file's own matter.

    Attributes:
        unmatched: Files that are called like pictures and that no pattern takes.
        collisions: Of folders of which nothing is done, as two of their files would make one output.
    """

    unmatched: int = 0
    collisions: list[FilesError] = field(default_factory=list)


def discover(
    inputs: Sequence[Path],
    destination: Destination,
    selection: Selection = EVERYTHING,
    shard: Shard = WHOLE,
    aside: Aside | None = None,
) -> Iterator[Met]:
    """Yield each selected file with the item that it makes, None if it is no picture to translate.

    All that go to one output folder come together, once it is known that no two of them would make one output. (Of a
    list, which comes in its own order, that is known of what was listed before.) A folder in which two would is left
    out, and the others go on.

    Raises:
        FilesError: If an input is missing.
    """
    aside = aside or Aside()
    for root in inputs:
        if not root.exists():
            raise FilesError(f"{root} is not there")
    fold = fold_case if ignores_case(destination.folder) else str
    with _own_outputs(selection) as made, Listings() as listings:
        if selection.files_from:
            listing = (found for root in inputs for found in listed(root, _closed(destination), selection))
            met = without_twins(with_items(listing, destination, made), fold, aside.collisions.append)
            yield from (one for one in met if shard.has(one[1].relative))
            return
        files = [root for root in inputs if not root.is_dir()]
        aside.unmatched += sum(not selection.takes(Path(root.name)) for root in files)
        named = (look_at_named(root) for root in files if selection.takes(Path(root.name)))
        try:
            met_first = [*without_twins(with_items(named, destination, made), fold)]
            yield from (one for one in met_first if shard.has(one[1].relative))
        except FilesError as error:
            aside.collisions.append(error)
        for folder in _folders(inputs, destination, selection, fold, listings):
            aside.unmatched += folder.unmatched()
            try:
                refuse_twins(folder, destination, fold, made)
            except FilesError as error:
                aside.collisions.append(error)
                continue
            problems = (found for found in folder.problems if shard.has(found.relative))
            yield from with_items(itertools.chain(problems, folder.looks(shard)), destination, made)


def count(inputs: Sequence[Path], destination: Destination, selection: Selection = EVERYTHING) -> Iterator[int]:
    """Yield how many files each folder has that :func:`discover` meets, without a look at any.

    Nothing for a list, and nothing where a store would have to list it all twice for it.
    """
    if selection.files_from or any(isinstance(root, Address) and root.is_dir() for root in inputs):
        return
    yield sum(not root.is_dir() for root in inputs)
    for folder in _folders(inputs, destination, selection, str, None):
        yield sum(1 for _ in folder.names())


def items_below(root: Path, destination: Destination, selection: Selection = EVERYTHING) -> Iterator[Met]:
    """Yield each file below a folder, as :func:`discover` does, but whatever others would become."""
    with _own_outputs(selection) as made:
        yield from with_items(files_below(Place.of(root), _closed(destination), selection), destination, made)


@contextmanager
def _own_outputs(selection: Selection) -> Iterator[Made]:
    """Give what knows imgtrans's own outputs; nothing, if these are wanted, too."""
    if selection.include_outputs:
        yield lambda found: False
        return
    with KnownOutputs() as known:
        yield known.made


def look_at_named(path: Path) -> Found:
    """Look at a file or an object that the user named."""
    return look_far(path, Path(path.name), path, named=True) if isinstance(path, Address) else look_at(path)


def _folders(
    inputs: Sequence[Path], destination: Destination, selection: Selection, fold: Fold, listings: Listings | None
) -> Iterator[Folder]:
    """Walk the folders among the inputs; those whose outputs go to one folder are walked as one."""
    together: dict[str, list[Place]] = {}
    for root in inputs:
        if root.is_dir():
            where = destination.place(root, Path("x")).parent  # the suffix of names is none of a folder's
            place = place_of(root, listings)
            together.setdefault(fold(str(where)), []).append(place)
    for places in together.values():
        yield from walk(places, _closed(destination), selection, fold)


def _closed(destination: Destination) -> set[str]:
    return {os.path.realpath(destination.folder)}
