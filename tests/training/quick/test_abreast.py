"""Two passes side by side are the same passes: what they make, their gradients, their errors, their precision."""

import threading
from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor, nn

from imgtrans.devices import computing_threads
from imgtrans.training.quick.abreast import Pass, abreast, both


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    with computing_threads(2):
        yield
        assert torch.get_num_threads() == 2


@pytest.fixture
def networks() -> tuple[nn.Module, nn.Module]:
    one, other = (nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 3, 3)) for _ in range(2))
    other[0].requires_grad_(False)
    return one, other


def passing(network: nn.Module, x: Tensor) -> Pass:
    def compute(x: Tensor) -> tuple[Tensor, ...]:
        y = network(x)
        return y, y.square().mean(), y.mean()  # whose gradient nobody asks for

    return Pass(compute, (x,), (network,))


def gradients(networks: tuple[nn.Module, nn.Module], x: Tensor) -> list[Tensor | None]:
    """Of two pairs of passes, each network in both, as a cycle has them."""
    one, other = networks
    (a, size, _), (b, _, _) = both(passing(one, x), passing(other, x.flip(3)))
    (back, _, _), (there, more, _) = both(passing(other, a), passing(one, b))
    loss = size + (back - 1).abs().mean() + there.sum() + more
    weights = [weight for network in networks for weight in network.parameters()]
    for weight in weights:
        weight.grad = None
    x.grad = None
    loss.backward()
    return [loss.detach(), x.grad, *(weight.grad for weight in weights)]


def test_gradients_are_those_of_one_pass_after_the_other(networks: tuple[nn.Module, nn.Module]) -> None:
    x = torch.randn(2, 3, 16, 16, requires_grad=True)
    expected = gradients(networks, x)
    with abreast():
        found = gradients(networks, x)
        again = gradients(networks, x)
    assert [one is None for one in found] == [one is None for one in expected]
    assert sum(one is None for one in found) == 2
    for one, other, third in zip(expected, found, again, strict=True):
        if one is not None:
            torch.testing.assert_close(other, one)
            assert torch.equal(other, third)


class Meeting(torch.autograd.Function):
    """Waits for another one, there and back, which fails if they are not at work at the same time."""

    @staticmethod
    def forward(ctx, x: Tensor, barrier: threading.Barrier, seen: list[tuple[str, int]]) -> Tensor:  # type: ignore[no-untyped-def]
        ctx.barrier, ctx.seen = barrier, seen
        barrier.wait(20)
        seen.append((threading.current_thread().name, torch.get_num_threads()))
        return x.clone()

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None, None]:  # type: ignore[no-untyped-def]
        ctx.barrier.wait(20)
        ctx.seen.append((threading.current_thread().name, torch.get_num_threads()))
        return gradient, None, None


def test_they_are_computed_at_the_same_time_with_half_of_the_threads_each() -> None:
    x, barrier, seen = torch.ones(4, requires_grad=True), threading.Barrier(2), []
    single = Pass(lambda x: (Meeting.apply(x, barrier, seen),), (x,), ())
    with abreast():
        (one,), (other,) = both(single, single)
        (one + 2 * other).sum().backward()
    assert len(seen) == 4
    assert {threads for _, threads in seen} == {1}
    assert len({name for name, _ in seen[:2]}) == len({name for name, _ in seen[2:]}) == 2
    assert x.grad is not None
    assert x.grad.tolist() == [3.0] * 4


@pytest.mark.parametrize("within", [False, True])
def test_elsewhere_they_are_computed_one_after_the_other_in_this_thread(within: bool) -> None:
    x, seen = torch.ones(4), []

    def compute(x: Tensor) -> tuple[Tensor, ...]:
        seen.append(threading.current_thread())
        return (x,)

    if within:  # but without gradients
        with abreast(), torch.no_grad():
            both(Pass(compute, (x,), ()), Pass(compute, (x,), ()))
    else:
        both(Pass(compute, (x,), ()), Pass(compute, (x,), ()))
    assert seen == [threading.current_thread()] * 2


@pytest.mark.parametrize("first", [True, False])
def test_an_error_of_either_is_told_when_the_other_one_is_over(first: bool) -> None:
    x, ended = torch.ones(4, requires_grad=True), threading.Event()

    def fails(x: Tensor) -> tuple[Tensor, ...]:
        raise MemoryError("no room")

    def works(x: Tensor) -> tuple[Tensor, ...]:
        threading.Event().wait(0.2)
        ended.set()
        return (x * 2,)

    passes = [Pass(fails, (x,), ()), Pass(works, (x,), ())]
    with abreast():
        with pytest.raises(MemoryError, match="no room"):
            both(*(passes if first else passes[::-1]))
        assert ended.is_set()


def test_both_are_computed_in_the_precision_of_this_thread(networks: tuple[nn.Module, nn.Module]) -> None:
    x = torch.randn(2, 3, 16, 16)
    kinds: list[torch.dtype] = []

    def noting(network: nn.Module) -> Callable[[Tensor], tuple[Tensor, ...]]:
        return lambda x: (kinds.append(network(x).dtype) or network(x),)  # type: ignore[func-returns-value]

    with abreast(), torch.autocast("cpu", torch.bfloat16):
        both(Pass(noting(networks[0]), (x,), networks[:1]), Pass(noting(networks[1]), (x,), networks[1:]))
    with abreast():
        both(Pass(noting(networks[0]), (x,), networks[:1]), Pass(noting(networks[1]), (x,), networks[1:]))
    assert kinds == [torch.bfloat16] * 2 + [torch.float32] * 2


def test_there_may_be_gradients_of_gradients_within_a_pass(networks: tuple[nn.Module, nn.Module]) -> None:
    def compute(x: Tensor) -> tuple[Tensor, ...]:
        at = x.detach().requires_grad_()
        (steep,) = torch.autograd.grad(networks[0](at).square().sum(), at, create_graph=True)
        return (steep.square().mean(),)

    single = Pass(compute, (torch.randn(2, 3, 16, 16),), networks[:1])
    weight = networks[0][0].weight
    (expected,) = torch.autograd.grad(both(single, single)[0][0], weight)
    with abreast():
        (found,) = torch.autograd.grad(both(single, single)[0][0], weight)
    torch.testing.assert_close(found, expected)
