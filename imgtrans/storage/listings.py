"""What folders of a store hold, each listed once and kept on disk: a folder of millions takes no memory."""

import sqlite3
import threading
from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING

from imgtrans.storage.address import standing
from imgtrans.storage.explained import nothing_else_helps
from imgtrans.storage.versions import Version

if TYPE_CHECKING:
    import os

    from imgtrans.storage.address import Address

_AT_ONCE = 1000  # names
_SCHEMA = """
CREATE TABLE objects (
    folder INTEGER, is_file INTEGER, name TEXT, size INTEGER, number INTEGER,
    PRIMARY KEY (folder, is_file, name)
) WITHOUT ROWID
"""


class Listings:
    """Lists folders, and knows what is in those that were listed. Several threads may use it."""

    def __init__(self) -> None:
        # SQLite's own temporary file, which is gone with the connection and only there once it does not fit in memory.
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._database.execute(_SCHEMA)
        self._known: dict[str, int] = {}
        self._turn = threading.RLock()

    def __enter__(self) -> "Listings":
        """Use it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Forget it all."""
        with self._turn:
            self._database.close()

    def files(self, folder: "Address") -> "Names":
        """Return the names of the objects in a folder."""
        return Names(self, self._listed(folder), files=True)

    def folders(self, folder: "Address") -> "Names":
        """Return the names of the folders in a folder."""
        return Names(self, self._listed(folder), files=False)

    def version(self, address: "Address") -> Version | None:
        """Return the version of an object, None if there is none."""
        with nothing_else_helps():  # whoever asks would take it for absent
            number = self._listed(address.parent)
        with self._turn:
            query = "SELECT size, number FROM objects WHERE folder = ? AND is_file AND name = ?"
            row = self._database.execute(query, (number, address.name)).fetchone()
        return Version(*row) if row else None

    def stat(self, address: "Address") -> "os.stat_result":
        """Return what a file system would say of an object.

        Raises:
            FileNotFoundError: If there is none.
        """
        version = self.version(address)
        if version is None:
            raise FileNotFoundError(2, "it is not there", str(address))
        return standing(address, version.size, version.number)

    def names(self, folder: int, after: str, *, files: bool) -> list[str]:
        """Return some names behind one, sorted."""
        with self._turn:
            query = "SELECT name FROM objects WHERE folder = ? AND is_file = ? AND name > ? ORDER BY name LIMIT ?"
            return [name for (name,) in self._database.execute(query, (folder, files, after, _AT_ONCE)).fetchall()]

    def _listed(self, folder: "Address") -> int:
        with self._turn:
            number = self._known.get(str(folder))
            if number is not None:
                return number
            number = len(self._known)
            for page in folder.store.pages(folder):
                rows = [
                    (number, version is not None, name, *((0, 0) if version is None else vars(version).values()))
                    for name, version in page
                ]
                self._database.execute("BEGIN")
                self._database.executemany("INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?)", rows)
                self._database.execute("COMMIT")
            self._known[str(folder)] = number
            return number


class Names:
    """Sorted names of a folder that was listed, to be gone through as often as need be.

    Args:
        listings: Knows them.
        folder: Its number.
        files: Whether they are of objects, not of folders.
    """

    def __init__(self, listings: Listings, folder: int, *, files: bool) -> None:
        self._listings, self._folder, self._files = listings, folder, files

    def __iter__(self) -> Iterator[str]:
        """Go through them."""
        after = ""
        while names := self._listings.names(self._folder, after, files=self._files):
            yield from names
            after = names[-1]
