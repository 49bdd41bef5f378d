"""Kills runs at random moments and checks what each leaves; for ``test_interruption`` and ``scripts/soak``."""

import hashlib
import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from imgtrans.files import is_temporary
from imgtrans.journal.reading import JournalReader
from imgtrans.journal.status import read_status

DEADLINE = 300.0

# Starts ``imgtrans run FOLDER -o OUT`` in a process group of its own; returns its process id.
Start = Callable[[Path, Path], int]


class Killing:
    """One folder whose run is killed again and again.

    Args:
        photos: The pictures; not to be touched by anybody.
        out: Where they go.
        start: Starts a run.
        seed: Of the moments.
    """

    def __init__(self, photos: Path, out: Path, start: Start, seed: int = 0) -> None:
        self.photos = photos
        self.out = out
        self.kills = 0
        self.rounds = 0
        self._start = start
        self._draw = random.Random(seed)
        self._inputs = self._hashes()
        self._finished: dict[Path, tuple[int, int]] = {}
        self._longest = 1.0
        self._expected: dict[Path, bytes] = {}

    def warm_up(self) -> None:
        """Do all once without a kill: how long that takes, and what comes out."""
        started = time.monotonic()
        assert self._end(self._start(self.photos, self.out)) == 0
        self._longest = time.monotonic() - started
        self._check_complete()
        self._expected = self._pixels()
        shutil.rmtree(self.out)

    def kill_once(self) -> None:
        """Start a run, kill it at some moment, and check what is left; a run that was quicker must be complete."""
        pid = self._start(self.photos, self.out)
        until = time.monotonic() + self._draw.random() * self._longest
        code = None
        while code is None and time.monotonic() < until:
            time.sleep(0.002)
            code = _ended(pid)
        if code is None:
            os.killpg(pid, signal.SIGKILL)
            self._end(pid)
            self.kills += 1
            self.check()
        else:
            assert code == 0
            self._next_round()

    def complete(self) -> None:
        """Let the next run do the rest, and check that it did."""
        assert self._end(self._start(self.photos, self.out)) == 0
        self._next_round()

    def check(self) -> None:
        """Check what must hold at any moment."""
        assert self._hashes() == self._inputs, "an input has changed"
        standing = self._outputs()
        for path in standing:
            with Image.open(path) as image, Image.open(self.photos / path.relative_to(self.out)) as picture:
                image.load()  # never half a picture
                assert image.size == picture.size
        with JournalReader(self.out) as reader:
            entries = [*reader.entries()]
        for entry in entries:
            assert entry.state in ("writing", "done"), entry
            path = self.out / os.fsdecode(entry.output)
            if entry.state == "done":
                status = path.stat()
                assert (status.st_size, status.st_mtime_ns) == (entry.output_size, entry.output_mtime_ns), entry
        known = {self.out / os.fsdecode(entry.output) for entry in entries}
        assert standing.keys() <= known, "an output that the next run would take for somebody else's"
        for path, version in self._finished.items():
            assert standing[path] == version, f"{path} was done again"
        self._finished = standing

    def _next_round(self) -> None:
        self.check()
        self._check_complete()
        assert not self._expected or self._pixels() == self._expected
        shutil.rmtree(self.out)
        self._finished = {}
        self.rounds += 1

    def _check_complete(self) -> None:
        assert {path.relative_to(self.out) for path in self._outputs()} == {
            path.relative_to(self.photos) for path in self._inputs
        }
        assert not [path for path in self.out.rglob("*") if is_temporary(path.name)], "a temporary is left"
        with read_status(self.out) as status:
            assert {one.state for one in status.standings()} == {"done"}
            assert status.runs[0].ended

    def _outputs(self) -> dict[Path, tuple[int, int]]:
        return {
            path: (path.stat().st_size, path.stat().st_mtime_ns)
            for path in self.out.rglob("*")
            if path.is_file() and ".imgtrans" not in path.parts and not is_temporary(path.name)
        }

    def _pixels(self) -> dict[Path, bytes]:
        pixels = {}
        for path in self._outputs():
            with Image.open(path) as image:
                pixels[path.relative_to(self.out)] = hashlib.sha256(image.tobytes()).digest()
        return pixels

    def _hashes(self) -> dict[Path, tuple[bytes, int]]:
        return {
            path: (hashlib.sha256(path.read_bytes()).digest(), path.stat().st_mtime_ns)
            for path in self.photos.rglob("*")
            if path.is_file()
        }

    def _end(self, pid: int) -> int:
        deadline = time.monotonic() + DEADLINE
        while (code := _ended(pid)) is None:
            assert time.monotonic() < deadline, "a run does not end"
            time.sleep(0.002)
        return code


def _ended(pid: int) -> int | None:
    """Return how a process ended, None if it has not."""
    done, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if done else None
