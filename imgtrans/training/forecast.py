"""How long a training will take on a CPU, from two passes through its networks: near enough to choose by."""

import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from imgtrans.training.objective import Networks
from imgtrans.training.options import TrainOptions
from imgtrans.training.state import CHANNELS, new_networks

# A backward pass is two forward ones. A step has four passes of generators on one picture, six with the identity
# loss; and two of discriminators for the generators (whose own gradients are not needed), four for themselves.
_PASSES, _PASSES_WITH_IDENTITY, _DISCRIMINATORS = 3 * 4, 3 * 6, 2 * 2 + 3 * 4

SMALL = TrainOptions(ngf=32, crop=128, steps=2000)
SMALL_AS_GIVEN = "--ngf 32 --crop 128 --steps 2000"


def seconds_per_step(
    networks: Networks, options: TrainOptions, clock: Callable[[], float] = time.perf_counter
) -> float:
    """Return about how many seconds a step takes on this machine, as an idle CPU has them; nothing is changed."""
    pictures = torch.zeros(options.batch_size, CHANNELS, options.crop, options.crop)
    passes = _PASSES_WITH_IDENTITY if options.identity_weight else _PASSES
    generator, discriminator = (_pass(one, pictures, clock) for one in (networks.G_AB, networks.D_A))
    return passes * generator + _DISCRIMINATORS * discriminator


def seconds_of_small() -> float:
    """Return about how many seconds a training takes with :data:`SMALL`, a beginning for a machine without a GPU."""
    with torch.random.fork_rng(devices=[]):
        networks = new_networks(SMALL, torch.device("cpu"))
    return SMALL.steps * seconds_per_step(networks, SMALL)


@torch.no_grad()
def _pass(network: nn.Module, pictures: Tensor, clock: Callable[[], float]) -> float:
    network(pictures)  # the first one plans, and takes memory
    took = []
    for _ in range(2):  # of which the quicker one was disturbed less
        started = clock()
        network(pictures)
        took.append(clock() - started)
    return min(took)
