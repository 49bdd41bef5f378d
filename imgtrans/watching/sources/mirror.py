"""Outputs whose sources somebody has deleted are deleted, too, where that is asked for and looks meant."""

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from imgtrans.files import fsync_folder
from imgtrans.journal.entry import Entry
from imgtrans.journal.writing import Journal

FEW = 20  # may go at once, whatever share of all they are


@dataclass(frozen=True)
class Mirrored:
    """What became of outputs whose sources are gone.

    Attributes:
        deleted: The outputs that were deleted.
        problem: Why none was, one sentence; "" if nothing is wrong.
    """

    deleted: tuple[Path, ...] = ()
    problem: str = ""


def mirror(
    journal: Journal, output: Path, inbox: Path, check: Callable[[], None] = lambda: None, *, emptied: bool = False
) -> Mirrored:
    """Delete the outputs of an inbox whose sources are gone, if they still are what imgtrans made.

    If more than half of all sources are gone at once, nothing is deleted: that is how a disk looks that is not mounted.

    Args:
        journal: Of the output folder.
        output: The output folder.
        inbox: The folder whose files the sources were.
        check: Called before anything is deleted; what it raises keeps everything.
        emptied: Whether it is known to be the same folder as ever though none of them is left in it.
    """
    if not inbox.is_dir():
        return Mirrored()
    gone, there = [], 0
    root = inbox.absolute()
    for entry in journal.done():
        source = Path(os.fsdecode(entry.input))
        if entry.input and source.is_relative_to(root):
            if _is_gone(source):
                gone.append(entry)
            else:
                there += 1
    if len(gone) > max(FEW, there) or (gone and not there and not emptied):
        return Mirrored((), f"{len(gone)} of {len(gone) + there} sources are gone from {inbox} at once: outputs stay")
    check()
    deleted = tuple(path for entry in gone if (path := _deleted(entry, output)))
    for folder in {path.parent for path in deleted}:
        with contextlib.suppress(OSError):
            fsync_folder(folder)
    journal.forget([entry.output for entry in gone if not os.path.lexists(output / os.fsdecode(entry.output))])
    return Mirrored(deleted)


def _deleted(entry: Entry, output: Path) -> Path | None:
    path = output / os.fsdecode(entry.output)
    try:
        if not entry.made(path.lstat()):
            return None
        path.unlink()
    except OSError:
        return None
    return path


def _is_gone(path: Path) -> bool:
    """Whether a file is not there; one that cannot be looked at may be."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False
