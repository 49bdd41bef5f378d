"""A walk over folders that meets each output folder once, with all inputs whose outputs go there."""

import itertools
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from imgtrans.finding.file import Found, look
from imgtrans.finding.selection import EVERYTHING, Selection
from imgtrans.finding.shard import WHOLE, Shard
from imgtrans.images.formats import has_image_name, is_hidden_or_system
from imgtrans.journal.location import FOLDER


@dataclass(frozen=True)
class Place:
    """A folder on the way.

    Attributes:
        root: What the user named, which leads to it.
        path: The folder.
        relative: Its path below the root.
        real: Its real path.
        above: The real paths of those that it is in.
    """

    root: Path
    path: Path
    relative: Path
    real: str
    above: frozenset[str] = frozenset()

    @classmethod
    def of(cls, root: Path) -> "Place":
        """Return the place of a folder that the user named."""
        return cls(root, root, Path(), os.path.realpath(root))

    @property
    def leads_back(self) -> bool:
        """Whether a link leads from it to itself."""
        return self.real in self.above

    def inside(self, name: str) -> "Place":
        """Return the place of a folder in it."""
        path = self.path / name
        real = os.path.realpath(path) if path.is_symlink() else os.path.join(self.real, name)  # noqa: PTH118
        return Place(self.root, path, self.relative / name, real, self.above | {self.real})

    def content(self) -> tuple[Iterable[str], Iterable[str]]:
        """Return the names of the files and of the folders in it, sorted.

        Raises:
            OSError: If it cannot be listed.
        """
        files: list[str] = []
        folders: list[str] = []
        with os.scandir(self.path) as entries:
            for entry in entries:
                (folders if not is_hidden_or_system(entry.name) and _is_folder(entry) else files).append(entry.name)
        (self.path / os.pardir).stat()  # one that can be listed and not entered is of no use
        return sorted(files), sorted(folders)

    def looks(self, names: Iterable[str]) -> Iterator[Found]:
        """Look at files in it, one after the other."""
        return map(self.look, names)

    def look(self, name: str) -> Found:
        """Look at a file in it."""
        return look(self.path / name, self.relative / name, self.root)


class Folder:
    """One folder that was listed, or several whose outputs share one: the files in it, looked at one by one.

    Attributes:
        problems: Folders that could not be listed.
    """

    def __init__(self, places: Sequence[Place], closed: Collection[str], selection: Selection) -> None:
        self.problems: list[Found] = []
        self._selection = selection
        self._files: list[tuple[Place, Iterable[str]]] = []
        self._below: list[Place] = []
        for place in places:
            try:
                self._list(place, closed)
            except OSError as error:
                problem = f"{place.path} cannot be read: {error.strerror}."
                self.problems.append(Found(place.path, place.relative, "", problem=problem, root=place.root))

    def names(self) -> Iterator[tuple[Place, str]]:
        """Yield the names of the files, sorted, and where each is."""
        for place, names in self._files:
            for name in names:
                if name != FOLDER and (is_hidden_or_system(name) or self._selection.takes(place.relative / name)):
                    yield place, name

    def looks(self, shard: Shard = WHOLE) -> Iterator[Found]:
        """Look at the files that are in a part of the run."""
        for place, pairs in itertools.groupby(self.names(), lambda pair: pair[0]):
            yield from place.looks(name for _, name in pairs if shard.has(place.relative / name))

    def unmatched(self) -> int:
        """Return how many files are called like pictures and not selected."""
        if not self._selection.chooses:
            return 0
        return sum(
            has_image_name(Path(name))
            and not is_hidden_or_system(name)
            and not self._selection.takes(place.relative / name)
            for place, names in self._files
            for name in names
        )

    def below(self, fold: Callable[[str], str]) -> list[list[Place]]:
        """Return the folders in it, sorted; those whose names are the same once folded are together."""
        together: dict[str, list[Place]] = {}
        for place in self._below:
            together.setdefault(fold(place.path.name), []).append(place)
        return [together[name] for name in sorted(together)]

    def _list(self, place: Place, closed: Collection[str]) -> None:
        files, folders = place.content()
        self._files.append((place, files))
        for name in folders:
            if not name:
                problem = f"{place.path}// has objects with nothing between two slashes, which are not read."
                self.problems.append(Found(place.path, place.relative, "", problem=problem, root=place.root))
                continue
            inside = place.inside(name)
            if not inside.leads_back and not _is_closed(inside, closed) and self._selection.enters(inside.relative):
                self._below.append(inside)


def walk(
    together: Sequence[Place], closed: Collection[str], selection: Selection, fold: Callable[[str], str] = str
) -> Iterator[Folder]:
    """Walk folders whose outputs share one, and what is below them: each output folder is met once, with all inputs.

    A stack, as paths may be deeper than Python recurses.

    Args:
        together: Where to begin.
        closed: Real paths of folders that are not entered.
        selection: What is taken.
        fold: Returns the same text for names that are the same where outputs go.
    """
    stack: list[list[Place]] = [[*together]]
    while stack:
        folder = Folder(stack.pop(), closed, selection)
        yield folder
        stack += reversed(folder.below(fold))


def files_below(place: Place, closed: Collection[str] = (), selection: Selection = EVERYTHING) -> Iterator[Found]:
    """Look at each file below a folder: of each folder the files come first, sorted, then the folders.

    Links to folders are followed unless they lead back into a folder they are in. A folder that cannot be read is a
    problem like a picture that cannot.

    Args:
        place: Where to begin.
        closed: Real paths of folders that are not entered, such as that of the outputs.
        selection: What is taken.
    """
    for folder in walk([place], closed, selection):
        yield from folder.problems
        yield from folder.looks()


def is_in(path: str, folders: Collection[str]) -> bool:
    """Whether a path is one of some folders, or below one."""
    while path not in folders:
        above = os.path.dirname(path)  # noqa: PTH120 - texts are compared
        if above == path:
            return False
        path = above
    return True


def _is_closed(place: Place, closed: Collection[str]) -> bool:
    """Whether a folder is not entered; a link that leads into one that is not must not come in behind it either."""
    return is_in(place.real, closed) if place.path.is_symlink() else place.real in closed


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # of a link's target: then it is the link's problem
        return False
