"""The report of a run as a file, for a program or for later."""

import json
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from imgtrans.batch.report import Report
from imgtrans.batch.request import Prepared
from imgtrans.errors import FilesError
from imgtrans.files import written_atomically


def check_summary(path: Path) -> None:
    """Make sure, before the work, that a report can be written and overwrites nothing but a report.

    Raises:
        FilesError: If it cannot be.
    """
    if path.is_dir() or not path.parent.is_dir():
        raise FilesError(f"a report cannot be written to {path}", "name a file in a folder that is there")
    if path.exists() and not _is_report(path):
        raise FilesError(f"{path} is there already and is no report", "name another file")


def write_summary(path: Path, prepared: Prepared, report: Report, end: str, device: str) -> None:
    """Write what a run did, whole or not at all.

    Args:
        path: The file.
        prepared: What was asked for.
        report: What was done.
        end: ``complete``, or ``stopped`` if it was interrupted or could not go on.
        device: What computed, in words; "" if there was nothing to compute.

    Raises:
        FilesError: If it cannot be written.
    """
    ended = datetime.now(UTC)
    content = {
        "imgtrans": version("imgtrans"),
        "end": end,
        "ended": ended.isoformat(timespec="seconds"),
        "inputs": [str(path) for path in prepared.request.inputs],
        "output": str(prepared.destination.folder),
        "model": prepared.model.name,
        "sha256": prepared.recipe.model,
        "settings": prepared.recipe.settings,
        "shard": str(prepared.shard),
        "device": device,
        **report.counts(),
        "failures": [
            {"input": str(item.input), "output": str(item.output), "error": error} for item, error in report.failures
        ],
        "failures_left_out": report.failed - len(report.failures),
        "passed_over": [{"input": str(item.input), "why": why} for item, why in report.passed_over],
        "passed_over_left_out": report.ignored + report.outputs - len(report.passed_over),
        "collisions": [error.message for error in report.collisions],
    }
    try:
        with written_atomically(path) as temporary:
            temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise FilesError(f"the report {path} cannot be written: {error.strerror}") from error


def _is_report(path: Path) -> bool:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and "imgtrans" in content
