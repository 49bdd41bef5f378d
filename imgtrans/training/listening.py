"""Who is told how a training goes, and when: logs, grids, guards and scores are all listeners."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class StepLosses:
    """What one step gave.

    Attributes:
        step: Its number, from 1.
        losses: By name, in the objective's order; all finite.
        learning_rate: That it was taken with.
    """

    step: int
    losses: dict[str, float]
    learning_rate: float


@dataclass(frozen=True)
class Interval:
    """How a training is going, told every few steps.

    Attributes:
        rows: The steps since the last interval, at least one.
        all_steps: Steps that the training will have.
        seconds_per_step: Of this process, so far.
    """

    rows: tuple[StepLosses, ...]
    all_steps: int
    seconds_per_step: float

    @property
    def step(self) -> int:
        """The last step."""
        return self.rows[-1].step

    @property
    def losses(self) -> dict[str, float]:
        """The losses of the last step."""
        return self.rows[-1].losses

    def means(self) -> dict[str, float]:
        """Return the mean of each loss."""
        return {name: sum(row.losses[name] for row in self.rows) / len(self.rows) for name in self.losses}


class Listener:
    """Somebody who is told how a training goes; each method does nothing unless it is written anew.

    What one raises ends the training: the last checkpoint stays as it was.
    """

    def interval(self, interval: Interval) -> None:
        """Hear the losses of the last few steps, which are on the CPU by now."""

    def stepped(self, step: int, last: bool) -> None:
        """Hear that a step is over: weights are as it left them. What takes long should do so at few steps only.

        Args:
            step: Its number, from 1.
            last: Whether it is the last of the training.
        """

    def saved(self, checkpoint: Path, step: int) -> None:
        """Hear that a checkpoint is on the disk; all intervals up to its step have been told."""

    def ended(self) -> None:
        """Hear that this process trains no more, whatever the reason, and close what is open."""


class Reporting(Listener):
    """Hands each interval to a function."""

    def __init__(self, report: Callable[[Interval], None]) -> None:
        self._report = report

    def interval(self, interval: Interval) -> None:
        """Hand it on."""
        self._report(interval)
