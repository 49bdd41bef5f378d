"""Spikes in a generator's trunk cost, and nothing else does."""

import pytest
import torch

from imgtrans.architectures.resnet import GeneratorResNet, ResidualBlock
from imgtrans.training.spikes import SpikePenalty


@pytest.fixture
def block() -> ResidualBlock:
    """A block that passes on what comes in."""
    block = ResidualBlock(2)
    torch.nn.init.zeros_(block.block[5].weight)
    return block


def features(spike: float) -> torch.Tensor:
    x = torch.randn(1, 2, 32, 32, generator=torch.Generator().manual_seed(3))
    x[0, 0, 5, 7] = spike
    return x.requires_grad_()


def cost(spikes: SpikePenalty) -> float:
    return torch.as_tensor(spikes.take()).item()


def test_usual_features_cost_nothing(block: ResidualBlock):
    spikes = SpikePenalty(block)
    block(features(0.0))
    assert cost(spikes) == 0.0


def test_a_spike_costs_the_square_of_what_is_beyond_the_usual(block: ResidualBlock):
    spikes = SpikePenalty(block)
    x = features(1000.0)  # nearly alone in its channel: sqrt(1024 - 1) deviations away
    block(x)
    penalty = spikes.take()
    assert penalty.item() == pytest.approx((1023**0.5 - 5) ** 2 / x.numel(), rel=5e-3)
    penalty.backward()
    assert x.grad[0, 1].abs().max() == 0.0  # the other channel is as it should be


def test_a_spike_does_not_depend_on_the_scale_of_the_features(block: ResidualBlock):
    spikes = SpikePenalty(block)
    block(features(40.0))
    small = cost(spikes)
    block(features(40.0) * 100)
    assert cost(spikes) == pytest.approx(small, rel=1e-3) and small > 0


def test_descending_takes_a_spike_away(block: ResidualBlock):
    spikes = SpikePenalty(block)
    x = features(30.0)
    optimizer = torch.optim.SGD([x], 1000.0)
    costs = []
    for _ in range(30):
        block(x)
        penalty = spikes.take()
        costs.append(penalty.item())
        optimizer.zero_grad()
        penalty.backward()
        optimizer.step()
    assert costs[-1] < 0.2 * costs[0]


def test_each_call_takes_what_came_since_the_last_and_grids_do_not_count(block: ResidualBlock):
    spikes = SpikePenalty(block)
    assert spikes.take() == 0.0
    with torch.no_grad():
        block(features(1000.0))
    assert spikes.take() == 0.0
    block(features(1000.0))
    assert cost(spikes) > 0
    assert spikes.take() == 0.0


def test_nothing_is_watched_after_the_end():
    generator = GeneratorResNet((3, 0, 0), 2, ngf=2)
    spikes = SpikePenalty(generator)
    spikes.close()
    assert not any(module._forward_hooks for module in generator.modules())
