"""``imgtrans train --check``: the pictures of a training looked over, and the short form before each run."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from imgtrans.console import Console
    from imgtrans.training.data.folders import Folders
    from imgtrans.training.data.remarks import Remark


def show_checkup(folders: "Folders", given: dict[str, Any], console: "Console") -> None:
    """Look at all pictures, and say what there is and what to do about it.

    Args:
        folders: Where they are.
        given: The options of the training, of which the crop matters.
        console: Where it is said.

    Raises:
        typer.Exit: With 1 if there is nothing to train on.
        FilesError: If a folder is missing or holds no picture.
        UsageError: If an option makes no sense.
    """
    from imgtrans.training.data.checkup import checkup
    from imgtrans.training.data.remarks import NOTE, WRONG
    from imgtrans.training.options import TrainOptions

    seen, total = 0, 0
    with console.progress(0) as progress:

        def each(count: int) -> None:
            nonlocal seen, total
            seen, total = (seen + count, total) if count > 0 else (seen, total - count)
            progress.reach(seen, total, "pictures looked at")

        remarks = [*checkup(folders, TrainOptions(**given).crop, thorough=True, each=each)]
    for remark in remarks:
        _record(remark, console)
        console.result(f"{remark.state:5}  {remark.said}")
        if remark.hint:
            console.result(f"       {remark.hint}")
    wrong, notes = (sum(remark.state == state for remark in remarks) for state in (WRONG, NOTE))
    console.record(event="check", wrong=wrong, notes=notes)
    if wrong:
        raise typer.Exit(1)
    console.result(
        "nothing to say against it" if not notes else f"{notes} {'thing' if notes == 1 else 'things'} to look at"
    )


def show_remarks(remarks: Iterable["Remark"], console: "Console") -> None:
    """Say before a run what a short look at its pictures has shown: the facts in a line, and what to look at."""
    from imgtrans.training.data.remarks import GOOD

    facts: list[Remark] = []
    notes: list[Remark] = []
    for remark in remarks:
        (facts if remark.state == GOOD else notes).append(remark)
    if facts:
        console.say(f"training pictures: {'; '.join(remark.said for remark in facts)}")
    briefs = [remark.brief for remark in notes if remark.brief]
    for remark in notes:
        _record(remark, console)
        if not remark.brief or len(briefs) == 1:
            console.warn(f"{remark.said}; {remark.hint}")
    if len(briefs) > 1:
        console.warn(
            f"pictures are there more than once: {', '.join(briefs)}; imgtrans train --check says which, and what to do"
        )


def _record(remark: "Remark", console: "Console") -> None:
    console.record(
        event="finding", kind=remark.kind, state=remark.state, said=remark.said, hint=remark.hint,
        files=[str(path) for path in remark.files],
    )  # fmt: skip
