"""Tells a person, or a program that reads JSON Lines, how a run goes."""

import time
from typing import TYPE_CHECKING

from imgtrans.console import Console, ProgressDisplay
from imgtrans.protocols import Item

if TYPE_CHECKING:
    from imgtrans.batch.engine import Engine
    from imgtrans.batch.plan import Plan
    from imgtrans.batch.run import Prepared, Report

SHOWN_FAILURES = 20


class RunListener:
    """Prints a run's plan, progress, failures and result."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._progress: ProgressDisplay | None = None
        self._started = time.monotonic()
        self._translated = 0

    def planned(self, plan: "Plan", prepared: "Prepared", engine: "Engine | None") -> None:
        """Say in one line what will be done."""
        self.console.say(describe_plan(plan, prepared, engine))
        if plan.converted:
            self.console.say(f"{pictures(plan.converted)} of a format that cannot be written will become PNG")
        self.console.record(
            event="plan",
            model=prepared.model.name,
            output=str(prepared.destination.folder),
            todo=len(plan.todo),
            done=len(plan.done),
            refused=len(plan.refused),
            ignored=plan.ignored,
        )
        if plan.todo:
            self._started = time.monotonic()
            self._progress = self.console.progress(len(plan.todo))
            self._progress.__enter__()

    def finished(self, item: Item, status: str, error: str = "") -> None:
        """Count a picture; a failure is told at once."""
        self.console.record(
            event="image",
            input=str(item.input),
            output=str(item.output),
            status=status,
            **({"error": error} if error else {}),
        )
        if status == "failed":
            self.console.warn(error)
        elif status == "translated":
            self.console.detail(f"{item.input} -> {item.output}")
        if self._progress and status != "skipped":
            self._translated += 1
            rate = self._translated / max(1e-9, time.monotonic() - self._started)
            self._progress.advance(text=f"{rate:.2f} pictures/s")

    def close(self) -> None:
        """Take the progress display away."""
        if self._progress:
            self._progress.__exit__(None, None, None)
            self._progress = None

    def report(self, report: "Report") -> None:
        """Say what was done."""
        parts = [f"{report.translated} translated"]
        parts += [f"{count} {what}" for count, what in (
            (report.skipped, "done before"), (report.failed, "failed"), (report.ignored, "not pictures")
        ) if count]  # fmt: skip
        time_taken = f" in {report.seconds:.1f} s" if report.seconds else ""  # watching has none: it mostly waits
        if report.translated and report.seconds:
            time_taken += f", {report.translated / report.seconds:.2f} pictures/s"
        self.console.say(f"{', '.join(parts)}{time_taken}")
        if report.failed > 1:
            self.console.say(f"{report.failed} pictures failed:")
            for _, error in report.failures[:SHOWN_FAILURES]:
                self.console.say(f"  {error}")
            if report.failed > SHOWN_FAILURES:
                self.console.say(f"  ... and {report.failed - SHOWN_FAILURES} more")
        self.console.record(
            event="end",
            translated=report.translated,
            skipped=report.skipped,
            failed=report.failed,
            ignored=report.ignored,
            seconds=round(report.seconds, 3),
        )


def describe_plan(plan: "Plan", prepared: "Prepared", engine: "Engine | None") -> str:
    """Return the line that says what a run will do."""
    if not (plan.todo or plan.done or plan.refused):
        return "nothing to do: no picture failed last time" if prepared.request.retry_failed else "no pictures found"
    size = f"at up to {prepared.size} pixels" if prepared.size else "at the pictures' own size"
    notes = [f"{len(plan.done)} done before"] if plan.done else []
    notes += [f"{len(plan.refused)} refused"] if plan.refused else []
    limit = prepared.request.selection.limit
    notes += [f"the rest left by --limit {limit}"] if limit and len(plan.todo) == limit else []
    if not plan.todo:
        return f"nothing to do: {', '.join(notes)}"
    where = f" {engine.describe()}" if engine else ""
    more = f" ({', '.join(notes)})" if notes else ""
    return (
        f"translating {pictures(len(plan.todo))} with {prepared.model.name}{where}, {size}, "
        f"into {prepared.destination.folder}{more}"
    )


def pictures(count: int) -> str:
    """Return ``1 picture`` or ``N pictures``."""
    return "1 picture" if count == 1 else f"{count} pictures"
