"""How soon ``imgtrans run`` translates its first picture of very many, and what finding them all takes.

    python benchmarks/scanning.py --files 10000 1000000

The files are links to a few small JPEGs, in folders of a thousand each or, with --flat, in one. "First output" is from
the start of the command until the first translation stands in its place; the run is then stopped. "All found" is a run
of one shard of very many, which meets every file and translates next to none. Memory is the peak of the main process.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil
from PIL import Image

LINKS = 30_000  # of one file; file systems have a limit
PHOTO = Path(__file__).resolve().parent.parent / "examples" / "photos" / "sunset.jpg"


def make_files(folder: Path, count: int, in_folder: int) -> None:
    """Fill a folder with links to small JPEGs."""
    folder.mkdir()
    with Image.open(PHOTO) as image:
        small = image.convert("RGB").resize((64, 48))
    for number in range(count):
        if number % LINKS == 0:
            source = folder.parent / f"source-{number // LINKS}.jpg"
            small.save(source)
        if number % in_folder == 0:
            below = folder / f"{number // in_folder:05}"
            below.mkdir()
        os.link(source, below / f"IMG_{number:07}.jpg")


class Watched:
    """A run, and the most memory that its main process has taken."""

    def __init__(self, *arguments: str | Path) -> None:
        self.started = time.perf_counter()
        command = [sys.executable, "-m", "imgtrans", "run", *arguments, "--device", "cpu", "-q"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        self.peak = 0
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        while self.process.poll() is None:
            try:
                self.peak = max(self.peak, psutil.Process(self.process.pid).memory_info().rss)
            except psutil.Error:
                return
            time.sleep(0.02)

    def seconds(self) -> float:
        """Return the time since it was started."""
        return time.perf_counter() - self.started

    def stop(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait()


def first_output(photos: Path, out: Path) -> tuple[float, float]:
    """Return after how many seconds the first translation stands, and the peak of memory until then, in GB."""
    run = Watched(photos, "-o", out)
    while not any(out.glob("*/IMG_*.jpg")):
        if run.process.poll() is not None:
            raise SystemExit("the run ended without an output")
        time.sleep(0.01)
    seconds = run.seconds()
    run.stop()
    return seconds, run.peak / 1e9


def all_found(photos: Path, out: Path) -> tuple[float, float]:
    """Return how many seconds it takes to meet every file, and the peak of memory, in GB."""
    run = Watched(photos, "-o", out, "--shard", "1/100000000")
    if run.process.wait():
        raise SystemExit("the run has failed")
    return run.seconds(), run.peak / 1e9


def main() -> None:
    """Measure, and print a line for each number of files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, nargs="+", default=[10_000, 1_000_000])
    parser.add_argument("--flat", action="store_true", help="all in one folder")
    given = parser.parse_args()
    for count in given.files:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            make_files(folder / "in", count, count if given.flat else 1000)
            seconds, memory = first_output(folder / "in", folder / "first")
            print(f"{count:,} files: first output after {seconds:.1f} s, {memory:.2f} GB", flush=True)
            seconds, memory = all_found(folder / "in", folder / "all")
            print(f"{count:,} files: all found in {seconds:.1f} s, {memory:.2f} GB", flush=True)


if __name__ == "__main__":
    main()
