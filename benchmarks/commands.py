"""Whole commands, with their start-up, against the plain loop; rows of ``python -m benchmarks``."""

import os
import tempfile
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import torch

from benchmarks.pairs import Row, Took, command, in_turn
from benchmarks.throughput import HERE, make_pictures
from imgtrans import checkpoint
from imgtrans.architectures.family import architecture
from imgtrans.architectures.resnet import weights_init_normal
from imgtrans.card import Card
from imgtrans.zoo.store import install


def run_row(model: str, pictures: int, width: int, height: int, wanted: float, rounds: int) -> Row:
    """Measure ``imgtrans run`` over a folder of JPEGs, at their own size, against the plain loop.

    Args:
        model: Its name; ``nearest`` and ``transpose`` are networks of width 64 and 9 blocks, made for this.
        pictures: How many.
        width: Of each.
        height: Of each.
        wanted: How many times as fast it is meant to be.
        rounds: How often both are done.
    """
    with tempfile.TemporaryDirectory() as name:
        root, number = Path(name), count()
        make_pictures(root / "in", pictures, width, height)
        home = {}
        if model in ("nearest", "transpose"):
            home["IMGTRANS_HOME"] = str(root / "home")
            _install(model, root / "home")
        plain, ours = plain_and_ours(model, root / "in", root, number, CUDA_VISIBLE_DEVICES="", **home)
        pairs = in_turn(plain, ours, rounds)
    said = f"width 64, 9 blocks, {model}" if home else model
    return Row(f"`run`, {pictures} JPEGs of {width}x{height}, {said}", "plain loop", pairs, wanted, "start-up included")


def plain_and_ours(
    model: str, source: Path, root: Path, number: Iterator[int], *, size: str = "native", **environment: str
) -> tuple[Callable[[], Took], Callable[[], Took]]:
    """Return the plain loop and ``imgtrans run`` over a folder, each into a new one below ``root``."""

    def plain() -> Took:
        return command([HERE / "plain_loop.py", model, source, root / f"plain{next(number)}", "0"], **environment)

    def ours() -> Took:
        output = root / f"ours{next(number)}"
        given = ["-m", "imgtrans", "run", source, "-m", model, "-o", output, "--size", size, "-q"]
        return command(given, **environment)

    return plain, ours


def start_rows(rounds: int) -> list[Row]:
    """Measure what kernels add to the start of a run with one small picture: the first time, and every other."""
    with tempfile.TemporaryDirectory() as name:
        root, number = Path(name), count()
        make_pictures(root / "in", 1, 64, 64)
        found = []
        for first in (True, False):

            def run(backend: str, first: bool = first) -> Took:
                one = next(number)
                cache = str(root / (f"cache{one}" if first else "cache"))
                given = ["-m", "imgtrans", "run", root / "in", "-o", root / f"out{one}", "--backend", backend, "-q"]
                return command(given, XDG_CACHE_HOME=cache)

            if not first:
                run("prepared")  # from here on they are kept
            when = "for the first time" if first else "at any later time"
            pairs = in_turn(lambda: run("eager"), lambda: run("prepared"), rounds)
            found.append(Row(f"`run`, one picture of 64x64, {when}", "eager", pairs, note="what kernels cost at start"))
    return found


def _install(upsampling: str, home: Path) -> None:
    before = os.environ.get("IMGTRANS_HOME")
    os.environ["IMGTRANS_HOME"] = str(home)
    torch.manual_seed(0)
    parameters = {"channels": 3, "ngf": 64, "blocks": 9, "upsampling": upsampling}
    network = architecture.build(parameters).apply(weights_init_normal)
    card = Card(upsampling, "noise", "noise", "resnet", parameters, "")
    install(card, lambda path: checkpoint.write_weights(network.state_dict(), path))
    if before is None:
        del os.environ["IMGTRANS_HOME"]
    else:
        os.environ["IMGTRANS_HOME"] = before
