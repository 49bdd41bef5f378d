"""The losses of a run as a CSV file, one row a step, cut back when a run resumes."""

import csv
from collections.abc import Sequence
from pathlib import Path

from imgtrans.files import written_atomically
from imgtrans.training.objective import LOSS_NAMES

COLUMNS = ("step", *LOSS_NAMES, "learning_rate")


class LossLog:
    """Appends rows to ``losses.csv``.

    Args:
        path: The file.
        step: Steps already taken: rows after it are cut off, as they will be made again.
    """

    def __init__(self, path: Path, step: int) -> None:
        kept: list[list[str]] = []
        if step and path.exists():
            with path.open(newline="") as file:
                # A row that a kill cut short has too few columns, or a cut-off last number after the step kept.
                kept = [row for row in csv.reader(file) if _is_row(row) and int(row[0]) <= step]
        with written_atomically(path) as temporary, temporary.open("w", newline="") as file:
            csv.writer(file).writerows([COLUMNS, *kept])
        self._file = path.open("a", newline="")
        self._writer = csv.writer(self._file)

    def write(self, step: int, losses: Sequence[float], learning_rate: float) -> None:
        """Add the row of one step."""
        self._writer.writerow([step, *(f"{loss:.9g}" for loss in losses), f"{learning_rate:.6g}"])

    def flush(self) -> None:
        """Hand the rows to the operating system."""
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _is_row(row: list[str]) -> bool:
    return len(row) == len(COLUMNS) and row[0].isdigit()
