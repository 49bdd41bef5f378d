"""A session computes batches of one size, and whoever is in them comes out the same."""

import threading
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from imgtrans.backends.eager import backend as eager
from imgtrans.cuda.normalising import ByPyTorch
from imgtrans.cuda.program import Program
from imgtrans.cuda.session import MOST_PICTURES, TOGETHER, ProgramSession
from imgtrans.protocols import Batching, Interrupted, Interruptible, Pixels
from tests.streaming.streaming import SMALL, network

CPU = torch.device("cpu")


def pictures(count: int = 5, height: int = 24, width: int = 16, kind: type = np.uint8) -> Pixels:
    return np.random.default_rng(0).integers(0, np.iinfo(kind).max + 1, (count, height, width, 3), kind)


def session(net: nn.Module | None = None, precision: torch.dtype = torch.float32) -> ProgramSession:
    return ProgramSession(Program(net or network(SMALL), CPU, precision, lambda narrowest: ByPyTorch()), CPU)


class Layer(nn.Module):
    """A network that does one thing with each pixel."""

    pointwise = True

    def __init__(self, forward: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.forward = forward  # type: ignore[method-assign]


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_whole_numbers_become_pictures_and_back_as_in_the_plain_session(kind: type):
    """Every value goes through, and half of them would be another if either rounded otherwise."""
    top = np.iinfo(kind).max
    every = np.arange(top + 1, dtype=kind).repeat(3).reshape(1, -1, 16, 3)
    for change in (lambda x: x * 1.0, lambda x: x * 0.77 + 0.013, lambda x: x * 1.5):
        assert np.array_equal(
            session(Layer(change)).run(every), eager.open(Layer(change), CPU, torch.float32).run(every)
        )


def test_a_picture_comes_out_the_same_alone_in_company_and_at_any_place():
    one, x = session(precision=torch.bfloat16), pictures()
    one.expect(3, 3 * 24 * 16)
    assert one.together(24, 16) == 3
    together = one.run(x)
    alone = np.concatenate([one.run(x[n : n + 1]) for n in range(5)])
    backwards = one.run(x[::-1].copy())[::-1]
    assert np.array_equal(together, alone)
    assert np.array_equal(together, backwards)


def test_the_network_sees_batches_of_one_size_only():
    seen: list[tuple[int, ...]] = []
    one = session(Layer(lambda x: (seen.append(tuple(x.shape)), x * 1.0)[1]))
    one.expect(4, 10**6)
    for count in (1, 4, 7):
        one.run(pictures(count))
    assert seen == [(4, 3, 24, 16)] * 4


@pytest.mark.parametrize(
    ("pictures", "pixels", "size", "batch"),
    [
        (64, TOGETHER, (256, 256), 16),
        (64, TOGETHER, (64, 64), 64),
        (64, TOGETHER, (512, 768), 2),
        (64, TOGETHER, (1024, 1024), 1),
        (64, TOGETHER, (3000, 4000), 1),
        (1, TOGETHER, (256, 256), 1),
        (500, 10**9, (64, 64), MOST_PICTURES),
        (64, 100_000, (256, 256), 1),
        (64, 0, (256, 256), 1),
    ],
)
def test_a_batch_is_as_large_as_is_of_use_and_allowed(pictures: int, pixels: int, size: tuple[int, int], batch: int):
    one = session()
    one.expect(pictures, pixels)
    assert one.together(*size) == batch


def test_on_a_cpu_each_picture_is_a_batch():
    assert session().together(16, 16) == 1


def test_a_batch_that_does_not_fit_is_halved_and_what_does_not_fit_alone_is_a_memory_error():
    seen: list[int] = []

    def small(x: Tensor) -> Tensor:
        seen.append(len(x))
        if len(x) > most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return x * 1.0

    one, x = session(Layer(small)), pictures(8)
    one.expect(8, 8 * 24 * 16)
    most = 2
    assert np.array_equal(one.run(x), x)
    assert seen == [8, 4, 2, 2, 2, 2]
    one.run(x[:2])
    assert seen[-1] == 2  # it is remembered
    most = 0
    with pytest.raises(MemoryError, match="CUDA out of memory"):
        one.run(x)


def test_another_fault_of_the_network_stays_what_it_is():
    def broken(x: Tensor) -> Tensor:
        raise RuntimeError("shape mismatch")

    with pytest.raises(RuntimeError, match="shape mismatch"):
        session(Layer(broken)).run(pictures(1))


def test_a_run_is_ended_from_another_thread_before_the_next_operation():
    one: ProgramSession

    def interrupting(x: Tensor) -> Tensor:
        thread = threading.Thread(target=one.interrupt)
        thread.start()
        thread.join()
        return x

    def never(x: Tensor) -> Tensor:
        raise AssertionError

    one = session(nn.Sequential(Layer(interrupting), Layer(never)))
    assert isinstance(one, Interruptible) and isinstance(one, Batching)
    for _ in range(2):
        with pytest.raises(Interrupted):
            one.run(pictures())


def test_pictures_of_a_size_that_the_network_does_not_keep_are_refused_before_anything_is_computed():
    with pytest.raises(ValueError, match="of pictures of 397x595 the network makes ones of 400x596"):
        session().run(np.zeros((1, 595, 397, 3), np.uint8))
