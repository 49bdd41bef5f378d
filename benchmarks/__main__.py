"""All rows of the table, one after the other.

    python -m benchmarks --quick                      # a few minutes
    python -m benchmarks --into docs/performance.md   # the table that stands there

    python -m benchmarks --device cuda                # the rows that need a card

Each row does two things in turn, as often as it has rounds, and tells medians. Where something else goes on on the
machine, the ratio of CPU times is the one to look at.
"""

import argparse
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import torch

from benchmarks.card import card_rows
from benchmarks.commands import run_row, start_rows
from benchmarks.network import network_row
from benchmarks.pairs import Row
from benchmarks.strips import streaming_row
from benchmarks.table import machine, markdown, put_into, record
from benchmarks.training_step import compare
from imgtrans.training.options import TrainOptions

Makers = list[tuple[str, Callable[[], list[Row]]]]


def training_row(rounds: int, precision: str, wanted: float) -> Row:
    """Measure a training step on a CPU against the reference code's way."""
    compared = compare(TrainOptions(ngf=32, blocks=6, crop=128, device="cpu", precision=precision), rounds)
    name = f"training step, width 32, 6 blocks, crop 128, {precision}"
    note = f"losses of the first step differ by {compared.difference:.1e}"
    return Row(name, "reference code's way, float32", compared.pairs, wanted, note)


def rows(quick: bool, threads: int, device: str = "all") -> Makers:
    """Return the rows by the names that ``--only`` knows them by, those of a ``cpu``, of ``cuda``, or ``all``."""
    on_cpu = _cpu_rows(quick, threads) if device != "cuda" else []
    return [*on_cpu, *(("card", lambda one=one: [one.row()]) for one in card_rows(quick) if device != "cpu")]


def _cpu_rows(quick: bool, threads: int) -> Makers:
    few = 1 if quick else 3

    def one(make: Callable[..., Row], *given: object) -> Callable[[], list[Row]]:
        return lambda: [make(*given)]

    made: Makers = []
    for ngf, blocks, wanted in ((64, 9, 2.8), (32, 6, 2.3)):
        for upsampling, sides in (("nearest", (256,) if quick else (256, 512, 1024)), ("transpose", (256,))):
            for side in sides:
                rounds = 3 if quick or side > 256 else 7
                made.append(("network", one(network_row, ngf, blocks, upsampling, side, wanted, rounds)))
    for model, wanted in (("transpose", 2.2), ("nearest", 2.5)):
        made.append(("run", one(run_row, model, 8 if quick else 24, 256, 256, wanted, few)))
    made.append(("run", one(run_row, "summer2winter", 2 if quick else 6, 1024, 768, 2.5, few)))
    made.append(("start", partial(start_rows, few)))
    size = (768, 512, 0.4) if quick else (4096, 3072, 1.0)
    made.append(("streaming", one(streaming_row, *size, 1 / 0.35, 1, threads)))
    for precision, wanted in (("float32", 1.3), ("bfloat16", 1.8)):
        made.append(("training", one(training_row, 3 if quick else 9, precision, wanted)))
    return made


def main() -> None:
    """Measure, print, and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer pictures, smaller ones, one round")
    parser.add_argument("--only", nargs="+", help="network, run, start, streaming, training, card")
    parser.add_argument("--device", choices=["all", "cpu", "cuda"], default="all", help="whose rows")
    parser.add_argument("--threads", type=int, default=0, help="that PyTorch and kernels take; 0 is one for each core")
    parser.add_argument("--out", type=Path, help="folder for table.md and table.json")
    parser.add_argument("--into", type=Path, help="document whose table is replaced")
    given = parser.parse_args()
    if given.threads:
        torch.set_num_threads(given.threads)
    done: list[Row] = []
    for row in _measured(rows(given.quick, torch.get_num_threads(), given.device), given.only):
        done.append(row)
        if not row.measured:
            print(f"{row.name}: not measured; {row.note}", flush=True)
            continue
        print(f"{row.name}: {row.ratio:.2f} times as fast as {row.baseline}, "
              f"{row.cpu_ratio:.2f} of CPU time; {row.note}", flush=True)  # fmt: skip
    where = machine(torch.get_num_threads())
    table = markdown(done, where)
    print("\n" + table)
    if given.out:
        given.out.mkdir(parents=True, exist_ok=True)
        (given.out / "table.md").write_text(table)
        (given.out / "table.json").write_text(record(done, where))
    if given.into:
        put_into(given.into, table)


def _measured(made: Makers, only: list[str] | None) -> Iterator[Row]:
    for name, make in made:
        if not only or name in only:
            yield from make()


if __name__ == "__main__":
    main()
