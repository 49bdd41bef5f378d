"""Going back: the last checkpoint without a sign of trouble, and a training that goes on from it more slowly."""

import logging
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from imgtrans.training.guards.guarding import Guarding
from imgtrans.training.guards.notes import ENDED, Note, add_note
from imgtrans.training.guards.trouble import Trouble, TroubleError
from imgtrans.training.place import CHECKPOINT
from imgtrans.training.state import TrainingState, read_state

GOOD = "good.pt"
MOST = 4  # times that a run goes back: by then its learning rate is a sixteenth

_log = logging.getLogger(__name__)


class GoodCheckpoint:
    """Saves ``good.pt`` whenever the guards have looked and found nothing.

    So it depends on steps and not on the time: a run that was interrupted goes back to where one would that was not.

    Args:
        state: Of the run.
        folder: The run's.
        data_fingerprint: Of its pictures.
        guarding: The guards.
    """

    def __init__(self, state: TrainingState, folder: Path, data_fingerprint: str, guarding: Guarding) -> None:
        self._state = state
        self._path = folder / GOOD
        self._fingerprint = data_fingerprint
        self._guarding = guarding
        if state.step == 0 or not self._path.exists():
            state.save(self._path, data_fingerprint)

    def seen(self, step: int, shown: Mapping[str, tuple[Tensor, Tensor, Tensor]]) -> None:
        """Save, if all is well; the guards have looked already."""
        if self._guarding.is_clean and self._state.is_finite():
            self._state.save(self._path, self._fingerprint)


def roll_back(state: TrainingState, folder: Path, data_fingerprint: str, trouble: Trouble) -> None:
    """Have a run go on from its last good checkpoint with half the learning rate.

    Raises:
        TroubleError: If it has gone back often enough.
    """
    rollbacks = state.rollbacks + 1
    if rollbacks > MOST:
        add_note(folder, Note(trouble, ENDED))
        raise TroubleError(
            Trouble(trouble.kind, trouble.step, f"{trouble.said}; it has gone back {MOST} times already, in vain")
        )
    state.load(read_state(folder / GOOD))
    state.rollbacks = rollbacks
    done = f"back to step {state.step}, with a learning rate of {state.learning_rate:.3g}"
    add_note(folder, Note(trouble, done))
    state.save(folder / CHECKPOINT, data_fingerprint)  # from here on, whatever happens, the run knows that it went back
    _log.warning("%s; %s", trouble.said, done)
