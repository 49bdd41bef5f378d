"""Each backend that is installed against plain PyTorch: how fast on this processor, and how far apart.

    python -m benchmarks.runtimes                          # a few minutes
    python -m benchmarks.runtimes --into docs/backends.md  # the table that stands there

All do the same picture in turn, as often as there are rounds; seconds are medians, and the ratio is the median of
rounds. Differences are of a picture of 16 bits, in levels of 255.
"""

import argparse
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmarks.table import BEGIN, END, machine, put_into
from imgtrans.architectures.family import architecture
from imgtrans.architectures.resnet import weights_init_normal
from imgtrans.errors import ImgtransError
from imgtrans.opening import GROUP, open_network
from imgtrans.protocols import Session
from imgtrans.registry import implementations
from imgtrans.settings import settled
from imgtrans.zoo.adapting import adapted
from imgtrans.zoo.loading import load_network
from imgtrans.zoo.store import find

CPU = torch.device("cpu")
PACKAGES = ("onnxruntime", "openvino", "nncf", "ncnn")
PHOTOS = "examples/photos"
VARIANTS = (
    ("eager", ()),
    ("prepared", ()),
    ("onnx", ()),
    ("openvino", ()),
    ("openvino", ("openvino.precision=bfloat16",)),
    ("openvino", ("openvino.precision=int8", f"openvino.calibration={PHOTOS}")),
    ("ncnn", ()),
)


@dataclass(frozen=True)
class Measured:
    """A backend with some options, and what it did: opened in, seconds of each round, levels apart; or why not."""

    said: str
    opening: float = 0.0
    seconds: tuple[float, ...] = ()
    largest: float = 0.0
    mean: float = 0.0
    problem: str = ""


def networks() -> Iterator[tuple[str, nn.Module]]:
    """Yield a generator as the paper has it, with drawn weights, and one that is trained."""
    torch.manual_seed(0)
    parameters = {"channels": 3, "ngf": 64, "blocks": 9, "upsampling": "transpose"}
    plain = architecture.build(parameters).apply(weights_init_normal).eval().requires_grad_(False)
    yield "width 64, 9 blocks, transpose", plain
    model = find("summer2winter")
    yield "summer2winter", adapted(load_network(model), model.card)


def measured(network: nn.Module, height: int, width: int, rounds: int) -> list[Measured]:
    """Return what each variant does with one picture."""
    pictures = np.random.default_rng(0).integers(0, 65536, (1, height, width, 3), np.uint16)
    sessions: dict[str, tuple[Session, float]] = {}
    failed = []
    for name, texts in VARIANTS:
        said = " ".join([name, *(text.partition(".")[2] for text in texts if "calibration" not in text)])
        if name not in implementations(GROUP):
            failed.append(Measured(said, problem="not installed"))
            continue
        try:
            options: Any = settled(texts, {}, {GROUP: name}).get(name)
            began = time.perf_counter()
            session = open_network(name, network, CPU, torch.float32, settings=options).session
            sessions[said] = session, time.perf_counter() - began
            session.run(pictures)
        except ImgtransError as error:
            failed.append(Measured(said, problem=error.message))
    expected = sessions["eager"][0].run(pictures).astype(np.int32)
    apart = {said: np.abs(session.run(pictures) - expected) / 257 for said, (session, _) in sessions.items()}
    seconds: dict[str, list[float]] = {said: [] for said in sessions}
    for _ in range(rounds):
        for said, (session, _) in sessions.items():
            began = time.perf_counter()
            session.run(pictures)
            seconds[said].append(time.perf_counter() - began)
    done = [
        Measured(said, opening, tuple(seconds[said]), float(apart[said].max()), float(apart[said].mean()))
        for said, (_, opening) in sessions.items()
    ]
    return done + failed


def lines(name: str, size: str, found: list[Measured]) -> Iterator[str]:
    """Yield the rows of the table."""
    plain = found[0].seconds
    for one in found:
        if one.problem:
            yield f"| {name}, {size} | `{one.said}` | {one.problem} | | | | |"
            continue
        ratio = statistics.median(theirs / ours for theirs, ours in zip(plain, one.seconds, strict=True))
        yield (
            f"| {name}, {size} | `{one.said}` | {statistics.median(one.seconds):.2f} s | {ratio:.2f} | "
            f"{one.opening:.1f} s | {one.largest:.2g} | {one.mean:.2g} |"
        )


def main() -> None:
    """Measure, print, and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sizes", nargs="+", default=["256x256"], help="WIDTHxHEIGHT")
    parser.add_argument("--only", default="", help="networks whose name begins so; rows of the others are kept")
    parser.add_argument("--into", type=Path, help="document whose table is replaced")
    given = parser.parse_args()
    rows = []
    for name, network in ((name, network) for name, network in networks() if name.startswith(given.only)):
        for size in given.sizes:
            width, height = map(int, size.split("x"))
            for line in lines(name, size, measured(network, height, width, given.rounds)):
                print(line, flush=True)
                rows.append(line)
    where = machine(torch.get_num_threads())
    for package in PACKAGES:
        try:
            where[package] = version(package)
        except PackageNotFoundError:
            where[package] = "none"
    head = [
        ", ".join(f"{what} {value}" if what != "processor" else value for what, value in where.items()) + ".",
        "",
        "| network, picture | backend | takes | times eager | to open | levels apart, at most | in the mean |",
        "|---|---|---|---|---|---|---|",
    ]
    if given.into:
        known = given.into.read_text().partition(BEGIN)[2].partition(END)[0].splitlines()[len(head) + 1 :]
        kept = [row for row in known if not row.startswith(f"| {given.only}")] if given.only else []
        put_into(given.into, "\n".join([*head, *kept, *rows]) + "\n")


if __name__ == "__main__":
    main()
