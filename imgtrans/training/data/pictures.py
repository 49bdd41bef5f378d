"""The pictures of a training's folders: found, and the way shown where they are elsewhere."""

from collections.abc import Sequence
from pathlib import Path

from imgtrans.errors import FilesError
from imgtrans.finding.walk import Place, files_below
from imgtrans.training.data.folders import Folders


def domains(folders: Folders, *, test: bool = False) -> list[tuple[Path, list[Path]]]:
    """Return the folders of A and B, each with its pictures.

    Args:
        folders: Where they are.
        test: Those that are not trained on.

    Raises:
        FilesError: If a folder is missing or holds no picture.
    """
    prefix = "test" if test else "train"
    if folders.root is not None:
        return [(folders.root / name, pictures_in(folders.root, name)) for name in (f"{prefix}A", f"{prefix}B")]
    chosen = (folders.test_A, folders.test_B) if test else (folders.A, folders.B)
    return [(folder, pictures_below(folder)) for folder in chosen if folder is not None]


def pictures_in(root: Path, domain: str) -> list[Path]:
    """Return the pictures of ``root/domain`` and of the folders below it, sorted.

    Raises:
        FilesError: If there is no such folder, or no picture in it; the hint says where there are some.
    """
    folder = root / domain
    if not folder.is_dir():
        raise FilesError(f"there is no folder {folder}", _place_of(root, domain))
    return pictures_below(folder)


def pictures_below(folder: Path) -> list[Path]:
    """Return the pictures of a folder and of those below it, sorted; links are followed, hidden ones left out.

    Raises:
        FilesError: If there is no such folder, it cannot be read, or there is no picture in it.
    """
    if not folder.is_dir():
        raise FilesError(f"there is no folder {folder}", "give the folder that holds the pictures of one kind")
    files, problems = [], []
    for found in files_below(Place.of(folder)):
        if found.format:
            files.append(found.path)
        elif found.problem:
            problems.append(found.problem)
    if files:
        return sorted(files)
    if problems:
        raise FilesError(f"{folder} holds no picture that can be read: {problems[0]}")
    raise FilesError(f"{folder} holds no picture", "put the pictures of that domain into it")


def listed(paths: Sequence[Path], most: int = 3) -> str:
    """Return the names of some files or folders, as many as can be read in a sentence."""
    shown = [path.name for path in paths[:most]]
    return ", ".join(shown) + (f" and {len(paths) - most:,} more" if len(paths) > most else "")


def _place_of(root: Path, domain: str) -> str:
    """Return where the folders of a data set may be that are not where they should be."""
    if root.name == domain and root.is_dir():
        return f"give the folder that holds it: --data {root.parent}"
    if root.is_dir():
        for below in sorted(path for path in root.iterdir() if path.is_dir()):
            if (below / domain).is_dir():
                return f"there is {below / domain}: give --data {below}"
    return "the pictures of a data set stand in trainA and trainB; any two folders are --a DIR --b DIR"
