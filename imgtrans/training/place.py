"""The folder of a run: that it can be written is found before the first step, and said where it ends."""

import errno
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from imgtrans.errors import FilesError
from imgtrans.memory import in_words

CHECKPOINT = "checkpoint.pt"


def check_place(folder: Path, resume: bool) -> None:
    """Make sure that a run can be kept in a folder, and leave no trace there.

    Args:
        folder: The run's folder, which need not be there.
        resume: Whether there must be a run in it, or there must not.

    Raises:
        FilesError: If it cannot be written, or there is a run, or none.
    """
    checkpoint = folder / CHECKPOINT
    nearest = folder
    try:
        if resume and not checkpoint.exists():
            raise FilesError(f"there is no checkpoint {checkpoint} to resume from")
        if not resume and checkpoint.exists():
            raise FilesError(f"{folder} holds a training run already", "go on with --resume, or give another --name")
        while not nearest.exists() and nearest != nearest.parent:
            if nearest.is_symlink():
                raise FileNotFoundError(errno.ENOENT, "it is a link to nowhere")
            nearest = nearest.parent
        if not nearest.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, f"{nearest} is not a folder")
        with tempfile.TemporaryFile(dir=nearest):
            pass
    except OSError as error:
        raise FilesError(f"{folder} cannot be written: {error.strerror}", "name another folder with --runs") from error


def check_room(folder: Path, size: int, files: int) -> None:
    """Make sure that checkpoints have room in a folder: a new one is whole before the old one goes.

    Args:
        folder: The folder.
        size: Of one, in bytes.
        files: How many there will be that are not there now.

    Raises:
        FilesError: If they have none.
    """
    usage = shutil.disk_usage(folder)
    need = files * size
    if usage.total and usage.free < need:
        raise FilesError(
            f"there is room for {in_words(usage.free)} in {folder}, and checkpoints of this run need {in_words(need)}",
            "make room, or name another folder with --runs",
        )


@contextmanager
def explained(folder: Path) -> Iterator[None]:
    """Turn what goes wrong with files in a run's folder into a sentence, and say what can be done about it."""
    try:
        yield
    except TimeoutError:  # of the lock, which says who has it
        raise
    except OSError as error:
        path = Path(str(error.filename or folder))
        if path != folder and folder not in path.parents:
            raise FilesError(f"{path} cannot be read any more: {error.strerror}") from error
        kept = (folder / CHECKPOINT).exists()
        raise FilesError(
            f"{folder} cannot be written any more: {error.strerror or error}",
            "make room, or see to it that it is there; "
            + ("--resume goes on from the last checkpoint, which is as it was" if kept else "nothing was saved yet"),
        ) from error
