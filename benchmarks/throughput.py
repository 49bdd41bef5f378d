"""Wall time of ``imgtrans run`` over a folder, against the plain loop; whole commands, start-up included."""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image

HERE = Path(__file__).resolve().parent
PHOTOS = HERE.parent / "examples" / "photos"
LANDSCAPES = ("aitzgorri.jpg", "forest-stream.jpg", "picos-de-europa.jpg", "sunset.jpg", "dandelions.jpg")


def make_pictures(folder: Path, count: int, width: int, height: int) -> None:
    """Fill a folder with JPEGs of one size, made from the example photos."""
    folder.mkdir()
    for n in range(count):
        with Image.open(PHOTOS / LANDSCAPES[n % len(LANDSCAPES)]) as image:
            image.convert("RGB").resize((width, height), Image.Resampling.BICUBIC).save(
                folder / f"{n:05d}.jpg", quality=90
            )


def seconds(*command: str | Path) -> float:
    """Run a command and return its wall time."""
    started = time.perf_counter()
    subprocess.run([sys.executable, *command], check=True, capture_output=True, env=os.environ)
    return time.perf_counter() - started


def main() -> None:
    """Measure, round by round, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="summer2winter")
    parser.add_argument("--pictures", type=int, default=24)
    parser.add_argument("--width", type=int, default=1152)
    parser.add_argument("--height", type=int, default=864)
    parser.add_argument("--size", type=int, default=0, help="longest side at which the network works; 0 is native")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    plain, ours = [], []
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        make_pictures(root / "in", arguments.pictures, arguments.width, arguments.height)
        size = str(arguments.size or "native")
        for n in range(arguments.rounds):
            plain.append(
                seconds(HERE / "plain_loop.py", arguments.model, root / "in", root / f"plain{n}", str(arguments.size))
            )
            ours.append(
                seconds(
                    "-m", "imgtrans", "run", root / "in", "--model", arguments.model, "-o", root / f"ours{n}",
                    "--size", size, "-q",
                )
            )  # fmt: skip
            print(f"round {n + 1}: plain loop {plain[-1]:.2f} s, imgtrans {ours[-1]:.2f} s", flush=True)
    ratio = statistics.median(o / p for o, p in zip(ours, plain, strict=True))
    print(
        f"{arguments.pictures} JPEGs of {arguments.width}x{arguments.height}, size {size}, {arguments.model}: "
        f"plain loop {statistics.median(plain):.2f} s, imgtrans {statistics.median(ours):.2f} s, "
        f"ratio {ratio:.2f} (below 1: imgtrans is faster)"
    )


if __name__ == "__main__":
    main()
