"""The table: as Markdown, as JSON, and into a document between two marks.

    python -m benchmarks.table cpu/table.json card/table.json --into docs/performance.md

makes one of several, of one machine or of many: of a row that is in more than one, the last that was measured counts.
"""

import argparse
import json
import os
import platform
import re
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from benchmarks.pairs import Row, Took

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


def joined(records: Sequence[str]) -> str:
    """Return one text of several records: a table for each machine that measured something.

    Args:
        records: What :func:`record` made; of rows of one name the last that was measured counts.
    """
    machines: dict[str, dict[str, str]] = {}
    rows: dict[str, tuple[str, Row]] = {}
    for told in map(json.loads, records):
        where = json.dumps(told["machine"], sort_keys=True)
        machines[where] = told["machine"]
        for given in told["rows"]:
            pairs = [(Took(**before), Took(**ours)) for before, ours in given["pairs"]]
            row = Row(given["name"], given["baseline"], pairs, given["wanted"], given["note"])
            if row.measured or row.name not in rows:
                rows[row.name] = where, row
    tables = [(machine, [row for at, row in rows.values() if at == where]) for where, machine in machines.items()]
    return "\n".join(markdown(found, machine) for machine, found in tables if found)


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


def main() -> None:
    """Join tables that were measured before."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("records", nargs="+", type=Path, help="files called table.json")
    parser.add_argument("--into", type=Path, required=True, help="document whose table is replaced")
    given = parser.parse_args()
    put_into(given.into, joined([path.read_text() for path in given.records]))


if __name__ == "__main__":
    main()
