"""``imgtrans run --executor ray`` here: two workers against one, against the local executor, and under kills.

    python benchmarks/cluster.py workers --pictures 48       # one model of one thread, and two
    python benchmarks/cluster.py overhead --pictures 2000    # the same run by ray and by local
    python benchmarks/cluster.py kills --pictures 2000       # 30 of Ray's workers killed, at random
    python benchmarks/cluster.py machines --pictures 600     # one of two machines taken away

It needs plugins/imgtrans-ray. Times are those of whole commands, start included; "steady" is without what the same
command takes for a single picture.
"""

import argparse
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil
from throughput import make_pictures

KILLS = 30
WORKERS = ("ray::CodecActor", "ray::ModelActor")


def command(source: Path, out: Path, model: str, *more: str) -> list[str]:
    """Return a run's command."""
    run = [sys.executable, "-m", "imgtrans", "run", str(source), "-m", model, "-o", str(out)]
    return [*run, "--size", "native", "--device", "cpu", "-q", *more]


def seconds(given: list[str]) -> float:
    """Run a command and return its wall time."""
    started = time.perf_counter()
    subprocess.run(given, check=True, env={**os.environ, "CUDA_VISIBLE_DEVICES": ""})
    return time.perf_counter() - started


def outputs(folder: Path) -> dict[str, bytes]:
    """Return the files of a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def compared(root: Path, model: str, ways: dict[str, list[str]], rounds: int) -> None:
    """Run each way over all pictures, and over one, in turn; print medians and the ratios to the first."""
    took: dict[str, list[float]] = {name: [] for name in ways}
    start: dict[str, float] = {}
    for n in range(rounds):
        for name, more in ways.items():
            took[name].append(seconds(command(root / "in", root / f"{name}{n}", model, *more)))
    for name, more in ways.items():
        start[name] = seconds(command(root / "one", root / f"{name}-one", model, *more))
    first, *_ = ways
    made = [outputs(root / f"{name}0") for name in ways]
    assert all(one == made[0] for one in made), "outputs differ"
    for name in ways:
        whole, steady = statistics.median(took[name]), statistics.median(took[name]) - start[name]
        base, base_steady = statistics.median(took[first]), statistics.median(took[first]) - start[first]
        print(
            f"{name}: {whole:.1f} s, {base / whole:.2f} of {first}'s speed; steady {steady:.1f} s, "
            f"{base_steady / steady:.2f} of it; start {start[name]:.1f} s",
            flush=True,
        )


def kills(root: Path, model: str, count: int) -> None:
    """Kill workers at random while pictures are translated, and look at what is there in the end."""
    seconds(command(root / "in", root / "local", model))
    out, killed = root / "ray", 0
    run = subprocess.Popen(command(root / "in", out, model, "--executor", "ray", "-O", "ray.models=2"))
    while run.poll() is None:
        done = len([*out.glob("*.jpg")]) if out.is_dir() else 0
        if done >= (killed + 1) * count // (KILLS + 1) and killed < KILLS and _kill_one(run.pid):
            killed += 1
        time.sleep(0.02)
    assert run.returncode == 0, f"the run ended with {run.returncode}"
    assert killed == KILLS, f"{killed} were killed before the end"
    assert outputs(out) == outputs(root / "local"), "something is lost, partial or another"
    left = [path.name for path in out.iterdir() if path.name.endswith(".tmp")]
    again = subprocess.run(command(root / "in", out, model, "--json"), check=True, capture_output=True, text=True)
    assert '"translated": 0' in again.stdout.splitlines()[-1], again.stdout.splitlines()[-1]
    print(
        f"{killed} workers killed over {count} pictures: all {count} there, as local makes them; {len(left)} left over"
    )


def machines(root: Path, model: str, count: int) -> None:
    """Take away one of two machines, which are only processes, and give it back later."""
    os.environ["RAY_AUTH_MODE"] = "disabled"
    from ray.cluster_utils import Cluster

    seconds(command(root / "in", root / "local", model))
    given = {"num_cpus": 1, "object_store_memory": 100 << 20}
    cluster = Cluster(initialize_head=True, head_node_args={**given, "include_dashboard": False})
    second, out, moments = cluster.add_node(**given), root / "ray", 0
    more = ["--executor", "ray", "-O", f"ray.address={cluster.address}", "-O", "ray.models=2", "-O", "ray.codecs=4"]
    run = subprocess.Popen(command(root / "in", out, model, *more))
    while run.poll() is None:
        done = len([*out.glob("*.jpg")]) if out.is_dir() else 0
        if moments == 0 and done >= count // 3:
            cluster.remove_node(second, allow_graceful=False)
            moments = 1
        elif moments == 1 and done >= 2 * count // 3:
            second, moments = cluster.add_node(**given), 2
        time.sleep(0.02)
    cluster.shutdown()
    assert run.returncode == 0, f"the run ended with {run.returncode}"
    assert moments == 2, "it was over before the machine was back"
    assert outputs(out) == outputs(root / "local"), "something is lost, partial or another"
    print(f"one of two machines taken away and given back over {count} pictures: all there, as local makes them")


def _kill_one(pid: int) -> bool:
    """Kill a worker of a run, if there is one."""
    there = []
    for process in psutil.Process(pid).children(recursive=True):
        try:
            if process.cmdline()[:1] and process.cmdline()[0].startswith(WORKERS):
                there.append(process)
        except psutil.Error:
            continue
    if there:
        random.choice(there).send_signal(signal.SIGKILL)
    return bool(there)


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("workers", "overhead", "kills", "machines"))
    parser.add_argument("--pictures", type=int, default=2000)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--model", default="summer2winter")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    random.seed(given.seed)
    own = ["--executor", "ray", "-O"]
    one = [*own, "ray.threads=1", "-O", "ray.codecs=2", "-O", "ray.models=1"]
    two = [*one[:-1], "ray.models=2"]
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        make_pictures(root / "in", given.pictures, given.side, given.side)
        make_pictures(root / "one", 1, given.side, given.side)
        asked: dict[str, Callable[[], None]] = {
            "workers": lambda: compared(root, given.model, {"one": one, "two": two}, given.rounds),
            "overhead": lambda: compared(root, given.model, {"local": [], "ray": ["--executor", "ray"]}, given.rounds),
            "kills": lambda: kills(root, given.model, given.pictures),
            "machines": lambda: machines(root, given.model, given.pictures),
        }
        asked[given.what]()


if __name__ == "__main__":
    main()
