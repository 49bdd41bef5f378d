"""What Triton's kernels for training compute, interpreted, against PyTorch; run in a process of its own."""

import copy
import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from imgtrans.architectures.discriminator import Discriminator
from imgtrans.architectures.resnet import GeneratorResNet, weights_init_normal
from imgtrans.training import spikes
from imgtrans.training.quick.maps import MOVED, PLAIN, Shape, mean_excess, normalise, reflect, why_not
from imgtrans.training.quick.onmaps import layers_on_maps

DONE = "all agree"


def laid(x: Tensor, kind: int) -> Tensor:
    """Return a map as one of a kind."""
    if kind == PLAIN:
        return x
    n, channels, height, width = x.shape
    more = int(kind == MOVED)
    four = torch.zeros(n, 4 * channels, height // 2 + more, width // 2 + more)
    for down, right in itertools.product((0, 1), (0, 1)):
        first = (2 * down + right) * channels
        rows = slice(down * more, down * more + height // 2)
        columns = slice(right * more, right * more + width // 2)
        four[:, first : first + channels, rows, columns] = x[:, :, down::2, right::2]
    return four


def apart(one: Tensor, other: Tensor) -> float:
    return ((one - other).abs().max() / (0.01 + other.abs().max())).item()


def maps() -> None:
    cases = itertools.product(
        (16, 20, 70), ((6, 10), (38, 32)), (0, 1, 3), (0, 1, 2), (0, 1), (1.0, 0.0, 0.2), (False, True)
    )
    for case, (channels, (height, width), padding, given, made, slope, added) in enumerate(cases):
        if case % 11:
            continue  # each value of each meets each of the others in what is left
        plain = torch.randn(2, channels, height, width) * 3 + 2 * torch.randn(1, channels, 1, 1)
        before = torch.randn(2, channels, height, width) if added else None
        plain.requires_grad_()
        expected = F.leaky_relu(F.instance_norm(plain), slope)
        expected = expected if before is None else expected + before
        expected = laid(F.pad(expected, (padding,) * 4, mode="reflect"), made)
        other = laid(plain.detach(), given).requires_grad_()
        result = normalise(other, 1e-5, Shape(padding, given, made, slope), before)
        gradient = torch.randn_like(expected)
        expected.backward(gradient)
        result.backward(gradient)
        assert plain.grad is not None and other.grad is not None
        assert apart(result, expected) < 2e-4, case
        assert apart(other.grad, laid(plain.grad, given)) < 2e-4, case


def edges() -> None:
    x, gradient = torch.randn(2, 20, 9, 7, requires_grad=True), torch.randn(2, 20, 11, 9)
    made, expected = reflect(x, 1), F.pad(x, (1,) * 4, mode="reflect")
    assert torch.equal(made, expected)
    gradients = [torch.autograd.grad(one, x, gradient)[0] for one in (made, expected)]
    torch.testing.assert_close(*gradients)


def far_values() -> None:
    x = torch.randn(2, 20, 30, 31)
    x[0, 3, 4, 5], x[1, 7, 20, 2] = 40, -30
    x.requires_grad_()
    deviation, mean = torch.std_mean(x, dim=(2, 3), keepdim=True, correction=0)
    expected = (((x - mean) / (deviation + 1e-5)).abs() - 2.0).relu().square().mean()
    made = mean_excess(x, 2.0, 1e-5)
    torch.testing.assert_close(made, expected)
    gradients = [torch.autograd.grad(50 * one, x)[0] for one in (made, expected)]
    assert apart(*gradients) < 1e-5


def gradients_of(network: nn.Module, x: Tensor, *, steered: bool) -> tuple[Tensor, dict[str, Tensor]]:
    x = x.clone().requires_grad_()
    penalty = spikes.SpikePenalty(*([network] if steered else []))
    y: Tensor = network(x)
    loss = (y * torch.linspace(-1, 1, y.numel()).view_as(y)).sum() + 50 * penalty.take()
    penalty.close()
    loss.backward()
    found = {name: weight.grad for name, weight in network.named_parameters() if weight.grad is not None}
    assert x.grad is not None
    return y.detach(), {"x": x.grad, **found}


def networks() -> None:
    spikes._USUAL = 1.5  # of a network that has learnt nothing, some values are beyond that
    cases: list[tuple[nn.Module, tuple[int, ...]]] = [
        (GeneratorResNet((3, 8, 8), 2, ngf=8), (2, 3, 24, 32)),
        (GeneratorResNet((3, 8, 8), 1, ngf=16, upsampling="transpose"), (1, 3, 16, 16)),
        (GeneratorResNet((3, 8, 8), 1, ngf=8), (1, 3, 21, 18)),  # of a size that leaves no squares
        (Discriminator((3, 64, 64)), (2, 3, 64, 64)),
    ]
    for network, size in cases:
        network.apply(weights_init_normal)
        for weight in network.parameters():
            weight.data = weight * 5 if weight.ndim > 1 else torch.randn_like(weight) / 10
        other, x = copy.deepcopy(network), torch.rand(size) * 2 - 1
        kinds = [(type(module), vars(module).keys()) for module in other.modules()]
        steered = not isinstance(network, Discriminator)
        expected, gradients = gradients_of(network, x, steered=steered)
        with layers_on_maps(other):
            assert [type(module) for module in other.modules()] != [kind for kind, _ in kinds]
            made, others = gradients_of(other, x, steered=steered)
        assert [(type(module), vars(module).keys()) for module in other.modules()] == kinds
        torch.testing.assert_close(made, expected, rtol=1e-4, atol=1e-4)
        assert gradients.keys() == others.keys()
        for name, gradient in gradients.items():
            # A bias that a normalisation takes away has a gradient of nothing but rounding.
            assert (others[name] - gradient).norm() < 1e-3 * gradient.norm() + 1e-3, name


if __name__ == "__main__":
    torch.manual_seed(0)
    assert why_not(torch.device("cpu")) == ""
    for check in (maps, edges, far_values, networks):
        check()
    print(DONE)
