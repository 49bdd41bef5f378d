"""What a CUDA device does: the network alone and whole runs; rows of ``python -m benchmarks``."""

import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import numpy as np
import torch

from benchmarks.commands import plain_and_ours
from benchmarks.pairs import Row, Took, in_turn, timed
from benchmarks.throughput import make_pictures
from benchmarks.training_step import compare
from imgtrans.architectures.family import architecture
from imgtrans.architectures.resnet import weights_init_normal
from imgtrans.opening import describe_backend, open_network
from imgtrans.protocols import Batching
from imgtrans.training.options import TrainOptions

Measured = tuple[list[tuple[Took, Took]], str]

NO_CARD = "there is no CUDA device here"
# As the bundled models were trained on a card.
BUNDLED = TrainOptions(ngf=32, crop=128, batch_size=16, ema_decay=0.999, spike_weight=50.0, backend="recorded")
DIFFERENT = 40  # JPEGs that are different, of thousands


@dataclass(frozen=True)
class CardRow:
    """A row that needs a card, and says so where there is none.

    Attributes:
        name: What is measured.
        baseline: What it is compared to.
        wanted: How many times as fast it is meant to be; 0 if nobody has said.
        goal: The same as a figure of its own.
        measure: Returns what each round took, and what else there is to say.
    """

    name: str
    baseline: str
    wanted: float
    goal: str
    measure: Callable[[], Measured]

    def row(self) -> Row:
        """Measure, or say why not."""
        if not torch.cuda.is_available():
            return Row(self.name, self.baseline, [], self.wanted, f"{NO_CARD}; wanted: {self.goal}")
        pairs, note = self.measure()
        torch.cuda.empty_cache()
        return Row(self.name, self.baseline, pairs, self.wanted, f"{note}; wanted: {self.goal}")


def card_rows(quick: bool) -> list[CardRow]:
    """Return the rows."""
    rounds = 3 if quick else 7
    made = []
    for ngf, blocks, wanted, goal in ((64, 9, 3.5, "3,700/s"), (32, 6, 4.0, "10,000/s")):
        made += [
            CardRow(
                f"card: network, width {ngf}, {blocks} blocks, {upsampling}, 32 of 256x256, bfloat16",
                "eager, bfloat16",
                wanted,
                goal,
                lambda net=(ngf, blocks, upsampling): _network(*net, together=32, eager=torch.bfloat16, rounds=rounds),
            )
            for upsampling in ("nearest", "transpose")
        ]
    made.append(
        CardRow(
            "card: network, width 64, 9 blocks, nearest, one of 256x256 alone",
            "eager, float32",
            4.2,
            "0.6 ms",
            lambda: _network(64, 9, "nearest", together=1, eager=torch.float32, rounds=rounds),
        )
    )
    for options, wanted, goal in (
        (TrainOptions(), 5.0, "5 times as fast"),
        (TrainOptions(backend="recorded"), 5.0, "5 times as fast"),
        (replace(BUNDLED, backend="auto"), 0.0, "1,400 pairs/s"),
        (BUNDLED, 0.0, "1,400 pairs/s"),
    ):
        made.append(
            CardRow(
                f"card: training step, width {options.ngf}, {options.blocks} blocks, {options.batch_size} of "
                f"{options.crop}x{options.crop}, --backend {options.backend}",
                "reference code's way, float32",
                wanted,
                goal,
                lambda options=options: _step(options, rounds),
            )
        )
    pictures = 800 if quick else 4000
    made.append(
        CardRow(
            f"card: `run`, {pictures:,} JPEGs of 256x256, summer2winter",
            "plain loop",
            0.0,
            "1,500/s, 800/s with the start",
            lambda: _many(pictures),
        )
    )
    photos = 24 if quick else 96
    made.append(
        CardRow(
            f"card: `run`, {photos} JPEGs of 12 MP, summer2winter, --size auto",
            "reading and writing alone, all cores",
            0.8,
            "0.8 of it",
            lambda: _photographs(photos),
        )
    )
    return made


def _network(ngf: int, blocks: int, upsampling: str, *, together: int, eager: torch.dtype, rounds: int) -> Measured:
    """Measure sessions over pictures that are there; what is said of rates has copies to and from the card in it."""
    torch.manual_seed(0)
    device = torch.device("cuda", 0)
    parameters = {"channels": 3, "ngf": ngf, "blocks": blocks, "upsampling": upsampling}
    network = architecture.build(parameters).apply(weights_init_normal).eval().requires_grad_(False)
    plain = open_network("eager", network, device, eager).session
    opened = open_network("auto", network, device, torch.bfloat16)
    session = opened.session
    if isinstance(session, Batching):
        session.expect(together, together * 256 * 256)
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (8 * together if together > 1 else 1, 256, 256, 3), np.uint8)
    times = 1 if together > 1 else 50

    def in_batches() -> None:
        for _ in range(times):
            for start in range(0, len(pictures), together):
                plain.run(pictures[start : start + together])

    def at_once() -> None:
        for _ in range(times):
            session.run(pictures)

    apart = np.abs(plain.run(pictures[:together]).astype(int) - session.run(pictures)[:together])
    in_batches(), at_once(), at_once()
    pairs = in_turn(lambda: timed(in_batches), lambda: timed(at_once), rounds)
    done = len(pictures) * times
    rates = [done / min(pair[which].wall for pair in pairs) for which in (0, 1)]
    said = f"{rates[1]:,.0f}/s against {rates[0]:,.0f}/s" if together > 1 else f"{1e3 / rates[1]:.2f} ms"
    backend = describe_backend(opened.backend, opened.reason)
    return pairs, f"{backend}; {said}; values differ by {apart.max()} at most, {apart.mean():.2f} on average"


def _step(options: TrainOptions, rounds: int) -> Measured:
    """Measure steps of a training, pictures there already."""
    compared = compare(options, rounds, steps=20)
    differ = f"losses of the first step differ by {compared.difference:.1e}"
    return compared.pairs, f"{compared.precision}; {options.batch_size * compared.rate:,.0f} pairs/s; {differ}"


def _many(pictures: int) -> Measured:
    """Measure whole commands over small JPEGs; the plain loop does a tenth of them."""
    with tempfile.TemporaryDirectory() as name:
        root, number = Path(name), count()
        make_pictures(root / "different", DIFFERENT, 256, 256)
        for folder, many in (("in", pictures), ("few", pictures // 10)):
            _repeated(root / "different", root / folder, many)
        plain, few = plain_and_ours("summer2winter", root / "few", root, number)
        _, ours = plain_and_ours("summer2winter", root / "in", root, number)
        few()  # what is made once for the machine is there from now on
        loop, short, whole = plain(), few(), ours()
        scaled = Took(10 * loop.wall, 10 * loop.cpu)
    with_start = pictures / whole.wall
    without = (pictures - pictures // 10) / max(1e-9, whole.wall - short.wall)
    return [(scaled, whole)], f"{without:,.0f}/s, {with_start:,.0f}/s with the start; plain loop from a tenth of them"


def _photographs(pictures: int) -> Measured:
    """Measure a run over photographs against one that has no network to wait for."""
    with tempfile.TemporaryDirectory() as name:
        root, number = Path(name), count()
        make_pictures(root / "different", 8, 4000, 3000)
        _repeated(root / "different", root / "in", pictures)
        _, ours = plain_and_ours("summer2winter", root / "in", root, number, size="auto")
        pairs = [(_codecs(root / "in", root / "codecs"), ours())]
    return pairs, f"{pictures / pairs[0][1].wall:.1f}/s with the start"


def _codecs(source: Path, target: Path) -> Took:
    """Read and write pictures in as many processes as a run has, with a network that changes nothing."""
    from imgtrans.batch.asked import Request
    from imgtrans.batch.plan import Tally
    from imgtrans.batch.request import prepare
    from imgtrans.executors.given import Given
    from imgtrans.executors.local import LocalExecutor
    from imgtrans.journal.reading import JournalReader
    from imgtrans.protocols import Ready

    prepared = prepare(Request([source], "summer2winter", target, device="cpu"))
    with JournalReader(target) as records:
        items = [decision.item for decision in prepared.decisions(records, Tally())]
    target.mkdir(parents=True)
    with prepared.opening().open() as engine:
        ready = Ready([_Unchanged()], engine.job, 1, 1, os.cpu_count() or 1, engine.pictures_memory)
        executor = LocalExecutor(Given(ready))

        def work() -> None:
            for outcomes in executor.run(items):
                for outcome in outcomes:
                    assert outcome.temporary, outcome.error
                    outcome.temporary.unlink()

        try:
            return Took(timed(work).wall)
        finally:
            executor.close()


class _Unchanged:
    def run(self, pictures: np.ndarray) -> np.ndarray:
        return pictures


def _repeated(source: Path, target: Path, many: int) -> None:
    """Fill a folder with copies of the pictures of another."""
    target.mkdir()
    different = sorted(source.iterdir())
    for n in range(many):
        shutil.copyfile(different[n % len(different)], target / f"{n:05d}.jpg")
