"""A file that a run meets: whether it is a picture, by its content, and if not, why."""

from dataclasses import dataclass, replace
from pathlib import Path

from imgtrans.images.formats import format_by_content, has_image_name, is_hidden_or_system
from imgtrans.images.refused import picture_not_read, why_not


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
        root: What the user named, which leads to it.
        made: Whether it is an output of imgtrans itself.
    """

    path: Path
    relative: Path
    format: str
    size: int = 0
    mtime_ns: int = 0
    problem: str = ""
    root: Path = Path()
    made: bool = False


def inspect(path: Path, relative: Path) -> Found:
    """Tell whether one file is a picture, by its content."""
    try:
        status = path.stat()
        is_file = path.is_file()
        kind = (is_file and format_by_content(path)) or ""
        problem = picture_not_read(path) if is_file and not kind else ""
    except OSError as error:
        problem = f"{path} cannot be read: {error.strerror}." if has_image_name(path) else ""
        return Found(path, relative, "", problem=problem)
    if not kind and not problem and has_image_name(path):
        problem = why_not(path)
    return Found(path, relative, kind, status.st_size, status.st_mtime_ns, problem)


def look(path: Path, relative: Path, root: Path) -> Found:
    """Look at a file below what the user named; one of the system's is not opened."""
    if is_hidden_or_system(path.name):
        return Found(path, relative, "", root=root)
    return replace(inspect(path, relative), root=root)


def look_at(path: Path) -> Found:
    """Look at a file that the user named, which is a problem if it is no picture."""
    found = replace(inspect(path, Path(path.name)), root=path)
    return found if found.format or found.problem else replace(found, problem=why_not(path))
