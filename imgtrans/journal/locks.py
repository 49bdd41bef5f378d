"""Who may work in an output folder: one run, or the shards of one."""

import os
from pathlib import Path

from filelock import FileLock, Timeout

from imgtrans.errors import FilesError

# A shard holds the whole run's lock for a moment, to see whether it is free, and another may come just then.
_MOMENT_SECONDS = 5.0


class RunLock:
    """Has an output folder, or one shard's part of it, until it is released.

    A whole run holds the lock of every shard that there ever was; a shard holds its own and looks whether the whole
    run's is free. Each takes its own first, so of two that start at once at least one sees the other.

    Args:
        folder: Where the locks are.
        tag: Of the shard, such as ``3-of-16``; "" is the whole run.
        output: The output folder, as the user knows it.
        other: Another folder of locks of the same outputs, if it is there; whoever has those keeps this one out, too.

    Raises:
        FilesError: If somebody else has it.
        OSError: If locks cannot be made there.
    """

    def __init__(self, folder: Path, tag: str, output: Path, other: Path | None = None) -> None:
        self._held: list[FileLock] = []
        whole = folder / "lock"
        try:
            if tag:
                self._take(folder / f"shard-{tag}.lock", output, "another run")
                self._take(whole, output, "another run", _MOMENT_SECONDS)
                self._held.pop().release()
            else:
                self._take(whole, output, "another run")
                for path in sorted(folder.glob("shard-*.lock")):
                    self._take(path, output, f"{path.stem.replace('-of-', '/').replace('-', ' ')} of another run")
            if other and os.path.isdir(other):  # noqa: PTH112 - it may not be looked at
                self._take(other / "lock", output, "another run", _MOMENT_SECONDS if tag else 0)
                if tag:
                    self._held.pop().release()
        except BaseException:
            self.release()
            raise

    def release(self) -> None:
        """Let others in."""
        while self._held:
            self._held.pop().release()

    def _take(self, path: Path, output: Path, whose: str, seconds: float = 0) -> None:
        lock = FileLock(path)
        try:
            lock.acquire(timeout=seconds)
        except Timeout:
            hint = "wait for it to end, or name another output folder with -o"
            raise FilesError(f"{output} is in use by {whose}", hint) from None
        self._held.append(lock)
