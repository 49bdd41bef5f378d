"""What a page shows of each picture: its name and state, and where its files are, as addresses."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote_from_bytes

from imgtrans.journal.status import Standing


@dataclass(frozen=True)
class Entry:
    """One picture.

    Attributes:
        folder: Of the translation, relative to the output folder; "" is that itself.
        name: Of the translation's file.
        state: One of ``imgtrans.journal.status.STATES``.
        reason: Why it is not done; "" if it is.
        before: The original, if it is there.
        after: The translation, if it is there.
        version: What tells these two files from others, and from what they were before they were changed.
    """

    folder: str
    name: str
    state: str
    reason: str
    before: Path | None
    after: Path | None
    version: str


def entry_of(standing: Standing, output: Path) -> Entry:
    """Return what is shown of a picture that stands so in an output folder."""
    digest = hashlib.sha256()
    there: list[Path | None] = []
    for path in (standing.input, standing.output):
        try:
            status = path.stat()
        except OSError:
            status = None
        digest.update(os.fsencode(path) + (f"\0{status.st_size}\0{status.st_mtime_ns}\0" if status else "\0").encode())
        there.append(path if status else None)
    place = standing.output.relative_to(output)
    folder = "" if place.parent == Path() else place.parent.as_posix()
    before, after = there
    return Entry(folder, place.name, standing.state, standing.reason, before, after, digest.hexdigest()[:24])


def address(path: Path, page: Path) -> str:
    """Return what a page calls a file: relative where both are on one drive, so that they can be moved together."""
    try:
        relative = os.path.relpath(path.absolute(), page.parent.absolute())
    except ValueError:  # another drive
        return path.absolute().as_uri()
    quoted = quote_from_bytes(os.fsencode(relative.replace(os.sep, "/")), safe="/")
    return quoted if not quoted.split("/")[0].count(":") else f"./{quoted}"


def shown(text: str) -> str:
    """Return a name as a page can hold it: bytes that are no text are escaped."""
    return os.fsencode(text).decode("utf-8", "backslashreplace")


def folders(entries: list[Entry]) -> list[str]:
    """Return the folders of entries, sorted."""
    return sorted({entry.folder for entry in entries})


def stale(folder: Path, wanted: set[str]) -> Iterator[Path]:
    """Yield files of a thumbnails' folder that no entry wants any more."""
    with os.scandir(folder) as found:
        yield from (Path(one.path) for one in found if one.name not in wanted and one.is_file(follow_symlinks=False))
