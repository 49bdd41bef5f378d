"""What is below one folder, or in a list, file by file."""

import os
from collections.abc import Collection, Iterator
from pathlib import Path

from imgtrans.batch.found import Found, look, look_at
from imgtrans.batch.selection import Selection
from imgtrans.batch.walk import Place, walk
from imgtrans.errors import FilesError

EVERYTHING = Selection()


def scan(root: Path, exclude: Collection[Path] = (), selection: Selection = EVERYTHING) -> Iterator[Found]:
    """Walk a folder, or look at one file; hidden and system entries are passed over.

    Of each folder the files come first, sorted, then the folders. Links to folders are followed unless they lead back
    into a folder they are in. A folder that cannot be read is a problem like a picture that cannot.

    Args:
        root: Folder or file.
        exclude: Folders (resolved) that are not entered, such as that of the outputs.
        selection: What is not taken by it is not met; where it has a list, only what is listed is.

    Raises:
        FilesError: If ``root`` is not there, or the list cannot be read.
    """
    if not root.exists():
        raise FilesError(f"{root} is not there")
    closed = {os.fspath(path) for path in exclude}
    if selection.files_from:
        yield from _listed(root, closed, selection)
    elif root.is_dir():
        yield from _below(Place.of(root), closed, selection)
    elif selection.takes(Path(root.name)):
        yield look_at(root)


def _listed(root: Path, closed: set[str], selection: Selection) -> Iterator[Found]:
    """Look at what a list names, each once: files, and folders with everything below them."""
    base = Path(os.path.normpath(root.absolute()))
    seen: set[bytes] = set()
    for path in selection.entries():
        absolute = Path(os.path.normpath(path.absolute()))
        if os.fsencode(absolute) in seen:
            continue
        seen.add(os.fsencode(absolute))
        inside = absolute.is_relative_to(base)
        relative = absolute.relative_to(base if inside else absolute.anchor)
        if not inside and not selection.anywhere:
            yield Found(path, relative, "", problem=f"{path} is not in {root}.", root=root)
        elif missing := _missing(path):
            yield Found(path, relative, "", problem=f"{path} {missing}.", root=root)
        elif _is_in(os.path.realpath(path), closed):
            continue
        elif _is_folder(path):
            if not relative.name or selection.enters(relative):
                yield from _below(Place(root, path, relative, os.path.realpath(path)), closed, selection)
        elif selection.takes(relative):
            yield look(path, relative, root)


def _below(place: Place, closed: set[str], selection: Selection) -> Iterator[Found]:
    for folder in walk([place], closed, selection):
        yield from folder.problems
        yield from (where.look(name) for where, name in folder.names())


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # of a link's target: then it is the link's problem
        return False


def _missing(path: Path) -> str:
    """Return what is said of a path that cannot be looked at; "" if it can."""
    try:
        path.lstat()
    except FileNotFoundError:
        return "is not there"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    return ""


def _is_in(path: str, folders: set[str]) -> bool:
    return any(path == folder or path.startswith(folder + os.sep) for folder in folders)
