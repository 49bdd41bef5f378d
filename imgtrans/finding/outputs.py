"""Which of the files that a run meets are outputs of imgtrans itself, as the journals around them say."""

import contextlib
import os
import tempfile
from pathlib import Path

from imgtrans.errors import FilesError
from imgtrans.finding.file import Found
from imgtrans.journal.fetching import fetch_journals
from imgtrans.journal.location import journals
from imgtrans.journal.reading import JournalReader
from imgtrans.storage.address import PAGES, Address, standing
from imgtrans.storage.listings import Listings

_KNOWN = 1000  # folders of which it is remembered whether they have journals
_KEPT_OPEN = 16  # journals; folders are met one after the other, with those above them


class KnownOutputs:
    """Asks the journals of a file's folder, and of those above it; closing it closes them."""

    def __init__(self) -> None:
        self._readers: dict[Path, JournalReader | None] = {}
        self._at: tuple[Path, Path] | None = None
        self._copies = contextlib.ExitStack()

    def __enter__(self) -> "KnownOutputs":
        """Use it."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Close the journals."""
        self._close()

    def made(self, found: Found) -> bool:
        """Whether imgtrans has made a file, and nobody has changed it since."""
        if isinstance(found.path, Address):
            return self._made_far(found, found.path)
        folder = self._real(found.path.parent)
        for above in (folder, *folder.parents):
            reader = self._reader(above)
            if reader:
                with contextlib.suppress(FilesError, OSError):
                    status = found.path.lstat()
                    entry = reader.entry(os.fsencode((folder / found.path.name).relative_to(above)), status)
                    if entry and entry.made(status):
                        return True
        return False

    def _made_far(self, found: Found, path: Address) -> bool:
        stands = standing(path, found.size, found.mtime_ns)
        if len(self._readers) > _KNOWN:
            self._close()
        for above in [*path.parents][:-2]:  # up to the bucket
            reader = self._reader(above)
            if reader:
                with contextlib.suppress(FilesError, OSError):
                    entry = reader.entry(os.fsencode(path.relative_to(above)), stands)
                    if entry and entry.made(stands):
                        return True
        return False

    def _real(self, folder: Path) -> Path:
        if self._at is None or self._at[0] != folder:
            self._at = folder, Path(os.path.realpath(folder))
            if len(self._readers) > _KNOWN:
                self._close()
        return self._at[1]

    def _reader(self, folder: Path) -> JournalReader | None:
        if folder not in self._readers:
            self._readers[folder] = None
            with contextlib.suppress(FilesError, OSError):  # one that cannot be read knows nothing
                if isinstance(folder, Address):
                    self._readers[folder] = self._fetched(folder)
                elif any(journals(folder)):
                    if sum(reader is not None for reader in self._readers.values()) >= _KEPT_OPEN:
                        self._close()
                    self._readers[folder] = JournalReader(folder)
        return self._readers[folder]

    def _fetched(self, folder: Address) -> JournalReader | None:
        """Return what reads copies of the journals in a folder of a store; None if there are none."""
        if folder.scheme in PAGES:
            return None
        copies = Path(self._copies.enter_context(tempfile.TemporaryDirectory(prefix="imgtrans-")))
        with Listings() as listings:
            fetch_journals(folder, copies, "", listings)
        return JournalReader(copies) if any(journals(copies)) else None

    def _close(self) -> None:
        for reader in self._readers.values():
            if reader:
                reader.close()
        self._readers.clear()
        self._copies.close()


def is_output_folder(folder: Path) -> bool:
    """Whether imgtrans has a journal of what it made in a folder."""
    return any(journals(folder))
