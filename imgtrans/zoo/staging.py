"""How a folder of models changes at once: staging beside them, one lock, and what a kill leaves swept."""

import contextlib
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from imgtrans.errors import FilesError
from imgtrans.files import TEMPORARY_PREFIX, TEMPORARY_SUFFIX

_STALE_SECONDS = 3600.0
_LOCK_SECONDS = 30.0  # whoever has the lock only renames a folder, or deletes a few files


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock between processes; readers need none, for each change is one rename.

    Args:
        path: The lock's file; it and its folder are made where missing.

    Raises:
        FilesError: If another process keeps it.
        OSError: If it cannot be made.
    """
    from filelock import FileLock, Timeout  # noqa: PLC0415 - who only reads needs none

    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path, timeout=_LOCK_SECONDS)
    try:
        lock.acquire()
    except Timeout as error:
        raise FilesError(
            f"another process has kept {path} locked for {_LOCK_SECONDS:g} seconds",
            "look for an imgtrans that is stopped, and let it end",
        ) from error
    try:
        yield
    finally:
        lock.release()


def temporary(folder: Path) -> Path:
    """Return a new hidden path in ``folder``, for what is not a model yet, or no more."""
    return folder / f"{TEMPORARY_PREFIX}{secrets.token_hex(8)}{TEMPORARY_SUFFIX}"


def sweep(folder: Path, now: float) -> None:
    """Delete what kills left in ``folder``, for whoever has the lock; what is fresh may be somebody's at work."""
    for path in folder.glob(f"{TEMPORARY_PREFIX}*{TEMPORARY_SUFFIX}"):
        with contextlib.suppress(OSError):
            # A folder's own time stands still while a file in it grows.
            if now - max(file.lstat().st_mtime for file in (path, *path.glob("*"))) > _STALE_SECONDS:
                delete(path)


def delete(path: Path) -> None:
    """Delete a folder, or the link to one."""
    if path.is_symlink():
        path.unlink()
    else:
        shutil.rmtree(path)
