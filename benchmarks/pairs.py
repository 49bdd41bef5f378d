"""Two ways of doing the same thing, measured in turn, and what comes of it."""

import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Took:
    """What something took.

    Attributes:
        wall: Seconds on the clock.
        cpu: Seconds of all cores together; 0 if nobody looked.
    """

    wall: float
    cpu: float = 0.0


@dataclass
class Row:
    """One row of the table.

    Attributes:
        name: What is measured.
        baseline: The way that it is compared to.
        pairs: What each round took, the baseline first; none if it was not measured, and the note says why.
        wanted: How many times as fast it is meant to be; 0 if nobody has said.
        note: What else there is to say.
    """

    name: str
    baseline: str
    pairs: list[tuple[Took, Took]]
    wanted: float = 0.0
    note: str = ""
    ratios: list[float] = field(init=False)

    def __post_init__(self) -> None:
        self.ratios = [before.wall / ours.wall for before, ours in self.pairs]

    @property
    def measured(self) -> bool:
        """Whether there are figures."""
        return bool(self.pairs)

    @property
    def ratio(self) -> float:
        """Return how many times as fast it is on the clock: the median of the rounds; 0 if it was not measured."""
        return statistics.median(self.ratios) if self.pairs else 0.0

    @property
    def cpu_ratio(self) -> float:
        """Return the same of the seconds of all cores, which bears with a machine that has other things to do."""
        told = self.pairs and all(took.cpu for took in self.pairs[0])
        return statistics.median(before.cpu / ours.cpu for before, ours in self.pairs) if told else 0.0

    def median(self, which: int) -> float:
        """Return the seconds on the clock of the baseline (0) or of imgtrans (1)."""
        return statistics.median(pair[which].wall for pair in self.pairs)


def in_turn(one: Callable[[], Took], other: Callable[[], Took], rounds: int) -> list[tuple[Took, Took]]:
    """Do two things in turn, so that whatever else goes on bears on both."""
    return [(one(), other()) for _ in range(rounds)]


def timed(work: Callable[[], object]) -> Took:
    """Do something here, and return what it took."""
    started, cpu = time.perf_counter(), time.process_time()
    work()
    return Took(time.perf_counter() - started, time.process_time() - cpu)


def command(arguments: Sequence[str | Path], **environment: str) -> Took:
    """Run Python with some arguments, whole, and return what it and its children took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True, env=os.environ | environment)
    wall = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Took(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
