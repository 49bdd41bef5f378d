"""What a run logs as CSV files, one row a step, cut back when it resumes."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from imgtrans.files import written_atomically
from imgtrans.training.listening import Interval, Listener


class StepLog:
    """Appends rows of numbers to a CSV file whose first column is the step.

    Args:
        path: The file.
        step: Steps already taken: rows after it are cut off, as they will be made again.
        names: Of the other columns.
    """

    def __init__(self, path: Path, step: int, names: Sequence[str]) -> None:
        columns = ["step", *names]
        kept: list[list[str]] = []
        if step and path.exists():
            with path.open(newline="") as file:
                # A row that a kill cut short has too few columns, or a cut-off last number after the step kept.
                kept = [row for row in csv.reader(file) if _is_row(row, len(columns)) and int(row[0]) <= step]
        with written_atomically(path) as temporary, temporary.open("w", newline="") as file:
            csv.writer(file).writerows([columns, *kept])
        self._file = path.open("a", newline="")
        self._writer = csv.writer(self._file)

    def write(self, step: int, values: Iterable[str]) -> None:
        """Add a row."""
        self._writer.writerow([step, *values])

    def flush(self) -> None:
        """Hand the rows to the operating system."""
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class LossLog(Listener):
    """Appends to ``losses.csv``: the step, its losses, and the learning rate.

    Args:
        path: The file.
        step: Steps already taken.
        names: Of the losses.
    """

    def __init__(self, path: Path, step: int, names: Sequence[str]) -> None:
        self._log = StepLog(path, step, [*names, "learning_rate"])

    def interval(self, interval: Interval) -> None:
        """Add the rows of some steps, and hand them to the operating system."""
        for row in interval.rows:
            losses = (f"{loss:.9g}" for loss in row.losses.values())
            self._log.write(row.step, [*losses, f"{row.learning_rate:.6g}"])
        self._log.flush()

    def ended(self) -> None:
        """Close the file."""
        self._log.close()


def read_log(path: Path, last: int) -> Iterator[tuple[int, dict[str, float]]]:
    """Yield the step and the numbers of each whole row of such a file, which need not be there.

    Args:
        path: The file.
        last: The last step that counts.
    """
    if not path.exists():
        return
    with path.open(newline="") as file:
        rows = csv.reader(file)
        columns = next(rows, [])
        for row in rows:
            if _is_row(row, len(columns)) and int(row[0]) <= last:
                yield int(row[0]), {name: float(text) for name, text in zip(columns[1:], row[1:], strict=True)}


def _is_row(row: list[str], columns: int) -> bool:
    return len(row) == columns and row[0].isdigit()
