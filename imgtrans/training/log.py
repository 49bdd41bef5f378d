"""The losses of a run as a CSV file, one row a step, cut back when a run resumes."""

import csv
from collections.abc import Sequence
from pathlib import Path

from imgtrans.files import written_atomically
from imgtrans.training.listening import Interval, Listener


class LossLog(Listener):
    """Appends rows to ``losses.csv``: the step, its losses, and the learning rate.

    Args:
        path: The file.
        step: Steps already taken: rows after it are cut off, as they will be made again.
        names: Of the losses.
    """

    def __init__(self, path: Path, step: int, names: Sequence[str]) -> None:
        columns = ["step", *names, "learning_rate"]
        kept: list[list[str]] = []
        if step and path.exists():
            with path.open(newline="") as file:
                # A row that a kill cut short has too few columns, or a cut-off last number after the step kept.
                kept = [row for row in csv.reader(file) if _is_row(row, len(columns)) and int(row[0]) <= step]
        with written_atomically(path) as temporary, temporary.open("w", newline="") as file:
            csv.writer(file).writerows([columns, *kept])
        self._file = path.open("a", newline="")
        self._writer = csv.writer(self._file)

    def interval(self, interval: Interval) -> None:
        """Add the rows of some steps, and hand them to the operating system."""
        for row in interval.rows:
            losses = (f"{loss:.9g}" for loss in row.losses.values())
            self._writer.writerow([row.step, *losses, f"{row.learning_rate:.6g}"])
        self._file.flush()

    def ended(self) -> None:
        """Close the file."""
        self._file.close()


def _is_row(row: list[str], columns: int) -> bool:
    return len(row) == columns and row[0].isdigit()
