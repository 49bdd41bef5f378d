"""Tells a person, or a program that reads JSON Lines, how a run goes."""

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from imgtrans.console import ELAPSED, Console, ProgressDisplay, clock
from imgtrans.finding.outputs import is_output_folder

if TYPE_CHECKING:
    from imgtrans.batch.plan import Decision, Tally
    from imgtrans.batch.report import Report
    from imgtrans.batch.request import Prepared
    from imgtrans.protocols import Executor, Outcome

SHOWN_FAILURES = 20
LOOKING_SECONDS = 5.0  # that something takes before it is told


class RunListener:
    """Prints a run's plan, progress, failures and result.

    Args:
        console: Where.
        shown: Returns a sentence as the user is to see it.
        each: Whether each picture that is translated is told, not only how many.
    """

    def __init__(self, console: Console, shown: Callable[[str], str] = str, *, each: bool = False) -> None:
        self.console = console
        self._each = each
        self._shown = shown
        self.device = ""
        self._pace: _Pace | None = None
        self._progress: ProgressDisplay | None = None
        self._said = self._began = time.monotonic()
        self._share = 1.0

    def looking(self, tally: "Tally") -> None:
        """Say every few seconds how many files have been looked at."""
        if time.monotonic() - self._said >= LOOKING_SECONDS:
            self._said = time.monotonic()
            self.console.say(f"looking: {tally.done:,} done before, {tally.ignored + tally.outputs:,} not to translate")

    def planned(self, tally: "Tally", prepared: "Prepared", executor: "Executor | None") -> None:
        """Say in one line what will be done."""
        self.device = executor.describe() if executor else ""
        self.console.say(self._shown(describe_plan(tally, prepared, self.device)))
        if tally.converted and not prepared.wanted.format:
            self.console.say(f"{pictures(tally.converted)} of a format that cannot be written will become PNG")
        for error in tally.aside.collisions:
            self.console.warn(f"{error.message}; nothing of that folder is done")
        for sentence in describe_outputs(tally, prepared):
            self.console.say(self._shown(sentence))
        self.console.record(event="plan", model=prepared.model.name, output=str(prepared.destination.folder),
                            **tally.counts())  # fmt: skip
        if tally.todo:
            self._pace = _Pace(tally, prepared.selection.limit)
            self._progress = self.console.progress(tally.todo)
            self._progress.__enter__()

    def counted(self, files: int) -> None:
        """Have the progress display know how much there is."""
        if self._pace:
            self._pace.files = files

    def ignored(self, decision: "Decision") -> None:
        """Name a file that is no picture to translate, to who wants to know."""
        self.console.detail(f"{decision.item.input}: {decision.problem}")

    def finished(self, outcome: "Outcome", status: str) -> None:
        """Count a picture; a failure is told at once."""
        item, error = outcome.item, self._shown(outcome.error)
        self.console.record(
            event="image",
            input=str(item.input),
            output=str(item.output),
            status=status,
            **({"pixels": outcome.pixels} if status == "translated" else {}),
            **({"error": error} if error else {}),
            **({"note": outcome.note} if outcome.note else {}),
        )
        if outcome.note:
            self.console.warn(self._shown(outcome.note))
        if status == "failed":
            self.console.warn(error)
        elif status == "translated":
            (self.console.say if self._each else self.console.detail)(f"{item.input} -> {item.output}")
        if self._progress and self._pace and status != "skipped":
            self._pace.add(outcome, status)
            self._progress.reach(self._pace.done, self._pace.total, *self._pace.parts, of=self._pace.of)

    def streaming(self, share: float) -> None:
        """Show how far a picture is that takes long."""
        if share <= self._share:
            self._began = time.monotonic()
        self._share = share
        if self._progress and time.monotonic() - self._began >= LOOKING_SECONDS:
            self._progress.advance(0, f"{share:.0%} of a large picture")

    def warned(self, text: str) -> None:
        """Tell what is unwise."""
        self.console.warn(text)

    @property
    def stopped(self) -> str:
        """What is said when a run is stopped: how much is done, and how much is left."""
        if self._pace is None:
            return "stopped before the first picture; the same command begins again"
        left = self._pace.total - self._pace.done
        about = "" if self._pace.of.isdigit() else "about " if self._pace.of.startswith("~") else "at least "
        return f"stopped: {self._pace.done} done, {about}{left} left; the same command goes on from here"

    def close(self) -> None:
        """Take the progress display away."""
        if self._progress:
            self._progress.__exit__(None, None, None)
            self._progress = None

    def report(self, report: "Report") -> None:
        """Say what was done."""
        parts = [f"{report.translated} translated"]
        parts += [f"{count} {what}" for count, what in (
            (report.skipped, "done before"),
            (report.failed, "failed"),
            (report.ignored, "not pictures"),
            (report.outputs, "made by imgtrans before, left alone"),
        ) if count]  # fmt: skip
        time_taken = f" in {report.seconds:.1f} s" if report.seconds else ""  # watching has none: it mostly waits
        if report.translated and report.seconds:
            time_taken += f", {report.translated / report.seconds:.2f} pictures/s"
        self.console.say(f"{', '.join(parts)}{time_taken}")
        if report.failed > 1:
            self.console.say(f"{report.failed} pictures failed:")
            for _, error in report.failures[:SHOWN_FAILURES]:
                self.console.say(f"  {self._shown(error)}")
            if report.failed > SHOWN_FAILURES:
                self.console.say(f"  ... and {report.failed - SHOWN_FAILURES} more")
        self.console.record(event="end", **report.counts())


class _Pace:
    """How fast a run goes, how long it still takes, and what it spends its time on.

    Args:
        tally: Is counted in while pictures are being found.
        limit: Pictures to translate at most; 0 is any number.

    Attributes:
        done: Pictures that were tried.
        files: Files that there are, pictures and others, done and not; 0 as long as that is not known.
    """

    def __init__(self, tally: "Tally", limit: int = 0) -> None:
        self.done = self.files = 0
        self._tally = tally
        self._limit = limit
        self._failed = 0
        self._pixels = 0
        self._size = 0
        self._times = {"decode": 0.0, "model": 0.0, "encode": 0.0}
        self._started = time.monotonic()

    @property
    def total(self) -> int:
        """Pictures to translate, as far as it is known; if files are counted, those not met yet are like those met."""
        tally = self._tally
        total = tally.todo
        if self._estimated:
            total += round(tally.todo / max(1, tally.met) * max(0, self.files - tally.met))
        return max(self.done, min(total, self._limit or total))

    @property
    def of(self) -> str:
        """That number as it is shown: ``120``, ``~98400`` if it is estimated, ``4100+`` if there may be more."""
        return f"~{self.total}" if self._estimated else f"{self.total}{'' if self._tally.complete else '+'}"

    @property
    def _estimated(self) -> bool:
        return not self._tally.complete and bool(self.files)

    def add(self, outcome: "Outcome", status: str) -> None:
        """Count a picture."""
        self.done += 1
        self._failed += status == "failed"
        self._pixels += outcome.pixels
        self._size += outcome.item.size
        self._times["decode"] += outcome.decode_seconds
        self._times["model"] += outcome.model_seconds
        self._times["encode"] += outcome.encode_seconds

    @property
    def parts(self) -> list[str]:
        """How it goes, the most important first."""
        passed = max(1e-9, time.monotonic() - self._started)
        parts = []
        if self._estimated and self.done:
            parts.append(f"about {clock(passed * (self.total - self.done) / self.done)} left")
        elif self._size and self._tally.complete:
            # By bytes, not by number: they tell large pictures from small ones.
            parts.append(f"{clock(passed * max(0, self._tally.size - self._size) / self._size)} left")
        if self._failed:
            parts.append(f"{self._failed} failed")
        parts += [f"{self.done / passed:.2f} pictures/s", ELAPSED, f"{self._pixels / passed / 1e6:.1f} MP/s"]
        spent = sum(self._times.values())
        if spent:
            parts.append(", ".join(f"{what} {seconds / spent:.0%}" for what, seconds in self._times.items()))
        return parts


def describe_plan(tally: "Tally", prepared: "Prepared", device: str = "") -> str:
    """Return the line that says what a run will do."""
    if not (tally.todo or tally.done or tally.refused):
        return _nothing(tally, prepared)
    size = f"at up to {prepared.size} pixels" if prepared.size else "at the pictures' own size"
    notes = [f"{tally.done} done before"] if tally.done else []
    notes += [f"{tally.refused} refused"] if tally.refused else []
    limit = prepared.selection.limit
    notes += [f"the rest left by --limit {limit}"] if limit and tally.todo == limit else []
    notes += [f"shard {prepared.shard}"] if prepared.shard.tag else []
    if not tally.todo:
        return f"nothing to do: {', '.join(notes)}"
    where = f" {device}" if device else ""
    more = f" ({', '.join(notes)})" if notes else ""
    at_least = "" if tally.complete else "at least "
    return (
        f"translating {at_least}{pictures(tally.todo)} with {prepared.model.name}{where}, {size}, "
        f"{describe_place(prepared)}{more}"
    )


def describe_place(prepared: "Prepared") -> str:
    """Return where outputs go, in words."""
    destination = prepared.destination
    if not destination.singles:
        return f"into {destination.folder}"
    if destination.name:
        return f"into {destination.folder / destination.name}"
    return "beside it" if len(prepared.request.inputs) == 1 else "beside them"


def describe_outputs(tally: "Tally", prepared: "Prepared") -> Iterator[str]:
    """Return what is said of inputs that are output folders, where something in them is left alone for it."""
    if tally.outputs:
        for path in prepared.request.inputs:
            if path.is_dir() and is_output_folder(path):
                yield (
                    f"{path} is an output folder of imgtrans; what was made there is left alone "
                    "(--include-outputs takes it, too)"
                )


def _nothing(tally: "Tally", prepared: "Prepared") -> str:
    """Return why there is nothing to do."""
    if prepared.request.retry_failed:
        return "nothing to do: no picture failed last time"
    if tally.aside.unmatched:
        which = "picture does" if tally.aside.unmatched == 1 else "pictures do"
        return f"no pictures found: {tally.aside.unmatched} {which} not match --include and --exclude"
    if tally.outputs:
        return f"nothing to do: {pictures(tally.outputs)} made by imgtrans, left alone (--include-outputs takes them)"
    return "no pictures found"


def pictures(count: int) -> str:
    """Return ``1 picture`` or ``N pictures``."""
    return "1 picture" if count == 1 else f"{count} pictures"
