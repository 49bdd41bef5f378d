"""The pictures of a run as they are found, folder by folder: what each will become, and that no two become one."""

import itertools
import os
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from imgtrans.batch.destination import Destination, ignores_case
from imgtrans.batch.found import Found, look_at
from imgtrans.batch.scan import EVERYTHING, scan
from imgtrans.batch.selection import Selection
from imgtrans.batch.shard import WHOLE, Shard
from imgtrans.batch.walk import Folder, Place, walk
from imgtrans.errors import FilesError
from imgtrans.images.formats import has_image_name
from imgtrans.images.written import output_name
from imgtrans.protocols import Item

Met = tuple[Item | None, Found]


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
    fold = _fold_case if ignores_case(destination.folder) else str
    if selection.files_from:
        met = (found for root in inputs for found in scan(root, _closed(destination), selection))
        yield from (one for one in _without_twins(_items(met, destination), fold) if shard.has(one[1].relative))
        return
    files = [look_at(root) for root in inputs if not root.is_dir() and selection.takes(Path(root.name))]
    yield from (one for one in [*_without_twins(_items(files, destination), fold)] if shard.has(one[1].relative))
    for folder in _folders(inputs, destination, selection, fold):
        _refuse_twins(folder, destination, fold)
        mine = (place.look(name) for place, name in folder.names() if shard.has(place.relative / name))
        problems = (found for found in folder.problems if shard.has(found.relative))
        yield from _items(itertools.chain(problems, mine), destination)


def count(inputs: Sequence[Path], destination: Destination, selection: Selection = EVERYTHING) -> Iterator[int]:
    """Yield how many files each folder has that :func:`discover` meets, without a look at any; nothing for a list."""
    if selection.files_from:
        return
    yield sum(not root.is_dir() for root in inputs)
    for folder in _folders(inputs, destination, selection, str):
        yield sum(1 for _ in folder.names())


def items_below(root: Path, destination: Destination) -> Iterator[Met]:
    """Yield each file below a folder, as :func:`discover` does, but whatever others would become."""
    return _items(scan(root, _closed(destination)), destination)


def item_for(found: Found, destination: Destination) -> Item:
    """Return the item that a file makes."""
    name = found.relative.name
    if found.format:
        name, _ = output_name(name, found.format, destination.format)
    relative = destination.place(found.root, found.relative.with_name(name))
    return Item(
        input=found.path,
        output=destination.folder / relative,
        key=os.fsencode(relative),
        source=os.fsencode(found.relative),
        format=found.format,
        size=found.size,
        mtime_ns=found.mtime_ns,
    )


def _folders(
    inputs: Sequence[Path], destination: Destination, selection: Selection, fold: Callable[[str], str]
) -> Iterator[Folder]:
    """Walk the folders among the inputs; those whose outputs go to one folder are walked as one."""
    together: dict[str, list[Place]] = {}
    for root in inputs:
        if root.is_dir():
            where = destination.place(root, Path("x")).parent  # the suffix of names is none of a folder's
            together.setdefault(fold(str(where)), []).append(Place.of(root))
    for places in together.values():
        yield from walk(places, {os.fspath(path) for path in _closed(destination)}, selection, fold)


def _refuse_twins(folder: Folder, destination: Destination, fold: Callable[[str], str]) -> None:
    """Make sure that no two files of a folder would make one output.

    Only those are looked at whose names come near each other, so a million others cost no more than their names.
    """
    stems = sorted(hash(_stem(name, fold)) for _, name in folder.names())
    twice = {one for one, next_one in itertools.pairwise(stems) if one == next_one}
    if twice:
        near = (place.look(name) for place, name in folder.names() if hash(_stem(name, fold)) in twice)
        for _ in _without_twins(_items(near, destination), fold):
            pass


def _stem(name: str, fold: Callable[[str], str]) -> str:
    """Return what the name of an output has in common with those that other names may become; see ``output_name``."""
    path = Path(name)
    return fold(path.stem if has_image_name(path) else name)


def _without_twins(met: Iterable[Met], fold: Callable[[str], str]) -> Iterator[Met]:
    taken: dict[str, Path] = {}
    for item, found in met:
        if item is not None and not found.problem:
            other = taken.setdefault(fold(os.fsdecode(item.key)), found.path)
            if other is not found.path:
                raise FilesError(
                    f"{other} and {found.path} would both become {item.output}",
                    "rename one of them, or run them into different folders with -o",
                )
        yield item, found


def _items(met: Iterable[Found], destination: Destination) -> Iterator[Met]:
    for found in met:
        yield (item_for(found, destination) if found.format or found.problem else None), found


def _closed(destination: Destination) -> set[Path]:
    return {destination.folder.resolve()}


def _fold_case(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
