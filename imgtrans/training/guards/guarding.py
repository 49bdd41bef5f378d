"""The guards at work: they hear how a training goes, say what they find, and end it where that is asked for."""

import logging
from collections.abc import Mapping
from dataclasses import astuple, fields
from pathlib import Path

from torch import Tensor

from imgtrans.training.guards.losses import LossGuard
from imgtrans.training.guards.notes import Note, add_note, cut_back
from imgtrans.training.guards.outputs import Look, OutputGuard, look_at
from imgtrans.training.guards.trouble import Trouble, TroubleError
from imgtrans.training.listening import Interval, Listener
from imgtrans.training.log import StepLog, read_log

LOSSES, LOOKS = "losses.csv", "looks.csv"

_FIGURES = [field.name for field in fields(Look)]

_log = logging.getLogger(__name__)


class Guarding(Listener):
    """Watches losses, and what generators make, from where a run stands.

    What was found before follows from the run's files, so a run that goes on is watched as if it had never stopped.

    Args:
        folder: The run's, whose ``losses.csv`` ends with the step that it stands at.
        step: That step.
        all_steps: Steps that the training will have.
        generators: The names of the generators that are looked at.
        ends: Whether trouble ends the training, or is only told.
    """

    def __init__(self, folder: Path, step: int, all_steps: int, generators: list[str], ends: bool) -> None:
        self._folder = folder
        self._ends = ends
        cut_back(folder, step)
        self._losses, self._outputs = _replayed(folder, step, all_steps)
        self._looks = StepLog(folder / LOOKS, step, [f"{name}_{figure}" for name in generators for figure in _FIGURES])

    @property
    def is_clean(self) -> bool:
        """Whether there is not even a sign of trouble."""
        return self._losses.is_clean and self._outputs.is_clean

    def interval(self, interval: Interval) -> None:
        """Look at the losses of some steps.

        Raises:
            TroubleError: If they are in trouble that ends the training.
        """
        for row in interval.rows:
            self._tell(self._losses.hear(row.step, row.losses, row.learning_rate))

    def seen(self, step: int, shown: Mapping[str, tuple[Tensor, Tensor, Tensor]]) -> None:
        """Look at what generators made; see :class:`imgtrans.training.grid.Grids`.

        Raises:
            TroubleError: If they are in trouble that ends the training.
        """
        looks = {name: look_at(*pictures) for name, pictures in shown.items()}
        self._looks.write(step, (repr(figure) for look in looks.values() for figure in astuple(look)))
        self._looks.flush()
        self._tell(self._outputs.hear(step, looks))

    def ended(self) -> None:
        """Close the file."""
        self._looks.close()

    def _tell(self, found: list[Trouble]) -> None:
        if not found:
            return
        if self._ends:
            raise TroubleError(found[0])
        for trouble in found:
            add_note(self._folder, Note(trouble))
            _log.warning("%s; %s", trouble.said, trouble.hint)


def standing_troubles(folder: Path, step: int, all_steps: int) -> list[Trouble]:
    """Return the trouble that a run was in after a step, by its files; what passes by itself does not count."""
    losses, outputs = _replayed(folder, step, all_steps)
    return [*losses.standing, *outputs.standing]


def _replayed(folder: Path, step: int, all_steps: int) -> tuple[LossGuard, OutputGuard]:
    losses, outputs = LossGuard(all_steps), OutputGuard()
    for number, row in read_log(folder / LOSSES, step):
        rate = row.pop("learning_rate", 0.0)
        losses.hear(number, row, rate)
    for number, row in read_log(folder / LOOKS, step):
        names = [key.removesuffix(f"_{_FIGURES[0]}") for key in row if key.endswith(f"_{_FIGURES[0]}")]
        outputs.hear(number, {name: Look(*(row[f"{name}_{figure}"] for figure in _FIGURES)) for name in names})
    return losses, outputs
