"""What a picture costs around the network: CPU time of the main process and of the workers.

    python benchmarks/around.py --pictures 2000
    python benchmarks/around.py --pictures 2000 --against ../older

A whole run, with its journal and the disk, from when the model is loaded, but for the network: what goes in comes out.
The main process does one thing at a time, so its milliseconds bound how many pictures a second there can be, while
those of the workers are spread over the cores. ``--against`` does the same with other checkouts, in turn.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from throughput import make_pictures

MEASURED = ("wall", "main", "workers")
INSIDE = """
import json, resource, sys, time
from pathlib import Path
from imgtrans.batch.opening import EngineOpening
from imgtrans.batch.asked import Request
from imgtrans.batch.report import Report
from imgtrans.batch.request import prepare
from imgtrans.batch.run import run
from imgtrans.cli.listener import RunListener
from imgtrans.console import Console
photos, out, size, workers = sys.argv[1:]
began = []
class Nothing:
    def run(self, batch):
        return batch
def opened(self, found=EngineOpening.open, **told):
    engine = found(self, **told)
    engine.sessions, engine.batch_pixels, engine.workers = [Nothing()], 1 << 22, int(workers) or engine.workers
    began[:] = time.perf_counter(), time.process_time()
    return engine
EngineOpening.open = opened
report, listener = Report(), RunListener(Console(-1))
run(prepare(Request([Path(photos)], "summer2winter", Path(out), size=size, backend="eager")), listener, report)
listener.close()
wall, main = time.perf_counter() - began[0], time.process_time() - began[1]
used = resource.getrusage(resource.RUSAGE_CHILDREN)
assert not report.failed
each = {"wall": wall, "main": main, "workers": used.ru_utime + used.ru_stime}
print(json.dumps({name: 1e3 * seconds / report.translated for name, seconds in each.items()}))
"""


def main() -> None:
    """Measure, round by round, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, help="a folder of pictures; else JPEGs of 256x256 are made")
    parser.add_argument("--pictures", type=int, default=2000)
    parser.add_argument("--size", default="native")
    parser.add_argument("--workers", type=int, default=0, help="processes; 0 is as many as a run would have")
    parser.add_argument("--against", type=Path, nargs="+", default=[], help="other checkouts")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    trees = [*given.against, Path(__file__).resolve().parent.parent]
    took: dict[Path, list[dict[str, float]]] = {tree: [] for tree in trees}
    with tempfile.TemporaryDirectory() as name:
        photos = given.photos or Path(name, "in")
        if not given.photos:
            make_pictures(photos, given.pictures, 256, 256)
        for n in range(given.rounds):
            for number, tree in enumerate(trees):
                out = Path(name, f"out{n}-{number}")
                command = [sys.executable, "-c", INSIDE, photos, out, given.size, str(given.workers)]
                environment = os.environ | {"PYTHONPATH": str(tree.resolve())}
                done = subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=name, env=environment)
                took[tree].append(json.loads(done.stdout))
    first = {}
    for tree, rounds in took.items():
        each = {what: statistics.median(one[what] for one in rounds) for what in MEASURED}
        first = first or each
        print(
            f"{tree.resolve().name}: {each['wall']:.2f} ms a picture on the clock; CPU time of the main process "
            f"{each['main']:.2f} ms, of the workers {each['workers']:.2f} ms; "
            f"ratios {', '.join(f'{each[what] / first[what]:.2f}' for what in MEASURED)}"
        )


if __name__ == "__main__":
    main()
