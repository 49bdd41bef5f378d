"""What a watched folder costs: how soon one picture is done, what idling takes, and how a burst goes against ``run``.

    python benchmarks/watching.py --done 0 100000 --arrivals 100 --burst 10000

The pictures are tiny and so is the network, so that what is measured is the watching. The files that are done are real
files with real outputs; that they are is written straight into the journal, as to translate them would take half an
hour. Latency is from the rename that completes a file to the event that says that its output is on the disk, less
``--settle``; the network's time is in it. CPU time is that of the daemon and its workers together.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil
import torch
from throughput import make_pictures

from imgtrans import checkpoint
from imgtrans.architectures.resnet import GeneratorResNet, weights_init_normal
from imgtrans.batch.asked import Request
from imgtrans.batch.request import prepare
from imgtrans.card import Card
from imgtrans.finding.destination import item_for
from imgtrans.finding.file import look
from imgtrans.journal.entry import Entry
from imgtrans.journal.writing import Journal
from imgtrans.zoo.store import install

IN_FOLDER = 1000
AT_ONCE = 5000  # entries of the journal
IDLE_SECONDS = 60.0
OPTIONS = ("-m", "tiny", "--device", "cpu", "--json", "-q")

# The daemon as it is, but that looks come often, whatever else happens, and each tells what it took.
LOOKING = """
import sys
from imgtrans import __main__ as program
from imgtrans.watching import search
plan = search.Search._plan_look
def told(self, now, took, cpu):
    plan(self, now, took, cpu)
    print(f"LOOK {took:.4f} {cpu:.4f}", file=sys.stderr, flush=True)
search.Search._plan_look, search.between_looks = told, lambda cpu: 5.0
search.Search._gone_astray = lambda self: None  # others may mount and unmount meanwhile
program.main()
"""


class Command:
    """A command whose events are kept with the moments at which they were told."""

    def __init__(self, *arguments: str | Path, code: str = "") -> None:
        start = ["-c", code] if code else ["-m", "imgtrans"]
        self.events: list[tuple[float, dict[str, object]]] = []
        self._changed = threading.Condition()
        self.process = subprocess.Popen(
            [sys.executable, *start, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.said: list[str] = []
        threading.Thread(target=self._read, daemon=True).start()
        threading.Thread(target=lambda: self.said.extend(self.process.stderr or ()), daemon=True).start()

    def _read(self) -> None:
        for line in self.process.stdout or ():
            with self._changed:
                self.events.append((time.monotonic(), json.loads(line)))
                self._changed.notify_all()

    def times(self, key: str, value: str) -> list[float]:
        """Return when events were told that have this value."""
        return [moment for moment, event in [*self.events] if event.get(key) == value]

    def wait(self, key: str, value: str, count: int) -> list[float]:
        """Wait for so many such events; return when they were told."""
        with self._changed:
            while len(told := self.times(key, value)) < count:
                if self.process.poll() is not None:
                    raise SystemExit("".join(self.said) or "it has ended")
                self._changed.wait(1.0)
        return told

    def cpu(self) -> float:
        """Return the CPU seconds of all its processes."""
        whole = psutil.Process(self.process.pid)
        times = [one.cpu_times() for one in (whole, *whole.children(recursive=True))]
        return sum(one.user + one.system for one in times)

    def cost(self, count: int) -> tuple[float, float]:
        """Wait until so many pictures are translated; return how many are, and the CPU seconds that were used."""
        return len(self.wait("status", "translated", count)), self.cpu()

    def memory(self) -> float:
        """Return the memory of the main process, in GB."""
        return psutil.Process(self.process.pid).memory_info().rss / 1e9

    def stop(self) -> None:
        """End it well."""
        self.process.terminate()
        if self.process.wait():
            raise SystemExit("".join(self.said))


def make_done(inbox: Path, out: Path, count: int) -> None:
    """Fill an inbox with pictures that are done."""
    make_pictures(inbox.parent / "one", 1, 16, 16)
    (one,) = (inbox.parent / "one").iterdir()
    content = one.read_bytes()
    prepared = prepare(Request([inbox], "tiny", out))
    (out).mkdir(exist_ok=True)
    entries: list[Entry] = []
    with Journal(out) as journal:
        for number in range(count):
            path = inbox / f"{number // IN_FOLDER:04}" / f"IMG_{number:06}.jpg"
            if number % IN_FOLDER == 0:
                path.parent.mkdir()
                (out / path.parent.name).mkdir()
            path.write_bytes(content)
            item = item_for(look(path, path.relative_to(inbox), inbox), prepared.destination)
            item.output.write_bytes(content)
            entries.append(prepared.recipe.entry(item, "done", item.output.stat()))
            if len(entries) == AT_ONCE or number == count - 1:
                journal.record(entries)
                entries = []


def arrivals(folder: Path, done: int, count: int, settle: float) -> None:
    """Measure an idle daemon, and single pictures that arrive."""
    inbox, out = folder / "inbox", folder / "out"
    inbox.mkdir()
    make_done(inbox, out, done)
    make_pictures(folder / "arriving", count + 1, 64, 48)
    pictures = sorted((folder / "arriving").iterdir())
    started = time.monotonic()
    daemon = Command("watch", inbox, "-o", out, *OPTIONS, "--settle", str(settle))
    daemon.wait("status", "skipped", done)
    ready = time.monotonic() - started
    (inbox / "new").mkdir()
    pictures[0].rename(inbox / "new" / "warm.jpg")
    daemon.wait("status", "translated", 1)
    time.sleep(2.0)
    before = daemon.cpu()
    time.sleep(IDLE_SECONDS)
    idle = (daemon.cpu() - before) / IDLE_SECONDS
    before, began, waits = daemon.cpu(), time.monotonic(), []
    for number, path in enumerate(pictures[1:]):
        complete = time.monotonic()
        path.rename(inbox / "new" / f"{number}.jpg")
        told = daemon.wait("status", "translated", number + 2)[-1]
        waits.append(told - complete - settle)
    used = (daemon.cpu() - before - idle * (time.monotonic() - began)) / count
    memory = daemon.memory()
    daemon.stop()
    waits.sort()
    print(
        f"{done:,} files done: all known {ready:.1f} s after the start, {memory:.2f} GB; idle {100 * idle:.2f} % of a "
        f"core; beyond settling median {1e3 * statistics.median(waits):.0f} ms, p99 "
        f"{1e3 * waits[int(0.99 * (count - 1))]:.0f} ms; {1e3 * used:.1f} ms of CPU for each that arrives, its "
        "translation included",
        flush=True,
    )
    looking = Command("watch", inbox, "-o", out, *OPTIONS, "--settle", str(settle), code=LOOKING)
    while sum(line.startswith("LOOK") for line in [*looking.said]) < 4:
        if looking.process.poll() is not None:
            raise SystemExit("".join(looking.said))
        time.sleep(0.2)
    looking.stop()
    looks = [tuple(map(float, line.split()[1:])) for line in looking.said if line.startswith("LOOK")]
    first, (wall, cpu) = looks[0], map(statistics.median, zip(*looks[1:], strict=True))
    print(
        f"    a look {wall:.2f} s, {cpu:.2f} of CPU; the first one {first[0]:.2f} s, {first[1]:.2f} of CPU", flush=True
    )


def bursts(folder: Path, count: int, settle: float, rounds: int) -> None:
    """Measure many files at once against ``run`` on the same, in turn, and one that comes in the middle."""
    make_pictures(folder / "pictures", count, 64, 48)
    (folder / "single").mkdir()
    shutil.copy(next((folder / "pictures").iterdir()), folder / "single" / "single.jpg")
    ratios = []
    for number in range(rounds):
        run = Command("run", folder / "pictures", "-o", folder / f"run-{number}", *OPTIONS)
        costs = [run.cost(count // 4), run.cost(count * 9 // 10)]
        told = run.wait("status", "translated", count)
        run.process.wait()
        by_run = count / (told[-1] - told[0])
        inbox = folder / f"inbox-{number}"
        inbox.mkdir()
        shutil.copytree(folder / "pictures", folder / "ready")
        shutil.copytree(folder / "single", folder / "one")
        daemon = Command("watch", inbox, "-o", folder / f"out-{number}", *OPTIONS, "--settle", str(settle))
        daemon.wait("event", "ready", 1)
        (folder / "ready").rename(inbox / "burst")
        costs += [daemon.cost(count // 4)]
        early = daemon.memory()
        complete = time.monotonic()
        (folder / "one").rename(inbox / "one")
        costs += [daemon.cost(count * 9 // 10)]
        told = daemon.wait("status", "translated", count + 1)
        single = next(moment for moment, event in daemon.events if str(event.get("input")).endswith("single.jpg"))
        late = daemon.memory()
        daemon.stop()
        by_watch = count / (told[-1] - told[0])
        ratios.append(by_watch / by_run)
        of_run, of_watch = [1e3 * (end[1] - begin[1]) / (end[0] - begin[0]) for begin, end in (costs[:2], costs[2:])]
        print(
            f"a burst of {count:,}: {by_watch:.1f} a second, run {by_run:.1f}, ratio {ratios[-1]:.3f}; "
            f"{of_watch:.2f} ms of CPU for each, run {of_run:.2f}; one that came after a quarter of it waited "
            f"{single - complete - settle:.2f} s beyond settling; memory {early:.3f} GB after a quarter, {late:.3f} "
            "GB in the end",
            flush=True,
        )
    print(f"median ratio {statistics.median(ratios):.3f}", flush=True)


def install_tiny() -> None:
    """Put a network of width 4 into the zoo."""
    torch.manual_seed(0)
    network = GeneratorResNet((3, 0, 0), 1, ngf=4).apply(weights_init_normal)
    card = Card("tiny", "", "", "resnet", {"channels": 3, "ngf": 4, "blocks": 1, "upsampling": "nearest"}, "")
    install(card, lambda path: checkpoint.write_weights(network.state_dict(), path))


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--done", type=int, nargs="*", default=[0, 100_000], help="files done before")
    parser.add_argument("--arrivals", type=int, default=100)
    parser.add_argument("--burst", type=int, default=10_000, help="0 is none")
    parser.add_argument("--rounds", type=int, default=1, help="of the burst")
    parser.add_argument("--settle", type=float, default=0.5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        os.environ["IMGTRANS_HOME"] = str(Path(name) / "home")
        install_tiny()
        for done in given.done:
            with tempfile.TemporaryDirectory() as place:
                arrivals(Path(place), done, given.arrivals, given.settle)
        if given.burst:
            with tempfile.TemporaryDirectory() as place:
                bursts(Path(place), given.burst, given.settle, given.rounds)


if __name__ == "__main__":
    main()
