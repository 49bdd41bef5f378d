"""What very many pictures take: machines, hours, requests, bytes and money, from rates that were measured; and a check.

    python benchmarks/scaling.py --pictures 1e9 --gpus 64 --prefixes 100
    python benchmarks/scaling.py --check                # the same sums for this machine, beside what runs take here

Each stage has a rate, and the slowest of them is the run's: stages overlap. docs/scaling.md says where the rates are
from.
"""

import argparse
import math
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

LISTED = 1000  # objects that a store names in one answer
HOUR = 3600.0


@dataclass(frozen=True)
class Rates:
    """What one of each does in a second, and what it costs.

    Attributes:
        model: Pictures a second, of one GPU or of one machine's cores.
        codec: Pictures a second that one core reads and writes.
        given_out: Pictures a second that one command gives out, makes final and journals.
        found: Files a second that one command finds.
        start: Seconds until the first picture is begun.
        network: Bytes a second between one machine and the storage.
        prefix: Objects a second that a store gives, or takes, whichever is less, below one prefix.
        gpu_hour: Money for one GPU with its share of a machine, an hour.
        million_reads: Money for a million requests that read; ...
        million_writes: ... that write or list.
        gigabyte_month: Money for keeping a gigabyte for a month.
    """

    model: float
    codec: float
    given_out: float
    found: float
    start: float = 30.0
    network: float = 1.5e9
    prefix: float = 3500.0
    gpu_hour: float = 3.0
    million_reads: float = 0.4
    million_writes: float = 5.0
    gigabyte_month: float = 0.023


@dataclass(frozen=True)
class Asked:
    """A run.

    Attributes:
        pictures: How many.
        gpus: GPUs, or machines without one.
        cores: Cores beside each.
        commands: Commands that share it, as ``--shard`` does; 0 is as many as it takes.
        read: Bytes of a picture as it is read.
        written: Bytes as it is written.
        prefixes: Over how many prefixes of a store, as folders, they are spread evenly; 0 is a file system, without
            requests that are counted.
    """

    pictures: float
    gpus: int
    cores: int = 16
    commands: int = 0
    read: float = 16_000.0
    written: float = 18_000.0
    prefixes: int = 0


# Measured: docs/scaling.md. "h100-64" is a network of width 64 with 9 blocks, "h100-32" one of width 32 with 6.
KINDS = {
    "h100-64": Rates(model=3192, codec=550, given_out=2000, found=86_000),
    "h100-32": Rates(model=5335, codec=550, given_out=2000, found=86_000),
}


@dataclass(frozen=True)
class Answer:
    """What a run takes.

    Attributes:
        rates: Pictures a second that each stage does, all of it together; the least is the run's.
        commands: Commands that share it.
        models: Processes with a model that the slowest stage leaves work for.
        codecs: Processes that read and write, likewise.
        seconds: Of the run.
        bytes: That cross the network.
        reads: Requests that read.
        writes: Requests that write or list.
        money: By what it is for.
    """

    rates: dict[str, float]
    commands: int
    models: int
    codecs: int
    seconds: float
    bytes: float
    reads: float
    writes: float
    money: dict[str, float]

    @property
    def slowest(self) -> str:
        """The stage that the others wait for."""
        return min(self.rates, key=lambda name: self.rates[name])


def worked_out(asked: Asked, rates: Rates) -> Answer:
    """Work out what a run takes."""
    model, codec = rates.model * asked.gpus, rates.codec * asked.gpus * asked.cores
    commands = asked.commands or max(1, math.ceil(min(model, codec) / rates.given_out))
    stages = {
        "model": model,
        "codecs": codec,
        "commands": rates.given_out * commands,
        "finding": rates.found,  # each command meets all paths, and keeps its own
        "network": rates.network * asked.gpus / (asked.read + asked.written),
    }
    if asked.prefixes:
        stages["store"] = rates.prefix * asked.prefixes
    rate = min(stages.values())
    seconds = rates.start + asked.pictures / rate
    models, codecs = math.ceil(rate / rates.model), math.ceil(rate / rates.codec)
    reads = asked.pictures if asked.prefixes else 0.0
    writes = asked.pictures + commands * asked.pictures / LISTED if asked.prefixes else 0.0
    money = {
        "GPUs": asked.gpus * seconds / HOUR * rates.gpu_hour,
        "requests": (reads * rates.million_reads + writes * rates.million_writes) / 1e6,
        "outputs, a month": asked.pictures * asked.written / 1e9 * rates.gigabyte_month,
    }
    moved = asked.pictures * (asked.read + asked.written)
    return Answer(stages, commands, models, codecs, seconds, moved, reads, writes, money)


def show(asked: Asked, answer: Answer) -> None:
    """Print it."""
    print(
        f"{asked.pictures:,.0f} pictures, {asked.gpus} GPUs with {asked.cores} cores each, {answer.commands} commands"
    )
    for name, rate in answer.rates.items():
        print(f"  {name:10} {rate:>12,.0f} pictures/s" + ("   <- the slowest" if name == answer.slowest else ""))
    print(f"  busy       {answer.models:>12,} models, {answer.codecs:,} codecs")
    print(f"  time       {answer.seconds / HOUR:>12,.1f} hours")
    print(
        f"  bytes      {answer.bytes / 1e12:>12,.2f} TB;  requests {(answer.reads + answer.writes) / 1e6:,.0f} million"
    )
    print("  money      " + ", ".join(f"{what} {much:,.0f}" for what, much in answer.money.items()))


def check(counts: list[int]) -> None:
    """Measure this machine's rates with few pictures, and say beforehand what more of them take; then let them run.

    The network is so narrow that every stage but the model is what it takes on a large machine.
    """
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    from benchmarks.scanning import all_found, make_files
    from benchmarks.throughput import make_pictures

    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        environment = {**os.environ, "IMGTRANS_HOME": str(root / "home"), "OMP_NUM_THREADS": "1"}
        _install_tiny(environment)
        few = {count: root / f"in{count}" for count in (200, 2000)}
        for count, folder in few.items():
            make_pictures(folder, count, 64, 64)
        took = {count: _run(folder, root / f"out{count}", environment) for count, folder in few.items()}
        rate = (2000 - 200) / (took[2000] - took[200])
        start = max(0.0, took[200] - 200 / rate)
        (root / "found").mkdir()
        make_files(root / "found" / "in", 100_000, 1000)
        found, _ = all_found(root / "found" / "in", root / "found" / "out")
        rates = Rates(model=rate, codec=math.inf, given_out=math.inf, found=1e5 / max(0.1, found - start), start=start)
        print(f"measured: {rate:,.0f} pictures/s, start {start:.1f} s, {rates.found:,.0f} files/s found", flush=True)
        for count in sorted(counts):
            asked = Asked(count, 1, 1, 1)
            expected = worked_out(asked, replace(rates, network=math.inf)).seconds
            folder = root / f"in{count}"
            make_pictures(folder, count, 64, 64)
            seconds = _run(folder, root / f"out{count}", environment)
            said = f"{expected:,.0f} s expected, {seconds:,.0f} s taken, {seconds / expected:.2f} of it"
            print(f"{count:,} pictures: {said}", flush=True)


def _install_tiny(environment: dict[str, str]) -> None:
    code = """
import torch
from imgtrans.architectures.resnet import GeneratorResNet, weights_init_normal
torch.manual_seed(0)
torch.save(GeneratorResNet((3, 0, 0), 1, ngf=4).apply(weights_init_normal).state_dict(), "tiny.pth")
"""
    with tempfile.TemporaryDirectory() as name:
        subprocess.run([sys.executable, "-c", code], check=True, cwd=name, env=environment)
        command = [sys.executable, "-m", "imgtrans", "models", "import", "tiny.pth", "--name", "tiny"]
        subprocess.run(command, check=True, cwd=name, env=environment, capture_output=True)


def _run(source: Path, out: Path, environment: dict[str, str]) -> float:
    started = time.perf_counter()
    command = [sys.executable, "-m", "imgtrans", "run", str(source), "-m", "tiny", "-o", str(out), "-q"]
    subprocess.run(command, check=True, env=environment)
    return time.perf_counter() - started


def main() -> None:
    """Work out what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=float, default=1e9)
    parser.add_argument("--gpus", type=int, default=64)
    parser.add_argument("--cores", type=int, default=16)
    parser.add_argument("--commands", type=int, default=0)
    parser.add_argument("--kind", choices=[*KINDS], default="h100-64")
    parser.add_argument("--prefixes", type=int, default=0, help="of an object store; 0 is a file system")
    parser.add_argument("--gpu-hour", type=float, default=3.0, help="what one costs")
    parser.add_argument("--check", type=int, nargs="*", metavar="N", help="measure here, with so many pictures")
    given = parser.parse_args()
    if given.check is not None:
        check(given.check or [10_000])
        return
    rates = replace(KINDS[given.kind], gpu_hour=given.gpu_hour)
    asked = Asked(given.pictures, given.gpus, given.cores, given.commands, prefixes=given.prefixes)
    show(asked, worked_out(asked, rates))


if __name__ == "__main__":
    main()
