"""The table: as Markdown, as JSON, and into a document between two marks."""

import json
import os
import platform
import re
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from benchmarks.pairs import Row

BEGIN, END = "<!-- python -m benchmarks: begin -->", "<!-- python -m benchmarks: end -->"
PACKAGES = ("imgtrans", "torch", "triton", "llvmlite", "pillow", "numpy")
_MODEL = re.compile(r"^model name\s*:\s*(.+)$", re.MULTILINE)


def machine(threads: int) -> dict[str, str]:
    """Return what the measurements were made on and with."""
    try:
        name = _MODEL.findall(Path("/proc/cpuinfo").read_text())[0]
    except (OSError, IndexError):
        name = platform.processor() or platform.machine()
    from imgtrans.kernels.machine import host

    card = {"card": torch.cuda.get_device_name()} if torch.cuda.is_available() else {}
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "none"
    return {
        "processor": f"{name}, {os.cpu_count()} cores, vectors of {32 * host().lanes} bits",
        **card,
        "system": platform.platform(),
        "python": platform.python_version(),
        "threads": str(threads),
        **versions,
    }


def markdown(rows: Sequence[Row], where: dict[str, str]) -> str:
    """Return the table, with what it was made on above it."""
    lines = [
        ", ".join(f"{what} {value}" if what != "processor" else value for what, value in where.items()) + ".",
        "",
        "| what | against | it | imgtrans | times as fast | spread | of CPU time | wanted | |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        if not row.measured:
            wanted = f"{row.wanted:.2g}" if row.wanted else ""
            lines.append(f"| {row.name} | {row.baseline} | | | not measured | | | {wanted} | {row.note} |")
            continue
        spread = f"{min(row.ratios):.2f} to {max(row.ratios):.2f}" if len(row.ratios) > 1 else "one round"
        cpu = f"{row.cpu_ratio:.2f}" if row.cpu_ratio else ""
        wanted = f"{row.wanted:.2g}" if row.wanted else ""
        lines.append(
            f"| {row.name} | {row.baseline} | {_seconds(row.median(0))} | {_seconds(row.median(1))} | "
            f"**{row.ratio:.2f}** | {spread} | {cpu} | {wanted} | {row.note} |"
        )
    return "\n".join(lines) + "\n"


def record(rows: Sequence[Row], where: dict[str, str]) -> str:
    """Return the same as JSON, with every round."""
    told = [asdict(row) | {"ratio": row.ratio, "cpu_ratio": row.cpu_ratio} for row in rows]
    return json.dumps({"machine": where, "rows": told}, indent=2) + "\n"


def put_into(document: Path, table: str) -> None:
    """Replace what stands between the two marks of a document."""
    text = document.read_text()
    before, begin, rest = text.partition(BEGIN)
    _, end, behind = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"{document} has no lines {BEGIN} and {END}")
    document.write_text(f"{before}{BEGIN}\n{table}{END}{behind}")


def _seconds(seconds: float) -> str:
    return f"{1e3 * seconds:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
