"""Writes the report of a run while it goes on: at once, then now and then, and at its end."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from imgtrans.files import written_atomically
from imgtrans.training.guards.notes import ENDED, read_notes
from imgtrans.training.listening import Interval, Listener
from imgtrans.training.report.curves import Curves, read_curves
from imgtrans.training.report.page import Chart, Page, Table, render
from imgtrans.training.scoring.file import SCORES

REPORT = "report.html"

_ENDS = ("_low", "_high")  # of intervals
_SECONDS = 15.0  # between two pages at least
_SHARE = 0.01  # of the time that goes into pages at most

_NOTES = {
    "Generators": "G is what is minimised, the weighted sum; the others are unweighted. G_cycle, where there is one, "
    "should fall, quickly at first; the rest moves with the discriminators and says little about how pictures look.",
    "Discriminators": "0.25 is what guessing gives. One that stays below 0.01 has won, and its generator learns "
    "nothing more.",
    "What generators make": "Of the pictures above. variety: 1 is as different from one another as real ones, 0 is "
    "all alike. likeness: light stays light at 1, turns dark below 0. saturated: the share that is black or white.",
    "Scores": "The KID of test pictures, by what saw them: the distance from real ones, so smaller is better. Their "
    "intervals, and all other scores, are in scores.csv.",
    "Learning rate": "",
}


class ReportWriter(Listener):
    """Writes ``report.html`` into a run's folder.

    Args:
        folder: The run's.
        title: What is trained.
        step: Steps already taken.
        all_steps: Steps that there will be.
        tables: What stands below the curves.
        clock: Returns seconds.
    """

    def __init__(
        self,
        folder: Path,
        title: str,
        step: int,
        all_steps: int,
        tables: Sequence[Table],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = folder
        self._title = title
        self._step = step
        self._all_steps = all_steps
        self._tables = tables
        self._clock = clock
        self._per_step = 0.0
        self._next = -float("inf")
        self._losses = read_curves(folder / "losses.csv", step)
        self._rewrite()

    def interval(self, interval: Interval) -> None:
        """Take in the losses, and write a page if it is time."""
        for row in interval.rows:
            self._losses.add(row.step, {**row.losses, "learning_rate": row.learning_rate})
        self._step, self._per_step = interval.step, interval.seconds_per_step
        if self._clock() >= self._next:
            self._rewrite()

    def ended(self) -> None:
        """Write the last page; a training that has ended is not held up by what goes wrong with that."""
        with suppress(OSError):
            self._rewrite("complete" if self._step >= self._all_steps else "stopped")

    def _rewrite(self, state: str = "running") -> None:
        started = self._clock()
        text = render(self._page(state))
        with written_atomically(self._folder / REPORT) as temporary:
            temporary.write_text(text, encoding="utf-8")
        took = self._clock() - started
        self._next = self._clock() + max(_SECONDS, took / _SHARE)

    def _page(self, state: str) -> Page:
        notes = read_notes(self._folder)
        if state == "stopped" and notes and notes[-1].done == ENDED:
            state = "failed"
        troubles = [(note.trouble.said, note.done or note.trouble.hint) for note in notes]
        by_name = self._losses.by_name
        looks = read_curves(self._folder / "looks.csv", self._step)
        looks.by_name = {name: one for name, one in looks.by_name.items() if not name.endswith("_target")}
        scores = read_curves(self._folder / SCORES, self._step)
        curves = {
            "Generators": _some(self._losses, [name for name in by_name if name.startswith("G")]),
            "Discriminators": _some(self._losses, [name for name in by_name if name.startswith("D")]),
            "What generators make": looks,
            "Scores": _some(scores, [name for name in scores.by_name if "_kid_" in name and not name.endswith(_ENDS)]),
            "Learning rate": _some(self._losses, ["learning_rate"]),
        }
        return Page(
            title=self._title,
            state=state,
            summary=self._summary(state),
            troubles=troubles,
            charts=[Chart(title, _NOTES[title], one, title == "Generators") for title, one in curves.items()],
            grids=grids_in(self._folder, self._step),
            tables=self._tables,
        )

    def _summary(self, state: str) -> str:
        told = f"step {self._step:,} of {self._all_steps:,}"
        if self._per_step:
            told += f", {self._per_step:.2f} s a step"
        left = (self._all_steps - self._step) * self._per_step
        if state == "running" and left:
            told += f", about {left / 3600:.1f} h left" if left >= 3600 else f", about {left / 60:.0f} min left"
        return told


def grids_in(folder: Path, last: int) -> list[tuple[int, str]]:
    """Return the picture grids of a run up to a step: their steps, and their addresses from its folder."""
    names = sorted(path.name for path in (folder / "grids").glob("step-*.png"))
    numbered = [(int(name[5:-4]), f"grids/{name}") for name in names if name[5:-4].isdigit()]
    return [one for one in numbered if one[0] <= last]


def _some(curves: Curves, names: Sequence[str]) -> Curves:
    chosen = Curves()
    chosen.by_name = {name: curves.by_name[name] for name in names if name in curves.by_name}
    return chosen
