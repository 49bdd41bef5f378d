"""CUT and FastCUT do what the paper and its reference code do, as a plain reading of both computes it."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from imgtrans.protocols import Objective
from imgtrans.training.objectives.patchnce import PATCHES, Encoder, PatchFeatures, draw_places, patch_nce
from tests.training.objectives.conftest import close, in_steps, stepped

Make = Callable[[dict[str, Any]], Objective]


@pytest.fixture(params=[1, 2])
def reals(request: pytest.FixtureRequest) -> tuple[Tensor, Tensor]:
    return torch.rand(request.param, 3, 64, 64) * 2 - 1, torch.rand(request.param, 3, 64, 64) * 2 - 1


def plain_maps(generator: nn.Module, x: Tensor, layers: tuple[int, ...]) -> list[Tensor]:
    found = [x]
    for n, layer in enumerate(generator.model):
        x = layer(x)
        found += [x] if n in layers else []
    return found


def of_length_one(x: Tensor) -> Tensor:
    return x / ((x**2).sum(1, keepdim=True) ** 0.5 + 1e-7)  # which counts: features begin at a ten-thousandth


def plain_nce(
    generator: nn.Module, heads: nn.Module, original: Tensor, translated: Tensor, flipped: bool,
    random: torch.Generator, layers: tuple[int, ...],
) -> Tensor:  # fmt: skip
    """The reference code's way: each patch by itself, the right one first, its own place among the others at -10."""
    queries, keys = plain_maps(generator, translated, layers), plain_maps(generator, original, layers)
    if flipped:
        queries = [q.flip(3) for q in queries]
    places = [torch.randperm(k.shape[2] * k.shape[3], generator=random)[:256] for k in keys]
    per_layer = []
    for head, query, key, at in zip(heads.heads, queries, keys, places, strict=True):
        losses = []
        for of_query, of_key in zip(query, key, strict=True):
            q = of_length_one(head(of_query.flatten(1)[:, at].T))
            k = of_length_one(head(of_key.flatten(1)[:, at].T)).detach()
            for n in range(len(at)):
                others = (k @ q[n]).clone()
                others[n] = -10.0
                logits = torch.cat(((q[n] @ k[n]).view(1), others)) / 0.07
                losses.append(-logits.log_softmax(0)[0])
        per_layer.append(torch.stack(losses).mean())
    return torch.stack(per_layer).mean()


@pytest.mark.parametrize("blocks", [2, 6])
def test_a_step_of_cut_is_that_of_the_reference_code(make: Make, reals: tuple[Tensor, Tensor], blocks: int):
    a, b = reals
    objective = make({"objective": "cut", "blocks": blocks})
    a, b = a.double(), b.double()  # what begins at a ten-thousandth is brought to 1: in float32 gradients are noisy
    for network in objective.networks().values():
        network.double()
    G, D, heads = deepcopy(list(objective.networks().values()))
    random = torch.Generator().manual_seed(0)
    (d_minimised, g_minimised), losses = in_steps(objective, a, b)
    fake, same = G(a), G(b)
    d = 0.5 * (D(fake.detach()) ** 2).mean() + 0.5 * ((D(b) - 1) ** 2).mean()
    stepped([D], d)
    adversarial = ((D(fake) - 1) ** 2).mean()
    layers = (4, 7, 10, 10 + min(4, blocks - 1))
    nce = plain_nce(G, heads, a, fake, False, random, layers)
    identity = plain_nce(G, heads, b, same, False, random, layers)
    total = adversarial + (nce + identity) / 2
    close(losses, torch.stack([total, adversarial, nce, identity, d]))
    close(d_minimised, d)
    close(g_minimised, total)
    parameters = [*G.parameters(), *heads.parameters()]
    ours = [*objective.networks()["G_AB"].parameters(), *objective.networks()["F"].parameters()]
    for mine, gradient in zip(ours, torch.autograd.grad(total, parameters), strict=True):
        assert mine.grad is not None
        assert (mine.grad - gradient).norm() < 1e-3 * gradient.norm() + 1e-3


@pytest.mark.parametrize("seed", range(4))
def test_a_step_of_fastcut_is_that_of_the_reference_code(make: Make, reals: tuple[Tensor, Tensor], seed: int):
    a, b = reals
    objective = make({"objective": "fastcut", "seed": seed})
    G, D, heads = deepcopy(list(objective.networks().values()))
    random = torch.Generator().manual_seed(seed)
    flipped = bool(torch.rand((), generator=random) < 0.5)
    _, losses = in_steps(objective, a, b)
    fake = G(a.flip(3)) if flipped else G(a)
    d = 0.5 * (D(fake.detach()) ** 2).mean() + 0.5 * ((D(b) - 1) ** 2).mean()
    stepped([D], d)
    adversarial = ((D(fake) - 1) ** 2).mean()
    nce = plain_nce(G, heads, a, fake, flipped, random, (4, 7, 10, 11))
    close(losses, torch.stack([adversarial + 10 * nce, adversarial, nce, d]))


def test_fastcut_mirrors_about_half_of_the_time(make: Make):
    random = [torch.Generator().manual_seed(seed) for seed in range(4)]
    assert {bool(torch.rand((), generator=one) < 0.5) for one in random} == {True, False}  # the test above saw both


def test_one_generator_and_one_discriminator_are_trained(make: Make):
    for name in ("cut", "fastcut"):
        objective = make({"objective": name})
        assert list(objective.networks()) == ["G_AB", "D_B", "F"]
        assert list(objective.generators()) == ["G_AB"]


def test_their_own_defaults_are_those_of_the_reference_code():
    from imgtrans.training.options import TrainOptions

    cut, fastcut = (TrainOptions.chosen({"objective": name}) for name in ("cut", "fastcut"))
    assert (cut.epochs, cut.decay_epochs, cut.nce_weight) == (200, 200, 1.0)
    assert (fastcut.epochs, fastcut.decay_epochs, fastcut.nce_weight) == (150, 50, 10.0)
    assert TrainOptions.chosen({"objective": "fastcut", "nce_weight": 3.0}).nce_weight == 3.0


def test_the_nce_weight_weighs(make: Make, reals: tuple[Tensor, Tensor]):
    _, losses = in_steps(make({"objective": "cut", "nce_weight": 4.0}), *reals)
    total, adversarial, nce, identity, _ = losses
    close(total, adversarial + 4 * (nce + identity) / 2)


def test_maps_are_the_picture_two_downsamplings_and_two_blocks(make: Make):
    generator = make({"objective": "cut", "blocks": 6}).networks()["G_AB"]
    encoder = Encoder(generator)
    shapes = [tuple(x.shape) for x in encoder.maps(torch.zeros(1, 3, 64, 64))]
    assert shapes == [(1, 3, 64, 64), (1, 8, 32, 32), (1, 16, 16, 16), (1, 16, 16, 16), (1, 16, 16, 16)]
    assert encoder.widths == [shape[1] for shape in shapes]


@pytest.mark.parametrize(("blocks", "maps"), [(0, 3), (1, 4), (2, 5)])
def test_shallow_generators_have_fewer_maps(make: Make, blocks: int, maps: int):
    encoder = Encoder(make({"objective": "cut", "blocks": blocks}).networks()["G_AB"])
    assert len(encoder.maps(torch.zeros(1, 3, 64, 64))) == len(encoder.widths) == maps


def test_places_are_drawn_once_each_and_no_more_than_there_are():
    maps = [torch.zeros(1, 3, 32, 32), torch.zeros(1, 8, 6, 5)]
    first, second = draw_places(maps, torch.Generator().manual_seed(0))
    assert len(first) == len(set(first.tolist())) == PATCHES
    assert sorted(second.tolist()) == list(range(30))


def test_features_have_length_one():
    maps = [torch.randn(2, 3, 8, 8), torch.randn(2, 5, 4, 4)]
    places = draw_places(maps, torch.Generator())
    for feature, at in zip(PatchFeatures([3, 5])(maps, places), places, strict=True):
        assert feature.shape == (2, len(at), 256)
        torch.testing.assert_close(feature.norm(dim=-1), torch.ones(2, len(at)), rtol=1e-3, atol=1e-3)


def test_patches_that_are_told_apart_cost_nothing_and_equal_ones_the_logarithm_of_their_number():
    apart = torch.eye(16)[None]
    assert patch_nce([apart], [apart]) < 1e-4
    close(patch_nce([torch.ones(1, 16, 16) / 4], [torch.ones(1, 16, 16) / 4]), torch.tensor(16.0).log())


def test_nothing_is_learnt_through_the_keys():
    query, key = (torch.randn(1, 4, 8).requires_grad_() for _ in range(2))
    patch_nce([query], [key]).backward()
    assert query.grad is not None
    assert key.grad is None
