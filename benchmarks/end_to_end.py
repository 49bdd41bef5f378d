"""Wall time of ``imgtrans run`` over photos of two sizes, against what it cannot be faster than, and the plain loop.

    python benchmarks/end_to_end.py --pictures 200 200 --rounds 1

The model's own time is that of the same session over the same batches with nothing else going on; the codecs' is the
CPU time of reading and writing the same pictures one after the other, with a network that changes nothing. On a GPU a
run can be as fast as the larger of the model's time and the codecs' over the cores. On a CPU both share the cores, and
it can be as fast as their sum.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from throughput import HERE, make_pictures, seconds

SIZES = ((1152, 864), (4000, 3000))
PARTS = """
import json, sys, time
from dataclasses import replace
from pathlib import Path
from imgtrans import translate
from imgtrans.batch.plan import Tally
from imgtrans.journal.reading import JournalReader
from imgtrans.batch.asked import Request
from imgtrans.batch.request import prepare
photos, out, model, size, device = sys.argv[1:]
prepared = prepare(Request([Path(photos)], model, Path(out), size=size, device=device))
with prepared.opening().open() as engine:
    with JournalReader(Path(out)) as records:
        items = [decision.item for decision in prepared.decisions(records, Tally())]
    buckets, codecs = {}, 0.0
    for item in items:
        started = time.process_time()
        read = translate.read(item, engine.job)
        seen = [translate.padded(frame, engine.job) for frame in read.frames]
        temporary = Path(out + ".tmp")
        translate.write(read, seen, temporary, engine.job.wanted)
        codecs += time.process_time() - started
        temporary.unlink()
        buckets.setdefault(seen[0].shape, []).extend(seen)
    model = 0.0
    for (height, width, _), pictures in buckets.items():
        together = max(1, min(engine.batch_size, engine.batch_pixels // (height * width)))
        translate.compute(engine.sessions[0], pictures[:together])  # the first takes memory, and chooses algorithms
        started = time.perf_counter()
        for first in range(0, len(pictures), together):
            translate.compute(engine.sessions[0], pictures[first:first + together])
        model += time.perf_counter() - started
print(json.dumps({"model": model, "codecs": codecs, "own_device": engine.on_device}))
"""


def main() -> None:
    """Measure, round by round, and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="summer2winter")
    parser.add_argument("--pictures", type=int, nargs=2, default=[20, 20], help="of 1 and of 12 megapixels")
    parser.add_argument("--size", type=int, default=512, help="longest side at which the network works; 0 is native")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--rounds", type=int, default=1)
    given = parser.parse_args()
    size = str(given.size or "native")
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        (root / "in").mkdir()
        for count, (width, height) in zip(given.pictures, SIZES, strict=True):
            make_pictures(root / "in" / f"{width}", count, width, height)
        for n in range(given.rounds):
            command = [sys.executable, "-c", PARTS, root / "in", str(root / "parts"), given.model, size, given.device]
            parts = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
            ours = seconds(
                "-m", "imgtrans", "run", root / "in", "-m", given.model, "-o", root / f"ours{n}", "--size", size,
                "--device", given.device, "-q",
            )  # fmt: skip
            plain = sum(
                seconds(HERE / "plain_loop.py", given.model, folder, root / f"plain{n}-{folder.name}", str(given.size))
                for folder in sorted((root / "in").iterdir())
                if any(folder.iterdir())
            )
            model, codecs = parts["model"], parts["codecs"] / (os.cpu_count() or 1)
            least, kind = (max(model, codecs), "larger") if parts["own_device"] else (model + codecs, "sum")
            print(
                f"round {n + 1}: imgtrans {ours:.1f} s; model alone {model:.1f} s, codecs {codecs:.1f} s on all cores; "
                f"{ours / max(model, codecs):.2f} times the larger of the two, {ours / least:.2f} times the {kind}; "
                f"plain loop {plain:.1f} s, ratio {ours / plain:.2f} (below 1: imgtrans is faster)",
                flush=True,
            )


if __name__ == "__main__":
    main()
