"""Peak memory of ``imgtrans run`` over many small files against that over few: all processes, nothing counted twice.

python benchmarks/many_files.py --files 100 10000
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

from large_picture import followed
from throughput import make_pictures


def main() -> None:
    """Measure each number of files, and print the ratio to the first."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, nargs="+", default=[100, 10_000])
    parser.add_argument("--model", default="summer2winter")
    given = parser.parse_args()
    first = 0.0
    for count in given.files:
        with tempfile.TemporaryDirectory() as name:
            photos, out = Path(name, "in"), Path(name, "out")
            make_pictures(photos, count, 64, 48)
            command = [sys.executable, "-m", "imgtrans", "run", str(photos), "-m", given.model, "-o", str(out), "-q"]
            took, memory, _ = followed(command, {**os.environ})
            first = first or memory
            print(
                f"{count:,} files: {took:.0f} s, {memory:.3f} GB, {memory / first:.2f} times that of the first",
                flush=True,
            )


if __name__ == "__main__":
    main()
