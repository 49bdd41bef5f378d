"""Files that are whole or absent: atomic writes, fsync, stale temporaries."""

import errno
import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from imgtrans.errors import FilesError

TEMPORARY_PREFIX = ".imgtrans-"
TEMPORARY_SUFFIX = ".tmp"

_FULL = (errno.ENOSPC, errno.EDQUOT)
# A disk that is read-only now or broken, or a share that has gone away.
_LOST = (errno.EROFS, errno.EIO, errno.ESTALE, errno.ENODEV, errno.ENOTCONN, errno.EHOSTDOWN, errno.EHOSTUNREACH)


def temporary_beside(path: Path, tag: str = "") -> Path:
    """Return a new hidden temporary path in ``path``'s folder, so that a rename onto it is atomic.

    Args:
        path: What it will become.
        tag: Tells it from those of others that work in the same folder.
    """
    return path.with_name(f"{_prefix(tag)}{secrets.token_hex(8)}{TEMPORARY_SUFFIX}")


def is_temporary(name: str) -> bool:
    """Whether a file name is one that :func:`temporary_beside` makes."""
    return name.startswith(TEMPORARY_PREFIX) and name.endswith(TEMPORARY_SUFFIX)


def sweep_temporaries(folder: Path, tag: str = "") -> int:
    """Delete what an interrupted run left in ``folder`` (not below it); return how many there were.

    Args:
        folder: The folder.
        tag: Of those that are deleted; "" is any, if nobody else works there.
    """
    swept = 0
    try:
        names = os.listdir(folder)
    except OSError:
        return 0
    for name in (name for name in names if is_temporary(name) and name.startswith(_prefix(tag))):
        with suppress(OSError):  # a folder of that name, or another run was quicker
            (folder / name).unlink()
            swept += 1
    return swept


def _prefix(tag: str) -> str:
    return f"{TEMPORARY_PREFIX}{tag}-" if tag else TEMPORARY_PREFIX


def fsync_file(path: Path) -> None:
    """Wait until a file's content is on the disk."""
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def fsync_folder(folder: Path) -> None:
    """Wait until a folder's entries are on the disk, where the system can do that."""
    if os.name == "nt":  # Windows cannot open folders; NTFS journals renames itself
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def cannot_go_on(folder: Path, error: Exception) -> FilesError | None:
    """Return what ends a run if an error says that nothing else could be written there either, else None."""
    if not isinstance(error, OSError) or error.errno not in (*_FULL, *_LOST):
        return None
    first = "make room" if error.errno in _FULL else "see to it that it is there"
    return FilesError(
        f"{folder} cannot be written any more: {error.strerror}",
        f"{first} and run the same command again: it goes on where it stopped",
    )


def sha256_of(path: Path) -> str:
    """Return a file's SHA-256 as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def written_atomically(path: Path) -> Iterator[Path]:
    """Give a temporary path to write; when the block ends well it durably becomes ``path``, else it is gone.

    The order is what a power cut asks for: content on disk, then the rename, then the folder.
    """
    temporary = temporary_beside(path)
    try:
        yield temporary
        fsync_file(temporary)
        os.replace(temporary, path)
        fsync_folder(path.parent)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
