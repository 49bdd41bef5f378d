"""The losses are the paper's, as a plain reading of it computes them."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from imgtrans.architectures.discriminator import Discriminator
from imgtrans.architectures.resnet import GeneratorResNet, weights_init_normal
from imgtrans.devices import computing_threads
from imgtrans.training.objectives.cyclegan import Networks, discriminator_loss, generator_losses
from imgtrans.training.quick.abreast import abreast


@pytest.fixture(autouse=True, params=["in turn", "abreast"])
def way(request: pytest.FixtureRequest) -> Iterator[None]:
    """Passes are computed one after the other, or side by side."""
    if request.param == "in turn":
        yield
        return
    with computing_threads(2), abreast():
        yield


@pytest.fixture(scope="module")
def networks() -> Networks:
    torch.manual_seed(0)
    shape = (3, 32, 32)
    made = Networks(
        GeneratorResNet(shape, 1, ngf=4), GeneratorResNet(shape, 1, ngf=4), Discriminator(shape), Discriminator(shape)
    )
    for network in made.all().values():
        network.apply(weights_init_normal)
    for generator in (made.G_AB, made.G_BA):
        nn.init.normal_(generator.model[-2].weight, 0, 0.1)  # so that fakes are no flat gray
    return made


@pytest.fixture(params=[1, 3])
def reals(request: pytest.FixtureRequest) -> tuple[Tensor, Tensor]:
    return torch.rand(request.param, 3, 32, 32) * 2 - 1, torch.rand(request.param, 3, 32, 32) * 2 - 1


def plain_generator_losses(n: Networks, a: Tensor, b: Tensor) -> dict[str, Tensor]:
    """The paper's formulas with one forward pass for each term."""
    return {
        "adversarial": ((n.D_B(n.G_AB(a)) - 1) ** 2).mean() + ((n.D_A(n.G_BA(b)) - 1) ** 2).mean(),
        "cycle": (n.G_BA(n.G_AB(a)) - a).abs().mean() + (n.G_AB(n.G_BA(b)) - b).abs().mean(),
        "identity": (n.G_BA(a) - a).abs().mean() + (n.G_AB(b) - b).abs().mean(),
    }


def close(one: Tensor, other: Tensor) -> None:
    torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)


def test_generator_losses_are_those_of_separate_forward_passes(networks: Networks, reals: tuple[Tensor, Tensor]):
    losses = generator_losses(networks, *reals, cycle_weight=10.0, identity_weight=0.5)
    plain = plain_generator_losses(networks, *reals)
    close(losses.adversarial, plain["adversarial"])
    close(losses.cycle, plain["cycle"])
    close(losses.identity, plain["identity"])
    close(losses.total, plain["adversarial"] + 10 * plain["cycle"] + 5 * plain["identity"])


def test_gradients_are_those_of_separate_forward_passes(networks: Networks, reals: tuple[Tensor, Tensor]):
    parameters = [*networks.G_AB.parameters(), *networks.G_BA.parameters()]
    total = generator_losses(networks, *reals, cycle_weight=10.0, identity_weight=0.5).total
    plain = plain_generator_losses(networks, *reals)
    expected = plain["adversarial"] + 10 * plain["cycle"] + 5 * plain["identity"]
    ours, plains = torch.autograd.grad(total, parameters), torch.autograd.grad(expected, parameters)
    for gradient, plain_gradient in zip(ours, plains, strict=True):
        assert (gradient - plain_gradient).norm() < 1e-3 * plain_gradient.norm() + 1e-3


def test_the_fakes_are_the_translations_without_their_graph(networks: Networks, reals: tuple[Tensor, Tensor]):
    losses = generator_losses(networks, *reals, cycle_weight=10.0, identity_weight=0.5)
    torch.testing.assert_close(losses.fake_B, networks.G_AB(reals[0]).detach(), rtol=0, atol=1e-4)
    torch.testing.assert_close(losses.fake_A, networks.G_BA(reals[1]).detach(), rtol=0, atol=1e-4)
    assert not losses.fake_A.requires_grad
    assert not losses.fake_B.requires_grad


def test_identity_weight_0_leaves_it_out(networks: Networks, reals: tuple[Tensor, Tensor]):
    calls: list[int] = []
    handle = networks.G_AB.register_forward_hook(lambda _, inputs, __: calls.append(len(inputs[0])))
    losses = generator_losses(networks, *reals, cycle_weight=10.0, identity_weight=0.0)
    handle.remove()
    plain = plain_generator_losses(networks, *reals)
    assert losses.identity == 0
    assert calls == [len(reals[0])] * 2  # there and back; nothing for the identity
    close(losses.total, plain["adversarial"] + 10 * plain["cycle"])
    torch.testing.assert_close(losses.fake_B, networks.G_AB(reals[0]).detach(), rtol=0, atol=1e-4)
    torch.testing.assert_close(losses.fake_A, networks.G_BA(reals[1]).detach(), rtol=0, atol=1e-4)


def test_weights_weigh_what_they_say(networks: Networks, reals: tuple[Tensor, Tensor]):
    losses = generator_losses(networks, *reals, cycle_weight=3.0, identity_weight=0.2)
    close(losses.total, losses.adversarial + 3 * losses.cycle + 0.6 * losses.identity)


def test_domains_may_come_in_batches_of_different_sizes(networks: Networks):
    a, b = torch.rand(1, 3, 32, 32), torch.rand(2, 3, 32, 32)
    losses = generator_losses(networks, a, b, cycle_weight=10.0, identity_weight=0.5)
    plain = plain_generator_losses(networks, a, b)
    close(losses.total, plain["adversarial"] + 10 * plain["cycle"] + 5 * plain["identity"])


def test_the_discriminator_loss_is_that_of_separate_forward_passes(networks: Networks, reals: tuple[Tensor, Tensor]):
    real, fake = reals
    plain = 0.5 * (((networks.D_A(real) - 1) ** 2).mean() + (networks.D_A(fake) ** 2).mean())
    close(discriminator_loss(networks.D_A, real, fake), plain)


def test_a_perfect_discriminator_has_no_loss_and_a_fooled_one_has_one_half_each():
    class Brightness(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.mean((1, 2, 3), keepdim=True)

    white, black = torch.ones(2, 3, 4, 4), torch.zeros(1, 3, 4, 4)
    assert discriminator_loss(Brightness(), white, black) == 0
    assert discriminator_loss(Brightness(), black, white) == 1
