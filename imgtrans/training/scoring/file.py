"""The scores of a run as a CSV file, one row for each step that was scored, cut back when a run resumes."""

import csv
from collections.abc import Mapping
from pathlib import Path

from imgtrans.files import written_atomically
from imgtrans.quality.scores import Score

SCORES = "scores.csv"


class ScoreFile:
    """Writes ``scores.csv``: a column for each score of each generator, and for both ends of its interval.

    Args:
        path: The file.
        step: Steps already taken: rows after it are cut off, as they will be made again.
    """

    def __init__(self, path: Path, step: int) -> None:
        self._path = path
        self._rows = [row for row in read_scores(path) if row["step"] <= step]

    def add(self, step: int, scores: Mapping[str, list[Score]]) -> None:
        """Add the scores of a step, by the generator that they are of."""
        self._rows.append({"step": float(step), **flat(scores)})
        columns = list(dict.fromkeys(name for row in self._rows for name in row))
        with written_atomically(self._path) as temporary, temporary.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(columns)
            for row in self._rows:
                writer.writerow([f"{row[name]:.9g}" if name in row else "" for name in columns])


def read_scores(path: Path) -> list[dict[str, float]]:
    """Return the rows of such a file, none if it is not there; a score that a row does not have is left out."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return [{name: float(value) for name, value in row.items() if value} for row in csv.DictReader(file)]


def flat(scores: Mapping[str, list[Score]]) -> dict[str, float]:
    """Return scores by name, as ``G_AB_kid_classifier``, and the ends of intervals as ``..._low`` and ``..._high``."""
    named: dict[str, float] = {}
    for generator, some in scores.items():
        named |= {f"{generator}_{name}": value for name, value in figures(some).items()}
    return named


def figures(scores: list[Score]) -> dict[str, float]:
    """Return the scores of one generator by name, as ``kid_classifier``, with the ends of intervals."""
    named: dict[str, float] = {}
    for score in scores:
        name = "_".join([score.name, *([score.extractor.replace("-", "_")] if score.extractor else [])])
        ends = {"": score.value, "_low": score.low, "_high": score.high}
        named |= {f"{name}{end}": round(value, 6) for end, value in ends.items() if value is not None}
    return named
