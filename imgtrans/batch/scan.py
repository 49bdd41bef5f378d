"""Finding pictures: a walk over files and folders that knows pictures from everything else."""

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from imgtrans.batch.selection import Selection
from imgtrans.errors import FilesError
from imgtrans.images.formats import format_by_content, has_image_name, is_hidden_or_system
from imgtrans.images.heif import why_not


@dataclass(frozen=True)
class Found:
    """A file that was met.

    Attributes:
        path: The file.
        relative: Its path below the folder that the user named, or its name if the user named the file.
        format: Pillow's name of its format; "" if it is no picture.
        size: Bytes.
        mtime_ns: Modification time.
        problem: Why it cannot be translated though it is called like a picture; "" if it can.
    """

    path: Path
    relative: Path
    format: str
    size: int = 0
    mtime_ns: int = 0
    problem: str = ""


EVERYTHING = Selection()


def scan(root: Path, exclude: Collection[Path] = (), selection: Selection = EVERYTHING) -> Iterator[Found]:
    """Walk a folder in sorted order, or look at one file; hidden and system entries are passed over.

    Links to folders are followed unless they lead back into a folder they are in. A folder that cannot be read is
    a problem like a picture that cannot.

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
        yield from _walk(root, Path(), closed, selection)
    elif selection.takes(Path(root.name)):
        found = inspect(root, Path(root.name))
        yield found if found.format or found.problem else Found(root, found.relative, "", problem=why_not(root))


def inspect(path: Path, relative: Path) -> Found:
    """Tell whether one file is a picture, by its content."""
    try:
        status = path.stat()
        kind = (path.is_file() and format_by_content(path)) or ""
    except OSError as error:
        problem = f"{path} cannot be read: {error.strerror}." if has_image_name(path) else ""
        return Found(path, relative, "", problem=problem)
    problem = "" if kind or not has_image_name(path) else why_not(path)
    return Found(path, relative, kind, status.st_size, status.st_mtime_ns, problem)


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
            yield Found(path, relative, "", problem=f"{path} is not in {root}.")
        elif missing := _missing(path):
            yield Found(path, relative, "", problem=f"{path} {missing}.")
        elif _is_in(os.path.realpath(path), closed):
            continue
        elif _is_folder(path):
            yield from _walk(path, relative, closed, selection)
        elif selection.takes(relative):
            yield Found(path, relative, "") if is_hidden_or_system(path.name) else inspect(path, relative)


def _walk(root: Path, below: Path, closed: set[str], selection: Selection) -> Iterator[Found]:
    """Walk a folder, which is ``below`` in the input; a stack, as paths may be deeper than Python recurses."""
    stack = [_Folder(root, below, os.path.realpath(root), frozenset())]
    if below.name and not selection.enters(below):
        return
    while stack:
        folder = stack[-1]
        try:
            name = folder.next()
            path, relative = folder.path / name, folder.relative / name
            if is_hidden_or_system(name):
                yield Found(path, relative, "")
            elif _is_folder(path):
                real = os.path.realpath(path) if path.is_symlink() else os.path.join(folder.real, name)  # noqa: PTH118
                if real not in folder.ancestors and real not in closed and selection.enters(relative):
                    stack.append(_Folder(path, relative, real, folder.ancestors))
            elif selection.takes(relative):
                yield inspect(path, relative)
        except StopIteration:
            stack.pop()
        except OSError as error:
            stack.pop()
            yield Found(folder.path, folder.relative, "", problem=f"{folder.path} cannot be read: {error.strerror}.")


class _Folder:
    """A folder on the way: its real path and those of the folders it is in, and the names in it still to come."""

    def __init__(self, path: Path, relative: Path, real: str, above: frozenset[str]) -> None:
        self.path = path
        self.relative = relative
        self.real = real
        self.ancestors = above | {real}
        self._names: Iterator[str] | None = None

    def next(self) -> str:
        """Return the next name.

        Raises:
            StopIteration: If there is none.
            OSError: If the folder cannot be read.
        """
        if self._names is None:
            self._names = iter(sorted(os.listdir(self.path)))
        return next(self._names)


def _is_folder(path: Path) -> bool:
    """Whether a path is a folder's, or leads to one.

    Raises:
        OSError: If the folder that it is in does not let one know.
    """
    try:
        return path.is_dir()
    except OSError:  # of a link's target, then it is the link's problem; or of the path itself
        path.lstat()
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
