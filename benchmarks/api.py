"""What a program pays that uses imgtrans as a library, against the command: importing, loading, one picture.

    python benchmarks/api.py --rounds 5

``import imgtrans`` is timed in a process of its own, without Python's start. ``load`` and one picture of 256x256, a
file to an image, are timed where PyTorch is imported already. Against that stands ``imgtrans run`` of the same file,
less its start-up: the time in which a process imports the command line and PyTorch, and ends.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from pairs import command
from throughput import make_pictures

IMPORT = """
import sys, time
began = time.perf_counter()
import imgtrans
print(1e3 * (time.perf_counter() - began))
"""
LOAD = """
import json, sys, time
import torch
import imgtrans
from PIL import Image
began = time.perf_counter()
model = imgtrans.load(sys.argv[1], size="native")
loaded = time.perf_counter()
with Image.open(sys.argv[2]) as image:
    model(image).save(sys.argv[3])
first = time.perf_counter()
with Image.open(sys.argv[2]) as image:
    model(image).save(sys.argv[3])
print(json.dumps([loaded - began, first - began, time.perf_counter() - first]))
"""
START = "import sys; sys.argv[:] = ['imgtrans']; import imgtrans.__main__, imgtrans.cli.run, torch"


def main() -> None:
    """Measure, round by round, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--model", default="summer2winter")
    given = parser.parse_args()
    took: dict[str, list[float]] = {}

    def note(name: str, seconds: float) -> None:
        took.setdefault(name, []).append(seconds)

    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        make_pictures(root / "in", 1, 256, 256)
        (picture,) = (root / "in").iterdir()
        for number in range(given.rounds + 1):  # the first, in which kernels may be made, does not count
            imported = float(_said(["-c", IMPORT]))
            loaded, first, second = json.loads(_said(["-c", LOAD, given.model, picture, root / f"{number}.png"]))
            out = root / f"out{number}.jpg"
            options = ["--size", "native", "--format", "jpg", "-q"]
            whole = command(["-m", "imgtrans", "run", picture, "-m", given.model, "-o", out, *options]).wall
            start = command(["-c", START]).wall
            if number:
                note("import imgtrans, ms", imported)
                note("load, s", loaded)
                note("load and one picture, s", first)
                note("another picture, s", second)
                note("imgtrans run, s", whole)
                note("its start-up, s", start)
                note("imgtrans run less start-up, s", whole - start)
                note("load and one picture / imgtrans run less start-up", first / (whole - start))
    for what, values in took.items():
        print(f"{what}: {statistics.median(values):.3f} ({min(values):.3f} to {max(values):.3f})")


def _said(arguments: list[object]) -> str:
    done = subprocess.run([sys.executable, *map(str, arguments)], check=True, capture_output=True, text=True)
    return done.stdout


if __name__ == "__main__":
    main()
