"""Exact streaming against the whole picture in plain PyTorch; a row of ``python -m benchmarks``."""

import json
import subprocess
import sys
import tempfile

import numpy as np

from benchmarks.pairs import Row, Took
from benchmarks.throughput import HERE


def streaming_row(width: int, height: int, memory: float, wanted: float, rounds: int, threads: int) -> Row:
    """Measure a network of width 64 and 9 blocks over one picture, each way in a process of its own."""
    pairs, peaks = [], []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(rounds):
            told = {}
            for way in ("whole", "prepared"):
                given = [
                    sys.executable, HERE / "streaming.py", "--size", str(height), str(width), "--threads", str(threads),
                    "--memory", str(memory), "--way", way, f"{folder}/{way}.npy",
                ]  # fmt: skip
                told[way] = json.loads(subprocess.run(given, check=True, stdout=subprocess.PIPE).stdout)
            pairs.append((Took(told["whole"]["seconds"], told["whole"]["cpu"]),
                          Took(told["prepared"]["seconds"], told["prepared"]["cpu"])))  # fmt: skip
            peaks.append((told["whole"]["peak"], told["prepared"]["peak"]))
        apart = np.abs(np.load(f"{folder}/whole.npy") - np.load(f"{folder}/prepared.npy")).max()
    peak = [max(those) for those in zip(*peaks, strict=True)]
    note = f"peak {peak[0]:.2f} GB and {peak[1]:.2f} GB; values in [-1, 1] differ by {apart:.1e} at most"
    return Row(f"streaming, width 64, {width}x{height}, {memory} GB", "whole picture, eager", pairs, wanted, note)
