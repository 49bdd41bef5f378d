"""A generator with quick layers is the same generator: its pictures, its gradients, its weights, its copies."""

import copy
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from imgtrans.architectures.resnet import GeneratorResNet, ResidualBlock, weights_init_normal
from imgtrans.training.quick.layers import quick_layers
from imgtrans.training.quick.winograd import convolve


def generator(ngf: int = 8, upsampling: str = "nearest") -> nn.Module:
    network = GeneratorResNet((3, 32, 32), 2, ngf=ngf, upsampling=upsampling)
    return network.apply(weights_init_normal)


def picture(side: int = 32, n: int = 2) -> Tensor:
    return torch.rand(n, 3, side, side) * 2 - 1


def passed(network: nn.Module, x: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """Return what comes out, and the gradients of a smooth loss of it."""
    network.zero_grad()
    x = x.clone().requires_grad_()
    y = network(x)
    (y * torch.linspace(-1, 1, y.numel()).view(y.shape)).sum().backward()
    gradients = {name: weight.grad.clone() for name, weight in network.named_parameters() if weight.grad is not None}
    assert x.grad is not None
    return y.detach(), gradients | {"x": x.grad}


def biases_before_norms(network: nn.Module) -> set[str]:
    modules = [*network.named_modules()]
    return {
        f"{name}.bias"
        for (name, module), (_, behind) in pairwise(modules)
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d) and isinstance(behind, nn.InstanceNorm2d)
    }


@pytest.mark.parametrize("upsampling", ["nearest", "transpose"])
@pytest.mark.parametrize(("ngf", "side"), [(8, 32), (8, 36), (16, 64), (2, 32)])
def test_pictures_and_gradients_are_those_of_plain_layers(ngf: int, side: int, upsampling: str) -> None:
    network, x = generator(ngf, upsampling), picture(side)
    expected, gradients = passed(network, x)
    with quick_layers(network):
        found, others = passed(network, x)
    assert (found - expected).abs().max() < 1e-4
    assert gradients.keys() == others.keys()
    for name in gradients.keys() - biases_before_norms(network):
        # A ReLU that is on in one and off in the other, at a value of 1e-6, is a step in the gradient.
        assert (gradients[name] - others[name]).norm() < 0.01 * gradients[name].norm(), name


def test_layers_are_plain_again_at_the_end_whatever_happens() -> None:
    network = generator()
    kinds = [type(module) for module in network.modules()]
    with pytest.raises(ZeroDivisionError), quick_layers(network):
        assert [type(module) for module in network.modules()] != kinds
        raise ZeroDivisionError
    assert [type(module) for module in network.modules()] == kinds


def test_nearly_all_of_a_generator_is_quick() -> None:
    network = generator(16)
    with quick_layers(network):
        plain = [module for module in network.modules() if type(module) in (nn.Conv2d, nn.InstanceNorm2d, nn.Upsample)]
    assert [module.kernel_size for module in plain] == [(7, 7), (3, 3), (3, 3)]  # the first, and the strided ones


def test_names_of_weights_and_hooks_stay_and_a_copy_has_weights_of_its_own() -> None:
    network, x = generator(), picture()
    names, seen = [*network.state_dict()], []
    for block in network.modules():
        if isinstance(block, ResidualBlock):
            block.register_forward_hook(lambda module, given, result: seen.append(result.shape))
    with quick_layers(network):
        assert [*network.state_dict()] == names
        twin = copy.deepcopy(network)
        before = twin(x)
        with torch.no_grad():
            for weight in network.parameters():
                weight.zero_()
        assert torch.equal(twin(x), before)
    assert seen[:2] == [torch.Size([2, 32, 8, 8])] * 2


def test_what_they_compute_is_the_same_to_the_last_bit_each_time() -> None:
    network, x = generator(), picture()
    with quick_layers(network):
        first, again = passed(network, x), passed(network, x)
    assert torch.equal(first[0], again[0])
    assert all(torch.equal(first[1][name], again[1][name]) for name in first[1])


def test_in_other_precisions_and_sizes_that_do_not_suit_they_are_plain() -> None:
    network, x = generator(), picture()
    with torch.autocast("cpu", torch.bfloat16):
        expected = network(x)
        with quick_layers(network):
            assert (network(x) - expected).abs().max() < 0.01  # the last layer adds up in another order
    double, x = generator().double(), picture(37).double()
    expected = double(x)
    with quick_layers(double):
        torch.testing.assert_close(double(x), expected, rtol=0, atol=1e-12)
    odd, x = generator(), picture(37)
    expected = odd(x)
    with quick_layers(odd):
        assert (odd(x) - expected).abs().max() < 1e-4


def test_fewer_products_are_made_than_by_the_definition() -> None:
    x, weight = torch.randn(1, 34, 34, 32), torch.randn(32, 32, 3, 3)
    with torch.profiler.profile(with_flops=True) as told:
        convolve(x, weight, None)
    products = sum(event.flops or 0 for event in told.key_averages()) / 2
    assert products < 9 * 32 * 32 * 32 * 32
