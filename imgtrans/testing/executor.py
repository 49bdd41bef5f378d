"""The contract of an executor."""

import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from imgtrans.protocols import Executor, Item, Job, Outcome, Pixels, Ready
from imgtrans.testing.promise import require

_SIZES = ((9, 12), (16, 16), (9, 12), (8, 30))
_JOB = Job(size=None, multiple=4, smallest=8, max_pixels=10**6, max_working_pixels=10**6)


def check_executor(executor: Callable[..., Executor]) -> None:
    """Check all that :class:`imgtrans.protocols.Executor` promises, with a handful of small pictures.

    Args:
        executor: What the entry point names; called as imgtrans calls it.

    Raises:
        AssertionError: If it does not keep a promise; the message says which.
    """
    with tempfile.TemporaryDirectory() as folder:
        items = [_picture(Path(folder), number, size) for number, size in enumerate(_SIZES)]
        items[1].input.write_bytes(b"no picture")
        made = executor(Negatives(), progress=lambda share: None, warn=lambda text: None)
        try:
            outcomes = [outcome for group in made.run(items) for outcome in group]
            keys = sorted(outcome.item.key for outcome in outcomes)
            require(keys == [item.key for item in items], f"of {len(items)} items there are outcomes of {keys}")
            for outcome in outcomes:
                _check_outcome(outcome, fails=outcome.item == items[1])
            require(list(made.run([])) == [], "there are outcomes though there was nothing to do")
            stopped = made.run(items[2:])
            first = next(stopped)
            stopped.close()
        finally:
            made.close()
        _check_nothing_left(Path(folder), items, [*outcomes, *first])


@dataclass(frozen=True)
class Negatives:
    """How sessions that make negatives are made ready, wherever this is opened.

    Attributes:
        device: Where they compute.
    """

    device: str = "cpu"

    def open(self, **told: Any) -> Ready:
        """Make two of them ready."""
        return Ready(
            [_Negative(), _Negative()], _JOB, batch_size=2, batch_pixels=10**6, workers=2, pictures_memory=10**8
        )


class _Negative:
    """A session that makes negatives, for one thread at a time."""

    def __init__(self) -> None:
        self._free = threading.Lock()

    def run(self, pictures: Pixels) -> Pixels:
        """Return 255 minus each value."""
        require(self._free.acquire(blocking=False), "a session is used by two threads at once")
        try:
            negatives: Pixels = 255 - pictures
            return negatives
        finally:
            self._free.release()


def _picture(folder: Path, number: int, size: tuple[int, int]) -> Item:
    path, output = folder / f"{number}.png", folder / f"{number}-negative.png"
    Image.fromarray(np.random.default_rng(number).integers(0, 256, (*size, 3), np.uint8)).save(path)
    stat = path.stat()
    return Item(path, output, output.name.encode(), path.name.encode(), "PNG", stat.st_size, stat.st_mtime_ns)


def _check_outcome(outcome: Outcome, fails: bool) -> None:
    item, temporary = outcome.item, outcome.temporary
    if fails:
        require(temporary is None and bool(outcome.error), f"{item.input.name}, no picture, has not failed")
        return
    if temporary is None:
        raise AssertionError(f"{item.input.name} has failed: {outcome.error}")
    require(
        temporary.parent == item.output.parent, f"{temporary} is not beside {item.output}, so cannot be renamed to it"
    )
    require(not item.output.exists(), f"{item.output} is there before its outcome is committed")
    with Image.open(item.input) as picture, Image.open(temporary) as translated:
        require(translated.size == picture.size, f"{item.input.name} comes out at {translated.size}")
        worst = np.abs(255 - np.asarray(picture).astype(int) - np.asarray(translated)).max()
        require(bool(worst <= 1), f"{item.input.name} is wrong by {worst} of 255")
        require(
            outcome.pixels == picture.width * picture.height, f"{item.input.name} is said to be {outcome.pixels} pixels"
        )


def _check_nothing_left(folder: Path, items: Sequence[Item], outcomes: Sequence[Outcome]) -> None:
    known = {item.input for item in items} | {outcome.temporary for outcome in outcomes}
    left = sorted(path.name for path in folder.iterdir() if path not in known)
    require(not left, f"a run that is stopped leaves {', '.join(left)}")
