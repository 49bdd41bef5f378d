"""Carrying the change over to the full picture: guided against bicubic, and both against exact native translation.

    python benchmarks/upsampling.py --size 6000x4000 --working 512 1024
    python benchmarks/upsampling.py --pictures a.jpg b.jpg --model summer2winter --working 256 512 1024

The first prints times and peaks of memory, interleaved; the second what is left of the native translation.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from imgtrans.images.decode import decode
from imgtrans.images.resample import pad, shrink, working_size
from imgtrans.images.upsample import bicubic, guided
from imgtrans.protocols import Pixels

WAYS = {"bicubic": bicubic, "guided": guided}

HERE = Path(__file__).parent

# What a worker process does with one picture, from file to file, without the network.
PEAK = """
import sys
from pathlib import Path
from imgtrans import translate
from imgtrans.protocols import Item, Job
from peak import peak
way, longest, path = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
job = Job(size=longest, multiple=4, smallest=8, max_pixels=10**9, max_working_pixels=10**9, upsample=way)
def item(path):
    status = path.stat()
    return Item(path, path.with_name("out.jpg"), b"", b"", "JPEG", status.st_size, status.st_mtime_ns)
def work(path):
    prepared = translate.read(item(path), job)
    translate.write(prepared, [255 - translate.padded(prepared, job)], path.with_name("out.jpg"))
    return prepared.pixels
work(path.with_name("small.jpg"))
before = peak()
pixels = work(path)
print((peak() - before) / pixels)
"""


def scene(width: int, height: int) -> Pixels:
    """Shapes with grain on them."""
    random = np.random.default_rng(0)
    shapes = Image.fromarray(random.integers(0, 256, (30, 40, 3), dtype=np.uint8))
    grain = random.integers(0, 24, (height, width, 1), dtype=np.uint8)
    return np.asarray(shapes.resize((width, height), Image.Resampling.NEAREST)) // 2 + grain


def cost(width: int, height: int, longest: int, rounds: int) -> None:
    """Time both ways on one picture, and measure what they take of memory with all that is around them."""
    original = scene(width, height)
    before = shrink(original, working_size(width, height, longest))
    seconds: dict[str, list[float]] = {name: [] for name in WAYS}
    for _ in range(rounds):
        for name, way in WAYS.items():
            start = time.process_time()
            way(original, before, 255 - before)
            seconds[name].append(time.process_time() - start)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "picture.jpg")
        Image.fromarray(original).save(path, quality=92)
        Image.fromarray(original[:64, :64]).save(path.with_name("small.jpg"))
        peaks = {
            name: float(
                subprocess.run(
                    [sys.executable, "-c", PEAK, name, str(longest), str(path)],
                    check=True,
                    capture_output=True,
                    text=True,
                    cwd=HERE,
                ).stdout
            )
            for name in WAYS
        }
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    print(
        f"{width}x{height} from {longest}: "
        + ", ".join(f"{name} {medians[name]:.2f} s, {peaks[name]:.1f} bytes per pixel at the peak" for name in WAYS)
        + f"; ratio of times {medians['guided'] / medians['bicubic']:.2f}",
        flush=True,
    )


def likeness(path: Path, model: str, sizes: list[int]) -> None:
    """Translate a picture at its own size and at smaller ones, and print times and how near these come, in dB."""
    import torch

    from imgtrans.backends.eager import EagerSession
    from imgtrans.zoo.adapting import adapted
    from imgtrans.zoo.loading import load_network
    from imgtrans.zoo.store import find

    torch.set_num_threads(1)
    found = find(model)
    session = EagerSession(adapted(load_network(found), found.card), torch.device("cpu"), torch.float32)

    def translated(pixels: Pixels) -> tuple[Pixels, float]:
        start = time.process_time()
        result = session.run(pad(pixels, 4, 8)[None])[0, : pixels.shape[0], : pixels.shape[1]]
        return result, time.process_time() - start

    original = decode(path).pixels
    height, width = original.shape[:2]
    native, seconds = translated(original)
    print(f"{path.name}, {width}x{height}, {model}: native {seconds:.0f} s", flush=True)
    for longest in sizes:
        before = shrink(original, working_size(width, height, longest))
        after, seconds = translated(before)
        parts = [f"  from {longest}: network {seconds:.1f} s"]
        for name, way in WAYS.items():
            start = time.process_time()
            result = way(original, before, after)
            taken = time.process_time() - start
            parts.append(f"{name} {taken:.2f} s, {psnr(result, native):.1f} dB of native")
        print(", ".join(parts), flush=True)


def psnr(pixels: Pixels, reference: Pixels) -> float:
    """Return the peak signal-to-noise ratio in dB."""
    squares = np.mean((pixels.astype(np.float32) - reference) ** 2, dtype=np.float64)
    return float(10 * np.log10(255**2 / squares))


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="6000x4000")
    parser.add_argument("--working", type=int, nargs="+", default=[512, 1024, 2048])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pictures", type=Path, nargs="+", help="compare with native translation instead")
    parser.add_argument("--model", default="summer2winter")
    arguments = parser.parse_args()
    if arguments.pictures:
        for path in arguments.pictures:
            likeness(path, arguments.model, arguments.working)
    else:
        width, height = map(int, arguments.size.split("x"))
        for longest in arguments.working:
            cost(width, height, longest, arguments.rounds)


if __name__ == "__main__":
    main()
