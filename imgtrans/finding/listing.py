"""What a list of files names (``--files-from``): read, and each thing in it looked at once."""

import codecs
import itertools
import os
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import nullcontext
from functools import partial
from pathlib import Path

from imgtrans.errors import FilesError
from imgtrans.finding.far import look_far
from imgtrans.finding.file import Found, look
from imgtrans.finding.selection import Selection
from imgtrans.finding.walk import Place, files_below, is_in
from imgtrans.storage.address import Address, addressed
from imgtrans.storage.store import AT_ONCE
from imgtrans.storage.threads import in_order_where_called

STDIN = Path("-")


def listed(root: Path, closed: Collection[str], selection: Selection) -> Iterator[Found]:
    """Look at what a list names, each once: files, folders with everything below them, and addresses of objects.

    Args:
        root: The folder that they are in.
        closed: Real paths of folders that are not entered, such as that of the outputs.
        selection: Has the list.

    Raises:
        FilesError: If the list cannot be read.
    """
    return in_order_where_called(_listed(root, closed, selection), AT_ONCE)


def _listed(root: Path, closed: Collection[str], selection: Selection) -> "Iterator[Found | Callable[[], Found]]":
    base = _normal(root)
    seen: set[bytes] = set()
    folders: set[str] = set()
    for path in read_list(selection):
        absolute = _normal(path)
        if os.fsencode(absolute) in seen or is_in(os.fspath(absolute), folders):
            continue
        seen.add(os.fsencode(absolute))
        inside = absolute.is_relative_to(base)
        relative = _below(absolute, base if inside else None)
        if not inside and not selection.anywhere:
            yield Found(path, relative, "", problem=f"{path} is not in {root}.", root=root)
        elif isinstance(path, Address):  # which costs a question, so that several are asked at once
            if selection.takes(relative):
                yield partial(look_far, path, relative, root)
        elif missing := _missing(path):
            yield Found(path, relative, "", problem=f"{path} {missing}.", root=root)
        elif is_in(os.path.realpath(path), closed):
            continue
        elif _is_folder(path):
            folders.add(os.fspath(absolute))
            if not relative.name or selection.enters(relative):
                for found in files_below(Place(root, path, relative, os.path.realpath(path)), closed, selection):
                    if os.fsencode(absolute / found.path.relative_to(path)) not in seen:
                        yield found
        elif selection.takes(relative):
            yield look(path, relative, root)


def read_list(selection: Selection) -> Iterator[Path]:
    """Read the list: a path a line, however lines end, or separated by NUL; a byte-order mark says how it is written.

    Raises:
        FilesError: If it cannot be read.
    """
    assert selection.files_from is not None
    shown = "standard input" if selection.files_from == STDIN else str(selection.files_from)
    try:
        if selection.files_from == STDIN and sys.stdin is None:
            raise FilesError("standard input is closed", "name a file with --files-from")
        source = nullcontext(sys.stdin.buffer) if selection.files_from == STDIN else selection.files_from.open("rb")
        with source as file:
            for entry in _split(file, b"\0" if selection.null else b"\n"):
                if b"\0" in entry:
                    raise FilesError(f"{shown} is separated by NUL, not by lines", "say so with --null")
                if entry:
                    yield addressed(os.fsdecode(entry))
    except OSError as error:
        raise FilesError(f"the list in {shown} cannot be read: {error.strerror}") from error


def names_addresses(selection: Selection) -> bool:
    """Whether there is a list that may name addresses of objects; standard input, which is read once, always may."""
    if selection.files_from is None or selection.files_from == STDIN:
        return selection.files_from == STDIN
    try:
        with selection.files_from.open("rb") as file:
            return any(b"://" in line for line in file)
    except OSError:  # whoever reads it says so
        return False


def _split(file: Iterator[bytes], separator: bytes) -> Iterator[bytes]:
    """Yield what stands between separators, however long the file is."""
    start = next(file, b"")
    chunks: Iterator[bytes] = itertools.chain([start.removeprefix(codecs.BOM_UTF8)], file)
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):  # as PowerShell's > writes it
        chunks = map(os.fsencode, codecs.iterdecode(chunks, "utf-16"))
    line_end = b"\r" if separator == b"\n" else b""
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(separator)
        yield from (entry.removesuffix(line_end) for entry in whole)
    yield rest.removesuffix(line_end)


def _normal(path: Path) -> Path:
    """Return the absolute path; an address is one."""
    return path if isinstance(path, Address) else Path(os.path.normpath(path.absolute()))


def _below(absolute: Path, base: Path | None) -> Path:
    """Return the way from a folder down to a path; without one, from the root, or from a bucket's or a host's name."""
    if base is None and isinstance(absolute, Address):
        return Path(*absolute.parts[1:])
    return absolute.relative_to(base or absolute.anchor)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # of a link's target: then it is the link's problem
        return False


def _missing(path: Path) -> str:
    """Return what is said of a path that cannot be looked at; "" if it can."""
    try:
        path.lstat()
    except FileNotFoundError:
        return "is not there"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    return ""
