"""What ``imgtrans train`` says while it runs, and what a signal would lose."""

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from imgtrans.console import Console, PanelDisplay
    from imgtrans.quality.scores import Score
    from imgtrans.training.listening import Interval
    from imgtrans.training.run import TrainingRun

_LONG_SECONDS = 2 * 86_400.0


class Phase:
    """How far a training is, and so what Ctrl-C and SIGTERM would lose."""

    def __init__(self) -> None:
        self.run: TrainingRun | None = None
        self.first = 0
        self.complete = False

    def line(self) -> str:
        """Return what to say in ending at once, or "" where a step would be lost."""
        if self.complete:
            return "stopped; --resume puts the models into the zoo"
        if self.run is None or self.run.state.step == self.first:
            return (
                "stopped before the first step"
                if not self.first
                else f"stopped; --resume goes on after step {self.first}"
            )
        return ""

    def late(self) -> str:
        """Return what to say in ending at once although steps are lost."""
        saved = self.run is not None and self.run.is_saved
        return f"stopped at once; {'--resume goes on from the last checkpoint' if saved else 'nothing was saved yet'}"


def say_forecast(run: "TrainingRun", steps: int, console: "Console") -> None:
    """Say how long the steps will take, where that is known beforehand, and what to do where it is too long."""
    if run.state.device.type != "cpu" or not steps:
        return
    from imgtrans.training.forecast import seconds_of_small, seconds_per_step

    each = seconds_per_step(run.state.objective, run.state.options)
    if steps * each >= _LONG_SECONDS:
        console.warn(
            f"this takes about {duration(steps * each)} on this CPU ({each:.1f} s a step); a beginning is "
            f"--preset small, about {duration(seconds_of_small())}: docs/training.md"
        )
    elif steps * each >= 60:
        console.say(f"this takes about {duration(steps * each)} on this CPU ({each:.2g} s a step)")


def duration(seconds: float) -> str:
    """Return a time span as a person says it, as ``3 h 20 min``."""
    if seconds >= _LONG_SECONDS:
        days = round(seconds / 86_400)
        if days < 90:
            return f"{days} days"
        return f"{round(days / 30.4)} months" if days < 2 * 365 else f"{round(days / 365)} years"
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {seconds:02d} s" if minutes else f"{seconds} s"


class ToConsole(logging.Handler):
    """Shows log records as warnings."""

    def __init__(self, console: Any) -> None:
        super().__init__(logging.WARNING)
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        """Show one."""
        self._console.warn(self.format(record))


class Telling:
    """Hears of a training, and shows it to a person and to programs.

    Args:
        panel: Where it is shown.
        console: Where it is recorded.
        first: Steps taken before.
    """

    def __init__(self, panel: "PanelDisplay", console: "Console", first: int) -> None:
        from imgtrans.training.board import Board

        self._panel = panel
        self._console = console
        self._last = first
        self._board = Board(panel.is_plain)

    def interval(self, interval: "Interval") -> None:
        """Hear the losses of some steps."""
        self._board.hear(interval)
        self._show()
        parts = []
        if not self._panel.is_live:
            left = duration((interval.all_steps - interval.step) * interval.seconds_per_step)
            losses = "  ".join(f"{name} {value:.3f}" for name, value in interval.losses.items())
            parts.append(f"{losses}  {interval.seconds_per_step:.2f} s/step, {left} left")
        self._panel.advance(interval.step - self._last, *parts)
        self._console.record(event="step", step=interval.step, steps=interval.all_steps, **interval.losses)
        self._last = interval.step

    def scores(self, step: int, scores: Mapping[str, Sequence["Score"]], best: bool) -> None:
        """Hear the scores of a step, by the generator that they are of; the first of each decides."""
        shown = []
        for generator, some in scores.items():
            for score in some:
                self._console.record(
                    event="score", step=step, generator=generator, score=score.name, value=score.value, low=score.low,
                    high=score.high, extractor=score.extractor, best=best,
                )  # fmt: skip
            decisive = some[0]
            shown.append(f"{generator} {decisive.value:.4f} ({decisive.low:.4f} to {decisive.high:.4f})")
        seen_by = next(iter(scores.values()))[0].extractor
        said = f"step {step}: KID by {seen_by}: {', '.join(shown)}{'; the best so far' if best else ''}"
        self._console.say(said)
        self._board.hear_score(said)
        self._show()

    def _show(self) -> None:
        rows = [(row.name, row.value, row.way) for row in self._board.rows()]
        self._panel.show(rows, self._board.facts(duration))
