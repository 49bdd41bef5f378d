"""Finding pictures: a walk over files and folders that knows pictures from everything else."""

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from imgtrans.errors import FilesError
from imgtrans.images.formats import format_by_content, has_image_name, is_hidden_or_system


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


def scan(root: Path, exclude: Collection[Path] = ()) -> Iterator[Found]:
    """Walk a folder in sorted order, or look at one file; hidden and system entries are passed over.

    Links to folders are followed unless they lead back into a folder they are in.

    Args:
        root: Folder or file.
        exclude: Folders (resolved) that are not entered, such as that of the outputs.

    Raises:
        FilesError: If ``root`` is not there.
    """
    if not root.exists():
        raise FilesError(f"{root} is not there")
    if root.is_dir():
        yield from _walk(root, root, frozenset({os.path.realpath(root)}), {os.fspath(path) for path in exclude})
    else:
        found = inspect(root, Path(root.name))
        yield (
            found
            if found.format or found.problem
            else Found(root, found.relative, "", problem=f"{root} is not a picture that can be read.")
        )


def inspect(path: Path, relative: Path) -> Found:
    """Tell whether one file is a picture, by its content."""
    try:
        status = path.stat()
        kind = (path.is_file() and format_by_content(path)) or ""
    except OSError as error:
        problem = f"{path} cannot be read: {error.strerror}." if has_image_name(path) else ""
        return Found(path, relative, "", problem=problem)
    problem = "" if kind or not has_image_name(path) else f"{path} is not a picture that can be read."
    return Found(path, relative, kind, status.st_size, status.st_mtime_ns, problem)


def _walk(folder: Path, root: Path, ancestors: frozenset[str], exclude: set[str]) -> Iterator[Found]:
    try:
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in entries)
    except OSError as error:
        yield Found(folder, folder.relative_to(root), "", problem=f"{folder} cannot be read: {error.strerror}.")
        return
    for name in names:
        path = folder / name
        if is_hidden_or_system(name):
            yield Found(path, path.relative_to(root), "")
        elif path.is_dir():
            real = os.path.realpath(path)
            if real not in ancestors and real not in exclude:
                yield from _walk(path, root, ancestors | {real}, exclude)
        else:
            yield inspect(path, path.relative_to(root))
