"""Time of a training step's losses and gradients, against the reference code: one forward pass for each term."""

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from imgtrans.training.objective import Networks, discriminator_loss, generator_losses
from torch import Tensor
from torch.nn import functional as F

from imgtrans.devices import choose_device
from imgtrans.training.options import TrainOptions
from imgtrans.training.state import new_networks


def reference_step(networks: Networks, real_A: Tensor, real_B: Tensor) -> Tensor:
    """Do what junyanz/pytorch-CycleGAN-and-pix2pix does: a forward pass for each of the terms."""
    G_AB, G_BA, D_A, D_B = networks.G_AB, networks.G_BA, networks.D_A, networks.D_B
    for discriminator in (D_A, D_B):
        discriminator.requires_grad_(False)
    fake_B, fake_A = G_AB(real_A), G_BA(real_B)
    cycle = F.l1_loss(G_BA(fake_B), real_A) + F.l1_loss(G_AB(fake_A), real_B)
    identity = F.l1_loss(G_BA(real_A), real_A) + F.l1_loss(G_AB(real_B), real_B)
    adversarial = (D_B(fake_B) - 1).square().mean() + (D_A(fake_A) - 1).square().mean()
    total = adversarial + 10 * cycle + 5 * identity
    total.backward()
    for discriminator, real, fake in ((D_A, real_A, fake_A), (D_B, real_B, fake_B)):
        discriminator.requires_grad_(True)
        loss = 0.5 * ((discriminator(real) - 1).square().mean() + discriminator(fake.detach()).square().mean())
        loss.backward()
    return total.detach()


def our_step(networks: Networks, real_A: Tensor, real_B: Tensor) -> Tensor:
    """Do what ``imgtrans.training.objectives.cyclegan`` does."""
    discriminators = torch.nn.ModuleList([networks.D_A, networks.D_B])
    discriminators.requires_grad_(False)
    losses = generator_losses(networks, real_A, real_B, 10.0, 0.5)
    losses.total.backward()
    discriminators.requires_grad_(True)
    d_A = discriminator_loss(networks.D_A, real_A, losses.fake_A)
    d_B = discriminator_loss(networks.D_B, real_B, losses.fake_B)
    (d_A + d_B).backward()
    return losses.total.detach()


def step_pair(
    ngf: int, blocks: int, crop: int, batch_size: int
) -> tuple[Callable[[], tuple[float, float]], Callable[[], tuple[float, float]]]:
    """Return both ways to do a step on one set of networks; each returns its seconds and the total loss."""
    device = choose_device("auto")
    networks = new_networks(TrainOptions(ngf=ngf, blocks=blocks, crop=crop), device)
    shape = (batch_size, 3, crop, crop)
    real_A, real_B = (torch.rand(shape, device=device) * 2 - 1 for _ in range(2))

    def timed(step: Callable[[Networks, Tensor, Tensor], Tensor]) -> tuple[float, float]:
        for network in networks.all().values():
            network.zero_grad()
        started = time.perf_counter()
        total = step(networks, real_A, real_B).item()
        return time.perf_counter() - started, total

    return lambda: timed(reference_step), lambda: timed(our_step)


def main() -> None:
    """Measure both, taking turns, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ngf", type=int, default=32)
    parser.add_argument("--blocks", type=int, default=6)
    parser.add_argument("--crop", type=int, default=96)
    parser.add_argument("--batch-size", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    reference_once, ours_once = step_pair(arguments.ngf, arguments.blocks, arguments.crop, arguments.batch_size)
    reference_once(), ours_once()
    rounds = [(reference_once(), ours_once()) for _ in range(arguments.rounds)]
    reference = statistics.median(r[0] for r, _ in rounds)
    ours = statistics.median(o[0] for _, o in rounds)
    ratio = statistics.median(o[0] / r[0] for r, o in rounds)
    difference = max(abs(o[1] - r[1]) for r, o in rounds)
    print(
        f"width {arguments.ngf}, {arguments.blocks} blocks, crop {arguments.crop}, batch {arguments.batch_size} on "
        f"{choose_device('auto')}: reference {reference:.3f} s, imgtrans {ours:.3f} s, ratio {ratio:.2f}; "
        f"largest difference of the total loss {difference:.1e}"
    )


if __name__ == "__main__":
    main()
