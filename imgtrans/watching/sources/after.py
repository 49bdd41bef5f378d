"""What becomes of a source that is done or given up: moved or deleted if it still is what was read, over nothing."""

import contextlib
import errno
import itertools
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from imgtrans.files import fsync_folder, temporary_beside, written_atomically
from imgtrans.watching.seeing.version import Version

_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK, errno.EINVAL)


class ChangedError(Exception):
    """A source is not what was read any more: it stays where it is, and is looked at again."""


def delete(path: Path, version: Version) -> None:
    """Delete a source durably.

    Raises:
        ChangedError: If it is not of that version any more.
        OSError: If it cannot be deleted.
    """
    withdrawn = _withdrawn(path, version, temporary_beside(path))
    withdrawn.unlink()
    fsync_folder(path.parent)


def move(path: Path, version: Version, wanted: Path, note: str = "") -> Path:
    """Move a source, to another file system if it must be, under a name that nothing has; return where it is.

    The copy is whole and on its disk before the source goes. What is interrupted leaves the source where it was, or
    whole under a hidden name in its new folder.

    Args:
        path: The source.
        version: What it was when it was read.
        wanted: Its new path; if that is taken, a number is added to the name.
        note: What is written beside it, into a file of the same name and ``.txt``; "" is nothing.

    Raises:
        ChangedError: If it is not of that version any more.
        OSError: If it cannot be moved; it is where it was then.
    """
    wanted.parent.mkdir(parents=True, exist_ok=True)
    hidden = temporary_beside(wanted)
    try:
        _withdrawn(path, version, hidden)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        return _moved_far(path, version, hidden, wanted, note)
    try:
        final = _named(hidden, wanted, note)
    except BaseException:
        _put_back(hidden, path)
        raise
    fsync_folder(final.parent)
    fsync_folder(path.parent)
    return final


def _moved_far(path: Path, version: Version, hidden: Path, wanted: Path, note: str) -> Path:
    """Move a source to another file system: copied, on the disk, in its place, and only then deleted."""
    try:
        with path.open("rb") as source, hidden.open("xb") as copy:
            if Version.of(os.fstat(source.fileno())) != version:
                raise ChangedError(path)
            shutil.copyfileobj(source, copy, 1 << 20)
            copy.flush()
            os.fsync(copy.fileno())
        with contextlib.suppress(OSError):  # times and rights that the other file system does not know
            shutil.copystat(path, hidden)
        final = _named(hidden, wanted, note)
    finally:
        hidden.unlink(missing_ok=True)
    fsync_folder(final.parent)
    try:
        delete(path, version)
    except (OSError, ChangedError):
        final.unlink()
        if note:
            _beside(final).unlink(missing_ok=True)
        raise
    return final


def _withdrawn(path: Path, version: Version, hidden: Path) -> Path:
    """Rename a source to a hidden name, if it is of a version; return that name.

    Somebody may put another file in its place between the look and the rename. That file is put back.
    """
    if Version.of(path.lstat()) != version:
        raise ChangedError(path)
    os.rename(path, hidden)  # noqa: PTH104 - as os.replace
    if not version.renamed(Version.of(hidden.lstat())):
        _put_back(hidden, path)
        raise ChangedError(path)
    return hidden


def _put_back(hidden: Path, path: Path) -> None:
    """Give a file its name back; if another has got it meanwhile, one with a number, as none may be lost."""
    final = _named(hidden, path, "")
    fsync_folder(final.parent)


def _named(hidden: Path, wanted: Path, note: str) -> Path:
    """Give a hidden file the name that is wanted, or one with a number, whichever is free; return it."""
    for path in _names(wanted):
        if note:
            if os.path.lexists(_beside(path)):
                continue
            with written_atomically(_beside(path)) as temporary:
                temporary.write_text(note, encoding="utf-8", errors="backslashreplace")
        try:
            _rename_to_free(hidden, path)
        except OSError as error:
            if note:
                _beside(path).unlink()
            if not isinstance(error, FileExistsError):
                raise
            continue
        return path
    raise AssertionError("numbers do not end")


def _rename_to_free(hidden: Path, path: Path) -> None:
    """Rename a file to a name that nothing has.

    Raises:
        FileExistsError: If something has it.
    """
    try:
        os.link(hidden, path)  # fails if something is there, where a rename would replace it
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        os.replace(hidden, path)
    else:
        hidden.unlink()


def _names(wanted: Path) -> Iterator[Path]:
    """Yield a path, and then the same with a number at the end of its name: ``a.jpg``, ``a-2.jpg``, ``a-3.jpg``."""
    yield wanted
    for number in itertools.count(2):
        yield wanted.with_name(f"{wanted.stem}-{number}{wanted.suffix}")


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.txt")
