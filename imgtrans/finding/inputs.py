"""What the user named: each thing once, and never written to or into."""

import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from imgtrans.errors import FilesError
from imgtrans.images.formats import is_hidden_or_system
from imgtrans.storage.address import Address, number_of

Identity = tuple[int, int]  # device and inode: the same for one file or folder, whatever it is called


def distinct(inputs: Sequence[Path]) -> list[Path]:
    """Return inputs without those named before, by whatever name, and those that are in a folder that is one, too."""
    once: dict[str, Path] = {}
    for path in inputs:
        once.setdefault(os.path.realpath(path), path)
    folders = {real for real, path in once.items() if path.is_dir()}
    return [path for real, path in once.items() if not _is_met_below(real, folders)]


class Named:
    """The inputs of a run, to keep outputs from them.

    Args:
        inputs: Files and folders.
    """

    def __init__(self, inputs: Sequence[Path]) -> None:
        self.folders = [path for path in inputs if path.is_dir()]
        self._files = [path for path in inputs if not path.is_dir()]

    def holding(self, folder: Path) -> Path | None:
        """Return the input folder that a folder is, or would be in if it were made; None if there is none."""
        known = {one: path for path in self.folders if (one := _identity(path))}
        place = folder if isinstance(folder, Address) else Path(os.path.realpath(folder))
        return next((known[one] for path in (place, *place.parents) if (one := _identity(path)) in known), None)

    def is_one(self, status: os.stat_result) -> bool:
        """Whether a file is one that the user named."""
        return (status.st_dev, status.st_ino) in self._identities

    @cached_property
    def _identities(self) -> frozenset[Identity | None]:
        return frozenset(map(_identity, self._files))  # once: each of thousands of pictures is compared with all

    def check_apart(self, root: Path, target: Path) -> None:
        """Make sure that outputs do not fall into an input folder, nothing of which is read for it.

        Args:
            root: One of the inputs.
            target: The folder that its outputs go to; if it is a folder, as its tree.

        Raises:
            FilesError: If they do.
        """
        holder = self.holding(target)
        if holder is None and root.is_dir():
            holder = next((path for path in self.folders if _is_folder(root, _below(path, target))), None)
        if holder is not None:
            raise FilesError(
                f"outputs of {root} would be written into {holder}, which is an input",
                "imgtrans never writes into its inputs; name a folder outside of them with -o",
            )


def _is_met_below(path: str, folders: set[str]) -> bool:
    """Whether a path is met by walking one of some folders."""
    while not is_hidden_or_system(os.path.basename(path)):  # noqa: PTH119 - texts are compared
        above = os.path.dirname(path)  # noqa: PTH120 - as above
        if above == path:
            return False
        if above in folders:
            return True
        path = above
    return False


def _below(path: Path, folder: Path) -> Path | None:
    """Return the way from a folder down to a path; None if it is not in it."""
    wanted = _identity(folder)
    real = path if isinstance(path, Address) else Path(os.path.realpath(path))
    for above in real.parents:
        if wanted and _identity(above) == wanted:
            return real.relative_to(above)
    return None


def _is_folder(root: Path, way: Path | None) -> bool:
    return way is not None and (root / way).is_dir()


def _identity(path: Path) -> Identity | None:
    if isinstance(path, Address):  # whether anything is there or not
        return -1, number_of(str(path))
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
