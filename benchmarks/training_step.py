"""Time of a whole training step, against the reference code's way: one forward pass for each of the terms."""

import argparse
import copy
import itertools
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.pairs import Took, in_turn
from imgtrans.devices import choose_device, choose_precision, describe_precision
from imgtrans.training.options import TrainOptions
from imgtrans.training.state import new_state
from imgtrans.training.stepping import Stepping

WARM = 5  # steps of each before the first that counts


class Reference:
    """What junyanz/pytorch-CycleGAN-and-pix2pix does in float32, without its pools of past fakes.

    Args:
        networks: Copied, so that both ways begin with the same weights.
        options: Of the training.
    """

    def __init__(self, networks: Mapping[str, nn.Module], options: TrainOptions) -> None:
        self.networks = {name: copy.deepcopy(network) for name, network in networks.items()}
        self.options = options
        self.optimizer_G, self.optimizer_D = (
            torch.optim.Adam(
                itertools.chain.from_iterable(self.networks[name].parameters() for name in names),
                lr=options.learning_rate,
                betas=(0.5, 0.999),
            )
            for names in (("G_AB", "G_BA"), ("D_A", "D_B"))
        )

    def step(self, real_A: Tensor, real_B: Tensor) -> Tensor:
        """Take a step, and return the generators' loss."""
        G_AB, G_BA, D_A, D_B = (self.networks[name] for name in ("G_AB", "G_BA", "D_A", "D_B"))
        for discriminator in (D_A, D_B):
            discriminator.requires_grad_(False)
        fake_B, fake_A = G_AB(real_A), G_BA(real_B)
        cycle = F.l1_loss(G_BA(fake_B), real_A) + F.l1_loss(G_AB(fake_A), real_B)
        identity = F.l1_loss(G_BA(real_A), real_A) + F.l1_loss(G_AB(real_B), real_B)
        adversarial = (D_B(fake_B) - 1).square().mean() + (D_A(fake_A) - 1).square().mean()
        total = adversarial + self.options.cycle_weight * (cycle + self.options.identity_weight * identity)
        self.optimizer_G.zero_grad()
        total.backward()
        self.optimizer_G.step()
        for discriminator in (D_A, D_B):
            discriminator.requires_grad_(True)
        self.optimizer_D.zero_grad()
        for discriminator, real, fake in ((D_A, real_A, fake_A), (D_B, real_B, fake_B)):
            scores = discriminator(real), discriminator(fake.detach())
            (0.5 * ((scores[0] - 1).square().mean() + scores[1].square().mean())).backward()
        self.optimizer_D.step()
        return total.detach()


@dataclass
class Compared:
    """Both ways, in turn.

    Attributes:
        pairs: What each round took, for one step.
        difference: Of the generators' losses in the first step, as a share.
        precision: What imgtrans computed in.
    """

    pairs: list[tuple[Took, Took]]
    difference: float
    precision: str

    @property
    def rate(self) -> float:
        """Steps a second of imgtrans."""
        return 1 / statistics.median(ours.wall for _, ours in self.pairs)


def compare(options: TrainOptions, rounds: int, steps: int = 1) -> Compared:
    """Measure both ways to take steps, each on networks of its own that begin alike.

    Args:
        options: Of the training; imgtrans has its pools of past fakes, and averages if they say so.
        rounds: How often each has its turn.
        steps: In a turn.
    """
    device = choose_device(options.device)
    state = new_state(options, device)
    reference = Reference(state.objective.networks(), options)
    shape = (options.batch_size, 3, options.crop, options.crop)
    real_A, real_B = (torch.rand(shape, device=device) * 2 - 1 for _ in range(2))
    stepping = Stepping(state)

    def timed(step: Callable[[], Tensor]) -> Took:
        started, cpu = time.perf_counter(), time.process_time()
        for _ in range(steps):
            loss = step()
        loss.sum().item()  # waits for the device
        return Took((time.perf_counter() - started) / steps, (time.process_time() - cpu) / steps)

    def ours() -> Tensor:
        state.set_learning_rate(options.learning_rate)
        losses = stepping.take([(real_A, real_B)])
        state.update_averages()
        return losses

    def theirs() -> Tensor:
        return reference.step(real_A, real_B)

    first, expected = ours()[0].item(), theirs().item()
    # A step is recorded when the pools are full.
    warm = WARM + (options.pool_size // options.batch_size if options.backend == "recorded" else 0)
    for _ in range(warm):
        ours()
    for _ in range(WARM):
        theirs()
    try:
        pairs = in_turn(lambda: timed(theirs), lambda: timed(ours), rounds)
    finally:
        stepping.close()
    precision = describe_precision(choose_precision(options.precision, device))
    return Compared(pairs, abs(first - expected) / abs(expected), precision)


def main() -> None:
    """Measure both, taking turns, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ngf", type=int, default=32)
    parser.add_argument("--blocks", type=int, default=6)
    parser.add_argument("--crop", type=int, default=128)
    parser.add_argument("--batch-size", type=int, default=1)
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--backend", default="auto")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int, default=0, help="0 is one for each core")
    parser.add_argument("--rounds", type=int, default=9)
    given = vars(parser.parse_args())
    rounds, threads = given.pop("rounds"), given.pop("threads")
    if threads:
        torch.set_num_threads(threads)
    compared = compare(TrainOptions(**given), rounds)
    (theirs, ours), (their_cpu, our_cpu) = (
        [statistics.median(getattr(pair[which], what) for pair in compared.pairs) for which in (0, 1)]
        for what in ("wall", "cpu")
    )
    print(
        f"{', '.join(f'{name} {value}' for name, value in given.items())}: reference {theirs:.3f} s, imgtrans in "
        f"{compared.precision} {ours:.3f} s, {theirs / ours:.2f} times as fast, {their_cpu / our_cpu:.2f} of CPU time; "
        f"{compared.rate * given['batch_size']:.1f} pairs/s; "
        f"losses of the first step differ by {compared.difference:.1e}"
    )


if __name__ == "__main__":
    main()
