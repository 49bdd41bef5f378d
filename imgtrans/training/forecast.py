"""How long a training will take on a CPU, from two passes through its networks: near enough to choose by."""

import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from imgtrans.protocols import Objective
from imgtrans.training.options import TrainOptions
from imgtrans.training.state import CHANNELS, new_state
from imgtrans.training.stepping import quickened

SMALL = TrainOptions(ngf=32, crop=128, steps=2000)
SMALL_AS_GIVEN = "--ngf 32 --crop 128 --steps 2000"


def seconds_per_step(
    objective: Objective, options: TrainOptions, clock: Callable[[], float] = time.perf_counter
) -> float:
    """Return about how many seconds a step takes on this machine, as an idle CPU has them; nothing is changed."""
    pictures = torch.zeros(options.batch_size, CHANNELS, options.crop, options.crop)
    with quickened(objective, options, torch.device("cpu")):
        return sum(passes * _pass(network, pictures, clock) for network, passes in objective.passes())


def seconds_of_small() -> float:
    """Return about how many seconds a training takes with :data:`SMALL`, a beginning for a machine without a GPU."""
    with torch.random.fork_rng(devices=[]):
        state = new_state(SMALL, torch.device("cpu"))
    return SMALL.steps * seconds_per_step(state.objective, SMALL)


@torch.no_grad()
def _pass(network: nn.Module, pictures: Tensor, clock: Callable[[], float]) -> float:
    network(pictures)  # the first one plans, and takes memory
    took = []
    for _ in range(2):  # of which the quicker one was disturbed less
        started = clock()
        network(pictures)
        took.append(clock() - started)
    return min(took)
