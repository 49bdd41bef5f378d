"""An output folder of this machine: made with its journal, and taken away again if it was made for nothing."""

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from imgtrans.errors import FilesError
from imgtrans.finding.destination import Destination
from imgtrans.journal.location import inside
from imgtrans.journal.writing import Journal


@contextmanager
def opened_journal(destination: Destination, tag: str = "") -> Iterator[Journal]:
    """Open the journal of an output folder, making the folder; one that stayed empty is taken away again."""
    folder = destination.folder
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FilesError(f"the output folder {folder} cannot be made: {error.strerror}") from error
    journal: Journal | None = None
    empty = True
    try:
        with Journal(folder, tag, destination.singles) as journal:
            try:
                yield journal
            finally:
                empty = journal.empty  # what failed, and why, is worth a folder
    finally:
        own = journal.path.parent if journal else inside(folder)
        if empty and (missing or (journal and destination.singles)):
            _take_away(missing, own, journal)


def _take_away(made: list[Path], own: Path, journal: Journal | None) -> None:
    """Take folders away that were made for nothing, unless somebody else has come to use them."""
    with contextlib.suppress(OSError):
        if journal:
            for path in own.glob(f"{journal.path.stem}*"):
                path.unlink()
        if [path.name for path in own.iterdir()] in ([], ["lock"]):
            (own / "lock").unlink(missing_ok=True)
            for path in (own, *made):
                path.rmdir()
