"""Exact streaming against whole-image inference: time, peak memory and largest difference.

    python benchmarks/streaming.py --size 1024 1024 2048 2048 --memory 0.6

Each way runs in a process of its own, one after the other. Memory is the peak of that process, and how much of it is
above what it has with PyTorch, the network's weights and the pictures loaded. With --threads 1, the ratio of CPU times
bears with a busy machine.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from peak import peak


def measure(way: str, height: int, width: int, blocks: int, threads: int, memory: float, out: str) -> None:
    import numpy as np
    import torch

    from imgtrans.architectures.family import architecture
    from imgtrans.streaming.prepared import backend
    from imgtrans.streaming.streamer import Streamer

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    network = architecture.build({"channels": 3, "ngf": 64, "blocks": blocks, "upsampling": "nearest"})
    network.eval().requires_grad_(False)
    picture = torch.rand(1, 3, height, width) * 2 - 1
    result = torch.empty(1, 3, height, width)
    before = peak() / 1e9
    said = {}
    start, cpu = time.perf_counter(), time.process_time()
    if way == "whole":
        with torch.inference_mode():
            result = network(picture)
    else:
        if way == "prepared":
            streamer = backend.open(network, torch.device("cpu"), torch.float32).streamer
        else:
            streamer = Streamer(network)
        del network
        plan = streamer.plan(height, width, int(memory * 1e9))
        said = {"planned": plan.memory / 1e9, "scratch": plan.scratch / 1e9}

        def sink(row: int, rows: torch.Tensor) -> None:
            result[:, :, row : row + rows.shape[2]] = rows

        with tempfile.TemporaryDirectory() as scratch:
            streamer.run_maps(plan, lambda a, b: picture[:, :, a:b], sink, scratch=Path(scratch))
    took, cpu = time.perf_counter() - start, time.process_time() - cpu
    np.save(out, result.numpy())
    print(json.dumps({"seconds": took, "cpu": cpu, "peak": peak() / 1e9, "before": before, **said}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, nargs="+", default=[512, 512], help="heights and widths")
    parser.add_argument("--blocks", type=int, default=9)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory", type=float, default=8.0, help="GB for streaming")
    parser.add_argument("--backend", choices=["prepared", "eager"], default="prepared", help="of streaming")
    parser.add_argument("--way", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.way:
        measure(given.way[0], *given.size[:2], given.blocks, given.threads, given.memory, given.way[1])
        return
    import numpy as np

    ways = {"eager": "streamed", "prepared": "prepared"}
    for height, width in zip(given.size[::2], given.size[1::2], strict=True):
        with tempfile.TemporaryDirectory() as folder:
            found: dict[str, list[dict[str, float]]] = {"whole": [], ways[given.backend]: []}
            for _ in range(given.rounds):
                for way, results in found.items():
                    command = [
                        sys.executable, __file__, "--size", str(height), str(width), "--blocks", str(given.blocks),
                        "--threads", str(given.threads), "--memory", str(given.memory), "--way", way,
                        f"{folder}/{way}.npy",
                    ]  # fmt: skip
                    results.append(json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout))
            whole, streamed = (np.load(f"{folder}/{way}.npy") for way in found)
            ratios, cpu = (
                [b[what] / a[what] for a, b in zip(*found.values(), strict=True)] for what in ("seconds", "cpu")
            )
            for way, results in found.items():
                seconds = statistics.median(r["seconds"] for r in results)
                peak = max(r["peak"] for r in results)
                above = max(r["peak"] - r["before"] for r in results)
                print(f"{width}x{height} {way}: {seconds:.1f} s, {peak:.2f} GB in all, {above:.2f} GB of it for this; "
                      f"{results[0]}", flush=True)  # fmt: skip
            print(f"  ratios {np.round(ratios, 2)}, of CPU time {np.round(cpu, 2)}, "
                  f"largest difference {abs(whole - streamed).max():.1e}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
