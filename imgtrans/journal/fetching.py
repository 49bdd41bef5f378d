"""Fetches the journals of an output folder in a store, with what notes tell since their last snapshots."""

import base64
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from imgtrans.errors import FilesError
from imgtrans.journal.database import open_to_write, read_entry, storing
from imgtrans.journal.entry import Entry
from imgtrans.journal.location import SUFFIX, inside
from imgtrans.storage.address import Address
from imgtrans.storage.explained import ObjectError, nothing_else_helps
from imgtrans.storage.listings import Listings
from imgtrans.storage.store import AT_ONCE
from imgtrans.storage.threads import in_order

NOTE = ".note"
_WHOLE_RUN = "journal"
_TRIES = 3  # a run that is at work may put a new one there meanwhile


def fetch_journals(output: Address, folder: Path, tag: str, listings: Listings) -> list[str]:
    """Make the journals of an output folder's those of a folder of this machine.

    Args:
        output: The output folder.
        folder: The folder of this machine.
        tag: Of the shard that it is for, which has its own notes only; "" is the whole run, which has all.
        listings: Know what stands in the output folder.

    Returns:
        The names of what its next snapshot makes superfluous: notes, and for the whole run the journals of shards.
    """
    with nothing_else_helps():
        return _fetch_all(output, folder, tag, listings)


def packed(entries: Iterable[Entry]) -> bytes:
    """Return entries as a note has them."""
    rows = [
        {
            name: base64.b64encode(value).decode() if isinstance(value, bytes) else value
            for name, value in vars(entry).items()
        }
        for entry in entries
    ]
    return json.dumps(rows).encode()


def stands(output: Address, listings: Listings, key: bytes) -> os.stat_result:
    """Return what a file system would say of an output.

    Raises:
        FileNotFoundError: If it is not there.
    """
    return listings.stat(output / os.fsdecode(key))


def _fetch_all(output: Address, folder: Path, tag: str, listings: Listings) -> list[str]:
    place, here = inside(output), inside(folder)
    here.mkdir(exist_ok=True)
    own = f"shard-{tag}" if tag else _WHOLE_RUN
    found = [(name, version) for page in place.store.pages(place) for name, version in page if version]
    snapshots = [(name, version) for name, version in found if name.endswith(SUFFIX)]
    for _ in in_order([partial(_fetch, place / name, here / name) for name, _ in snapshots], AT_ONCE):
        pass
    notes = [name for name, _ in found if name.endswith(NOTE) and (not tag or name.startswith(f"{own}-"))]
    if notes:
        entries = in_order([partial(_unpacked, place / name) for name in notes], AT_ONCE)
        _take_over(here / f"{own}{SUFFIX}", (entry for some in entries for entry in some), output, listings)
    shards = [] if tag else [name for name, _ in snapshots if name != f"{own}{SUFFIX}"]
    return [*notes, *shards]


def _fetch(address: Address, path: Path) -> None:
    for tries in range(_TRIES):
        try:
            address.store.fetch(address, path, address.store.version(address))
        except ObjectError:
            if tries == _TRIES - 1:
                raise
        else:
            return


def _unpacked(note: Address) -> list[Entry]:
    content = note.store.read(note)
    if content is None:  # a run that was still at work, or one that has taken it over
        return []
    try:
        return [_entry(row) for row in json.loads(content)]
    except (ValueError, TypeError, KeyError) as error:
        raise FilesError(f"{note} is no note of imgtrans ({error})", "see who has written it, and delete it") from error


def _entry(row: dict[str, Any]) -> Entry:
    kinds = Entry.__annotations__
    values: dict[str, Any] = {
        name: base64.b64decode(value) if kinds[name] is bytes else value for name, value in row.items()
    }
    return Entry(**values)


def _take_over(path: Path, entries: Iterator[Entry], output: Address, listings: Listings) -> None:
    """Have a journal know what notes tell of, but for what it knows better."""
    with closing(open_to_write(path)) as database:
        database.execute("BEGIN")
        for entry in entries:
            known = read_entry(database, entry.output)
            if known and known.state == "done":
                try:
                    if known.made(stands(output, listings, entry.output)):
                        continue
                except FileNotFoundError:
                    pass
            statement, rows = storing([entry])
            database.executemany(statement, rows)
        database.execute("COMMIT")
