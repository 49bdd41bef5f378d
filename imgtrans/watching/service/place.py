"""Where it is kept that somebody watches a folder, and how that stands; and that nobody else does."""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from filelock import FileLock, Timeout

from imgtrans.errors import FilesError
from imgtrans.places import state_folder

SYSTEM_WIDE = Path("/run/imgtrans")  # below it is what systemd makes for each unit


def digest(inbox: Path) -> str:
    """Return what an inbox is known by, however it is spelled."""
    return hashlib.sha256(os.fsencode(os.path.realpath(inbox))).hexdigest()[:16]


def written(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder that a daemon writes into: the one that systemd made for it, else imgtrans's own."""
    given = environment.get("RUNTIME_DIRECTORY", "").split(":")[0]
    return Path(given) if given else state_folder() / "watching"


def read(environment: Mapping[str, str] = os.environ) -> list[Path]:
    """Return the folders that daemons of this user and of the system may have written into."""
    runtime = environment.get("XDG_RUNTIME_DIR", "")
    units = [Path(runtime) / "imgtrans"] if runtime else []
    of_units = [path for folder in [*units, SYSTEM_WIDE] for path in sorted(folder.glob("*/"))]
    return [written(environment), state_folder() / "watching", *of_units]


class InboxLock:
    """Has an inbox until it is released: two daemons would archive, delete and translate against one another.

    Args:
        inbox: The folder.
        folder: Where the lock is; see :func:`written`.

    Raises:
        FilesError: If another process has it, or no lock can be made there.
    """

    def __init__(self, inbox: Path, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(folder / f"{digest(inbox)}.lock")
            self._lock.acquire(timeout=0)
        except Timeout:
            hint = f"imgtrans watch --status {inbox} says how it stands"
            raise FilesError(f"{inbox} is watched by another process", hint) from None
        except OSError as error:
            raise FilesError(f"{folder} cannot be written: {error.strerror}", "set IMGTRANS_HOME") from error

    def release(self) -> None:
        """Let others have it."""
        self._lock.release()
