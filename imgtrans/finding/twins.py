"""Twins: files that would make one output, found before anything is written to its folder."""

import itertools
import os
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from imgtrans.errors import FilesError
from imgtrans.finding.destination import Destination, item_for
from imgtrans.finding.file import Found
from imgtrans.finding.walk import Folder
from imgtrans.images.formats import has_image_name
from imgtrans.protocols import Item

Met = tuple[Item | None, Found]
Fold = Callable[[str], str]
Made = Callable[[Found], bool]


def refuse_twins(folder: Folder, destination: Destination, fold: Fold, made: Made) -> None:
    """Make sure that no two files of a folder would make one output.

    Only those are looked at whose names come near each other, so a million others cost no more than their names.

    Raises:
        FilesError: If two would.
    """
    stems = sorted(hash(_stem(name, fold)) for _, name in folder.names())
    twice = {one for one, next_one in itertools.pairwise(stems) if one == next_one}
    if twice:
        near = (place.look(name) for place, name in folder.names() if hash(_stem(name, fold)) in twice)
        for _ in without_twins(with_items(near, destination, made), fold):
            pass


def without_twins(
    met: Iterable[Met], fold: Fold, refuse: Callable[[FilesError], object] | None = None
) -> Iterator[Met]:
    """Yield what is met, a file that is met twice once.

    Args:
        met: The files.
        fold: Returns the same text for names that are the same where outputs go.
        refuse: Is told of a file that would make another one's output, which is then passed over.

    Raises:
        FilesError: If there is one, and nobody to be told of it.
    """
    taken: dict[str, Path] = {}
    for item, found in met:
        if item is not None and not found.problem:
            other = taken.setdefault(fold(os.fsdecode(item.key)), found.path)
            if other is not found.path:
                if other.name == found.path.name and _are_one(other, found.path):
                    continue
                error = _collision(other, found.path, item.output)
                if refuse is None:
                    raise error
                refuse(error)
                continue
        yield item, found


def with_items(met: Iterable[Found], destination: Destination, made: Made) -> Iterator[Met]:
    """Yield each file with the item that it makes, None if it is no picture to translate.

    Args:
        met: The files.
        destination: Where outputs go.
        made: Whether a picture is an output of imgtrans itself.
    """
    for found in met:
        if found.format and made(found):
            yield None, replace(found, made=True)
        else:
            yield (item_for(found, destination) if found.format or found.problem else None), found


def fold_case(name: str) -> str:
    """Return the same text for names that are the same where upper and lower case are."""
    return unicodedata.normalize("NFC", name).casefold()


def _collision(one: Path, other: Path, output: Path) -> FilesError:
    """Return what is said of two files that would make one output, and how each could have one of its own."""
    hint = "rename one of them"
    if one.suffix.lower() != other.suffix.lower():
        hint += (
            f"; or do the others first with --exclude '*{other.suffix}', then these with --include '*{other.suffix}'"
        )
        hint += f" --suffix -{other.suffix.strip('.').lower()}"
    return FilesError(f"{one} and {other} would both become {output}", hint)


def _stem(name: str, fold: Fold) -> str:
    """Return what the name of an output has in common with those that other names may become; see ``output_name``."""
    path = Path(name)
    return fold(path.stem if has_image_name(path) else name)


def _are_one(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False
