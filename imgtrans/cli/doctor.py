"""``imgtrans doctor``: what is here, whether it works, and what to do where it does not."""

from collections import Counter

import typer

from imgtrans.cli import options


def doctor(json: options.Json = False) -> None:
    """Look at Python, PyTorch, devices, picture formats, memory, disks, models and plugins, and translate a picture.

    Each finding says what to do about it. The exit code is 1 if something is wrong. Nothing is changed.

    Examples:
        imgtrans doctor
        imgtrans doctor --json
    """
    from imgtrans.doctor.examination import examine
    from imgtrans.doctor.finding import GOOD, NOTE, WRONG

    console = options.console(json_lines=json)
    counts: Counter[str] = Counter()
    current = ""
    for area, finding in examine():
        if area != current:
            console.result(f"{area}:")
            current = area
        counts[finding.state] += 1
        console.record(event="finding", area=area, state=finding.state, said=finding.said, hint=finding.hint)
        console.result(f"  {finding.state:5}  {finding.said}")
        if finding.hint:
            console.result(f"         {finding.hint}")
    console.record(event="doctor", **{state: counts[state] for state in (GOOD, NOTE, WRONG)})
    console.result(
        f"{counts[WRONG]} wrong, {counts[NOTE]} that could be better" if counts[WRONG] else _well(counts[NOTE])
    )
    if counts[WRONG]:
        raise typer.Exit(1)


def _well(notes: int) -> str:
    return "all is well" + (f"; {notes} {'thing' if notes == 1 else 'things'} could be better" if notes else "")
