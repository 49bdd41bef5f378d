"""How long a training will take on a CPU, from two passes through its networks: near enough to choose by."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from imgtrans.protocols import Objective
from imgtrans.training.options import TrainOptions
from imgtrans.training.presets import preset
from imgtrans.training.state import CHANNELS, new_state
from imgtrans.training.stepping import quickened

SMALL = TrainOptions(**preset("small").settings)


_PROGRAM = 400_000_000  # bytes that PyTorch and the program itself take


@dataclass(frozen=True)
class Forecast:
    """What a training costs on this machine, about.

    Attributes:
        seconds: Of a step, as an idle CPU has them.
        memory: Bytes that networks, optimisers and what a step holds take, at their most.
        weights: Bytes of a model that it makes.
        checkpoint: Bytes of a checkpoint.
    """

    seconds: float
    memory: int
    weights: int
    checkpoint: int


def forecast_of(options: TrainOptions) -> Forecast:
    """Return what a training with these options costs, from a few passes through its networks on the CPU."""
    with torch.random.fork_rng(devices=[]):
        state = new_state(options, torch.device("cpu"))
    networks = state.objective.networks().values()
    weights = 4 * sum(weight.numel() for network in networks for weight in network.parameters())
    # Weights, their gradients and the two numbers that Adam keeps for each; then what backward passes need.
    held = sum(passes // 3 * _kept(network, options) for network, passes in state.objective.passes())
    memory = _PROGRAM + 4 * weights + held * options.batch_size + state.objective.bytes_to_remember()
    generator = state.objective.generators()["G_AB"]
    model = 4 * sum(weight.numel() for weight in generator.parameters())
    return Forecast(seconds_per_step(state.objective, options), memory, model, state.bytes_to_save())


@torch.no_grad()
def _kept(network: nn.Module, options: TrainOptions) -> int:
    """Return the bytes that a pass of one picture leaves behind for the backward pass: what its layers have made."""
    counted: list[int] = []
    handles = [
        layer.register_forward_hook(lambda _, __, made: counted.append(made.numel() * made.element_size()))
        for layer in network.modules()
        if not [*layer.children()]
    ]
    try:
        network(torch.zeros(1, CHANNELS, options.crop, options.crop))
    finally:
        for handle in handles:
            handle.remove()
    return sum(counted)


def seconds_per_step(
    objective: Objective, options: TrainOptions, clock: Callable[[], float] = time.perf_counter
) -> float:
    """Return about how many seconds a step takes on this machine, as an idle CPU has them; nothing is changed."""
    pictures = torch.zeros(options.batch_size, CHANNELS, options.crop, options.crop)
    with quickened(objective, options, torch.device("cpu")):
        batch = sum(passes * _pass(network, pictures, clock) for network, passes in objective.passes())
    return options.accumulate * batch


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
