"""The contract of an objective."""

import contextlib
import io
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from imgtrans.protocols import Objective, Setup
from imgtrans.testing.promise import require
from imgtrans.training.options import TrainOptions
from imgtrans.training.state import TrainingState, generator_of
from imgtrans.training.update import take_step

_OPTIONS = {"ngf": 4, "blocks": 1, "crop": 64, "pool_size": 3, "learning_rate": 1e-3, "batch_size": 2, "device": "cpu"}


def check_objective(objective: Callable[[Setup], Objective], /, **options: Any) -> None:
    """Check all that :class:`imgtrans.protocols.Objective` promises, with tiny generators on the CPU.

    Args:
        objective: What the entry point names; called as imgtrans calls it.
        options: Of the training, by their names, where they are to differ from the defaults.

    Raises:
        AssertionError: If it does not keep a promise; the message says which.
    """
    settings = TrainOptions(**{**_OPTIONS, **options})
    state = _new(objective, settings, seed=1)
    _check_parts(state.objective)
    before = {name: _weights(network) for name, network in state.objective.generators().items()}
    for n in range(3):
        _step(state, n)
    for name, network in state.objective.generators().items():
        require(not torch.equal(before[name], _weights(network)), f"three steps leave {name} as it was")
    saved = _saved(state)
    restored = _new(objective, settings, seed=2)
    restored.load(saved)
    for n in (3, 4, 5):
        one, other = _step(state, n), _step(restored, n)
        require(torch.equal(one, other), "from what it remembers it does not go on as if it had never stopped")
    _step(state, 6, batches=2)


def _new(objective: Callable[[Setup], Objective], options: TrainOptions, seed: int) -> TrainingState:
    torch.manual_seed(seed)
    device = torch.device("cpu")
    return TrainingState(options, objective(Setup(options, device, generator_of(options))), device)


def _check_parts(objective: Objective) -> None:
    networks, generators, names = objective.networks(), objective.generators(), objective.loss_names()
    require("G_AB" in generators, "there is no generator G_AB, which makes B of A")
    strange = sorted(generators.keys() - {"G_AB", "G_BA"})
    require(not strange, f"{', '.join(strange)} is neither G_AB nor G_BA")
    for name, generator in generators.items():
        require(networks.get(name) is generator, f"{name} is not among the networks under this name")
    optimised = [weight for optimizer in objective.optimizers() for group in optimizer.param_groups
                 for weight in group["params"]]  # fmt: skip
    ids = {id(weight) for weight in optimised}
    require(len(ids) == len(optimised), "a weight belongs to two optimisers")
    known = {id(weight) for network in networks.values() for weight in network.parameters()}
    require(ids <= known, "an optimiser has weights that are in none of the networks, and would not be saved")
    for name, generator in generators.items():
        require(all(id(weight) in ids for weight in generator.parameters()), f"no optimiser has all weights of {name}")
    require(len(set(names)) == len(names) > 0, f"the losses are called {', '.join(names)}: not each by its own name")
    wrong = [name for name in names if name[:1] not in ("G", "D")]
    require(not wrong, f"the name of a loss begins with G or D, not as {', '.join(wrong)}")
    require(all(passes > 0 and any(network is one for one in networks.values()) for network, passes
                in objective.passes()), "passes are counted of something that is none of the networks")  # fmt: skip
    require(objective.bytes_to_remember() >= 0, "it remembers less than nothing")


def _step(state: TrainingState, n: int, batches: int = 1) -> Tensor:
    objective = state.objective
    drawn = torch.Generator().manual_seed(n)
    pictures = [(_pictures(drawn), _pictures(drawn)) for _ in range(batches)]
    losses = take_step(objective, pictures, contextlib.nullcontext())
    names = objective.loss_names()
    require(losses.shape == (len(names),), f"a step returns {tuple(losses.shape)} losses for {len(names)} names")
    require(bool(torch.isfinite(losses).all()), "losses are not finite numbers")
    require(not losses.requires_grad, "losses carry their graph, which would keep all of it in memory")
    return losses


def _saved(state: TrainingState) -> dict[str, Any]:
    """Return a state as it comes out of a checkpoint."""
    file = io.BytesIO()
    torch.save(state.content(""), file)
    file.seek(0)
    try:
        content: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:
        raise AssertionError(f"what it remembers is more than tensors and plain values: {error}") from error
    return content


def _pictures(drawn: torch.Generator) -> Tensor:
    return torch.rand(2, 3, 64, 64, generator=drawn) * 2 - 1


def _weights(network: nn.Module) -> Tensor:
    state: Mapping[str, Tensor] = network.state_dict()
    return torch.cat([tensor.detach().flatten().clone() for tensor in state.values()])
