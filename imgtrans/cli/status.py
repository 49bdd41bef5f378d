"""``imgtrans status``: what is done in an output folder, what failed, and why."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imgtrans.cli import options

if TYPE_CHECKING:
    from imgtrans.journal.status import Status


def status(
    output: Annotated[Path, typer.Argument(help="An output folder of run or watch.", show_default=False)],
    json: options.Json = False,
) -> None:
    """Say what is done in an output folder, and what failed, is outdated or was interrupted, and why.

    It changes nothing, and a run may be at work. The exit code is 0 however things stand.

    Examples:
        imgtrans status photos-winter/
    """
    from imgtrans.journal.status import STATES, read_status
    from imgtrans.storage.address import addressed

    console = options.console(json_lines=json)
    with read_status(addressed(output)) as standing:
        counts: Counter[str] = Counter()
        for one in standing.standings():
            counts[one.state] += 1
            why = {"error": one.reason} if one.reason else {}
            console.record(event="image", input=str(one.input), output=str(one.output), status=one.state, **why)
            if one.reason:
                console.result(f"{one.state}: {one.reason}")
        told = [f"{counts[state]} {state}" for state in STATES if counts[state] or state == "done"]
        console.result(f"{', '.join(told)} in {standing.folder}")
        for sentence in _describe(standing):
            console.result(sentence)
        last = standing.runs[0] if standing.runs else None
        console.record(
            event="status",
            output=str(standing.folder),
            **{state: counts[state] for state in STATES},
            left=standing.left,
            run=_state_of_runs(standing),
            runs=len(standing.runs),
            model=last.name if last else "",
            settings=last.settings if last else "",
        )


def _state_of_runs(status: "Status") -> str:
    if not status.runs:
        return "unknown"
    return "at work" if status.at_work else "stopped" if status.stopped else "ended"


def _describe(status: "Status") -> Iterator[str]:
    """Return what is said of the last run, or of its shards."""
    if not status.runs:
        return
    last = status.runs[0]
    run = f"the last run, with {last.name} ({last.settings}),"
    at_least = "" if all(run.complete or run.ended for run in status.runs) else "at least "
    left = f" with {at_least}{status.left} left" if status.left else ""
    if len(status.runs) == 1:
        yield {
            "ended": f"{run} has ended",
            "at work": f"{run} is at work{left}",
            "stopped": f"{run} was stopped{left}; the same command goes on from there",
        }[_state_of_runs(status)]
        return
    ended = len(status.runs) - status.at_work - status.stopped
    counts = ((ended, "ended"), (status.at_work, "at work"), (status.stopped, "stopped"))
    states = ", ".join(f"{count} {state}" for count, state in counts if count)
    yield f"{run} has {len(status.runs)} parts: {states}{left}"
