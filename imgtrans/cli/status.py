"""``imgtrans status``: what is done in an output folder, what failed, and why."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imgtrans.cli import options

if TYPE_CHECKING:
    from imgtrans.batch.status import Status


def status(
    output: Annotated[Path, typer.Argument(help="An output folder of run or watch.", show_default=False)],
    json: options.Json = False,
) -> None:
    """Say what is done in an output folder, and what failed, is outdated or was interrupted, and why.

    It changes nothing, and a run may be at work. The exit code is 0 however things stand.
    """
    from imgtrans.batch.status import STATES, read_status

    console = options.console(json_lines=json)
    with read_status(output) as standing:
        counts: Counter[str] = Counter()
        for one in standing.standings():
            counts[one.state] += 1
            why = {"error": one.reason} if one.reason else {}
            console.record(event="image", input=str(one.input), output=str(one.output), status=one.state, **why)
            if one.reason:
                console.result(f"{one.state}: {one.reason}")
        told = [f"{counts[state]} {state}" for state in STATES if counts[state] or state == "done"]
        console.result(f"{', '.join(told)} in {output}")
        last = standing.last
        if last:
            console.result(_describe(standing))
        console.record(
            event="status",
            output=str(output),
            **{state: counts[state] for state in STATES},
            left=standing.left,
            run=_run_state(standing),
            model=last.name if last else "",
            settings=last.settings if last else "",
        )


def _run_state(status: "Status") -> str:
    if status.last is None:
        return "unknown"
    return "ended" if status.last.ended else "at work" if status.last.at_work else "stopped"


def _describe(status: "Status") -> str:
    """Return the sentence on the last run."""
    last, left = status.last, f" with {status.left} left" if status.left else ""
    assert last is not None
    run = f"the last run, with {last.name} ({last.settings}),"
    return {
        "ended": f"{run} has ended",
        "at work": f"{run} is at work{left}",
        "stopped": f"{run} was stopped{left}; the same command goes on from there",
    }[_run_state(status)]
