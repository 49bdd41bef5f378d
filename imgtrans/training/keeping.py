"""The last checkpoints of a run, beside the one that it goes on from."""

import os
import re
import shutil
from pathlib import Path

from imgtrans.errors import FilesError
from imgtrans.files import written_atomically
from imgtrans.training.listening import Listener
from imgtrans.training.place import CHECKPOINT

KEPT = "checkpoints"

_NAME = re.compile(r"step-(\d+)\.pt")


class Keeping(Listener):
    """Keeps the last checkpoints as ``checkpoints/step-NNNNNNN.pt``.

    Args:
        folder: The run's.
        step: That it stands at: what lies beyond comes from a way that it has left.
        keep: How many are kept, that of the run itself included, so that 1 needs no others.
    """

    def __init__(self, folder: Path, step: int, keep: int) -> None:
        self._folder = folder / KEPT
        self._keep = keep
        for number, path in kept_checkpoints(folder).items():
            if number > step:
                path.unlink(missing_ok=True)
        self._forget()

    def saved(self, checkpoint: Path, step: int) -> None:
        """Keep a checkpoint, and forget the one that is too many."""
        if self._keep == 1:
            return
        self._folder.mkdir(exist_ok=True)
        with written_atomically(self._folder / f"step-{step:07d}.pt") as temporary:
            try:
                os.link(checkpoint, temporary)  # takes no room while the run goes on from it
            except OSError:
                shutil.copyfile(checkpoint, temporary)
        self._forget()

    def _forget(self) -> None:
        kept = kept_checkpoints(self._folder.parent)
        for step in sorted(kept)[: max(0, len(kept) - self._keep)] if self._keep > 1 else kept:
            kept[step].unlink(missing_ok=True)


def kept_checkpoints(folder: Path) -> dict[int, Path]:
    """Return the kept checkpoints of a run, by their steps."""
    found = {path: _NAME.fullmatch(path.name) for path in (folder / KEPT).glob("*.pt")}
    return {int(match[1]): path for path, match in sorted(found.items()) if match}


def checkpoint_of(folder: Path, step: int) -> Path:
    """Return the checkpoint that a run kept after a step.

    Raises:
        FilesError: If it has none.
    """
    kept = kept_checkpoints(folder)
    if step not in kept:
        there = ", ".join(map(str, kept)) or "none"
        raise FilesError(
            f"{folder} keeps no checkpoint of step {step}",
            f"it keeps {there}; --keep says how many, and {CHECKPOINT} is the last",
        )
    return kept[step]
