"""``imgtrans watch --status``: how the watching of an inbox stands, and an exit code for a health check."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import typer

from imgtrans.console import Console, clock
from imgtrans.errors import FilesError
from imgtrans.watching.service.status import read_health

UNWELL = 1


def show_status(folders: Sequence[Path], console: Console) -> None:
    """Say how the watching of inboxes stands; what is wrong goes to stderr.

    Raises:
        FilesError: If nobody watches one.
        Exit: With ``UNWELL``, if somebody does and is not well.
    """
    missing: list[FilesError] = []
    unwell = False
    for folder in folders:
        try:
            unwell |= not _show(folder, console)
        except FilesError as error:
            missing.append(error)
    for other in missing[:-1]:
        console.error(other.message, other.hint)
    if missing:
        raise missing[-1]
    if unwell:
        raise typer.Exit(UNWELL)


def _show(inbox: Path, console: Console) -> bool:
    """Say how the watching of an inbox stands; return whether it is well."""
    health = read_health(inbox)
    content = health.content
    console.record(event="status", well=not health.problem, problem=health.problem, running=health.running, **content)
    if not health.running:
        raise FilesError(health.problem, f"imgtrans watch {inbox} does, or systemctl start, or docker start")
    console.result(f"{content['state']}: {inbox} into {content['output']} with {content['model']}")
    console.result(f"queue: {content['queue']} waiting, {content['in_hand']} in hand")
    console.result(
        f"done: {content['translated']} translated, {content['known']} done before, {content['failed']} failed, "
        f"{content['retried']} tried again"
    )
    if content["passed_over"]:
        console.result(f"passed over: {content['passed_over']} pipes, sockets, devices or links")
    console.result(f"rate: {content['rate']:.2f} pictures/s, of the last five minutes")
    console.result(f"up: {clock(content['beat'] - content['started'])}, process {content['pid']}")
    if content["last_error"]:
        console.result(f"last error: {_when(content['last_failure'])}: {content['last_error']}")
    if health.problem:
        console.warn(health.problem)
    return not health.problem


def _when(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).astimezone().isoformat(" ", "seconds")
