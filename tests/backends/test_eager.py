"""The reference backend computes what the plain network computes, and says when memory is short."""

import threading
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from imgtrans.architectures.resnet import GeneratorResNet, weights_init_normal
from imgtrans.backends.eager import backend
from imgtrans.protocols import Interrupted, Pixels

CPU = torch.device("cpu")


def pictures(count: int = 2, height: int = 24, width: int = 16) -> Pixels:
    """Return pictures that have every value from 0 to 255 in them."""
    return np.random.default_rng(0).permuted(np.arange(count * height * width * 3, dtype=np.uint32)).astype(
        np.uint8
    ).reshape(count, height, width, 3)  # fmt: skip


def wide() -> GeneratorResNet:
    """A generator whose output spans the whole range, as a trained one's does."""
    torch.manual_seed(1)
    network = GeneratorResNet((3, 0, 0), 2, ngf=8).apply(weights_init_normal).requires_grad_(False)
    network.model[-2].weight.mul_(6)
    return network


class Layer(nn.Module):
    """A network that does one thing."""

    def __init__(self, forward: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.forward = forward  # type: ignore[method-assign]


def opened(forward: Callable[[Tensor], Tensor], precision: torch.dtype = torch.float32):
    return backend.open(Layer(forward), CPU, precision)


def test_in_float32_it_is_the_plain_network_rounded_to_eight_bits():
    network, x = wide(), pictures()
    with torch.no_grad():
        y = network.eval()(torch.from_numpy(x.astype(np.float32) / 127.5 - 1.0).permute(0, 3, 1, 2))
    exact = (y.permute(0, 2, 3, 1).numpy().astype(np.float64) + 1.0) * 127.5
    result = backend.open(network, CPU, torch.float32).run(x)
    assert np.abs(result - exact).max() <= 0.5 + 1e-3
    assert result.min() < 10 and result.max() > 245  # the comparison saw the whole range


def test_in_bfloat16_it_differs_by_few_levels():
    network, x = wide(), pictures()
    full = backend.open(network, CPU, torch.float32).run(x).astype(int)
    half = backend.open(network, CPU, torch.bfloat16).run(x).astype(int)
    difference = np.abs(full - half)
    print(f"bfloat16: at most {difference.max()} levels, {difference.mean():.2f} on average")
    assert 0 < difference.max() <= 24
    assert difference.mean() < 2


def test_pixels_go_in_between_minus_one_and_one_and_come_out_as_they_were():
    seen: list[Tensor] = []

    def identity(x: Tensor) -> Tensor:
        seen.append(x.clone())  # what comes back is worked on in place
        return x

    x = pictures()
    assert {0, 255} <= {*x.flatten().tolist()}
    assert np.array_equal(opened(identity).run(x), x)
    assert (seen[0].min(), seen[0].max()) == (-1.0, 1.0)
    assert seen[0].shape == (2, 3, 24, 16)


def test_pictures_of_a_batch_do_not_touch_one_another():
    session, x = backend.open(wide(), CPU, torch.float32), pictures(3)
    together = session.run(x).astype(int)
    alone = np.concatenate([session.run(x[i : i + 1]) for i in range(3)]).astype(int)
    assert np.abs(together - alone).max() <= 1  # kernels for other sizes may round otherwise


def test_the_input_is_not_changed():
    x = pictures()
    before = x.copy()
    backend.open(wide(), CPU, torch.float32).run(x)
    assert np.array_equal(x, before)


@pytest.mark.parametrize(("value", "pixel"), [(2.0, 255), (-3.0, 0), (0.0, 128), (1.0, 255), (-1.0, 0)])
def test_values_beyond_the_range_are_clamped(value: float, pixel: int):
    result = opened(lambda x: torch.full_like(x, value)).run(pictures(1))
    assert {*result.flatten().tolist()} == {pixel}


def test_the_network_is_in_evaluation_mode_and_keeps_no_gradients():
    network = nn.Sequential(nn.Dropout(0.5), nn.Conv2d(3, 3, 1))
    x = pictures(1)
    session = backend.open(network.train(), CPU, torch.float32)
    assert np.array_equal(session.run(x), session.run(x))
    inference: list[bool] = []
    opened(lambda x: (inference.append(torch.is_inference(x)), x)[1]).run(x)
    assert inference == [True]


def test_a_batch_that_really_does_not_fit_is_a_memory_error():
    session = opened(lambda x: torch.empty(1 << 55, dtype=torch.uint8))
    with pytest.raises(MemoryError):
        session.run(pictures(1))


def raising(error: Exception) -> Callable[[Tensor], Tensor]:
    def forward(x: Tensor) -> Tensor:
        raise error

    return forward


def test_a_full_gpu_is_a_memory_error():
    with pytest.raises(MemoryError, match="CUDA out of memory"):
        opened(raising(torch.OutOfMemoryError("CUDA out of memory"))).run(pictures(1))


def test_another_fault_of_the_network_stays_what_it_is():
    with pytest.raises(RuntimeError, match="shape mismatch"):
        opened(raising(RuntimeError("shape mismatch"))).run(pictures(1))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_a_gpu_it_differs_from_the_cpu_by_few_levels():
    x = pictures()
    reference = backend.open(wide(), CPU, torch.float32).run(x).astype(int)
    for precision, most in ((torch.float32, 2), (torch.bfloat16, 24)):
        result = backend.open(wide(), torch.device("cuda", 0), precision).run(x).astype(int)
        assert np.abs(result - reference).max() <= most


def test_pictures_of_16_bits_come_out_with_all_of_them():
    x = np.random.default_rng(0).permutation(65536 * 3).astype(np.uint16).reshape(2, 256, 384, 1).repeat(3, axis=3)
    before, seen = x.copy(), list[Tensor]()

    def identity(values: Tensor) -> Tensor:
        seen.append(values.clone())
        return values

    result = opened(identity).run(x)
    assert result.dtype == np.uint16
    assert np.array_equal(result, before)
    assert np.array_equal(x, before)
    assert (seen[0].min(), seen[0].max()) == (-1.0, 1.0)


def test_16_bits_are_finer_than_8_and_else_the_same():
    session, x = backend.open(wide(), CPU, torch.float32), pictures()
    sixteen = session.run(x.astype(np.uint16) * np.uint16(257))
    assert np.abs(sixteen / 257 - session.run(x)).max() <= 0.51
    assert len(np.unique(sixteen)) > 1000


def test_a_run_is_ended_from_another_thread_between_two_convolutions():
    session = None

    class Interrupting(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            assert session
            thread = threading.Thread(target=session.interrupt)
            thread.start()
            thread.join()
            return x

    class Never(nn.Conv2d):
        def forward(self, input: Tensor) -> Tensor:
            raise AssertionError

    network = nn.Sequential(nn.Conv2d(3, 3, 1), Interrupting(), nn.ReLU(), Never(3, 3, 1))
    session = backend.open(network.requires_grad_(False), CPU, torch.float32)
    for _ in range(2):
        with pytest.raises(Interrupted):
            session.run(pictures())


def test_pictures_of_a_size_that_the_network_does_not_keep_are_refused(tiny_network: GeneratorResNet) -> None:
    session = backend.open(tiny_network, torch.device("cpu"), torch.float32)
    with pytest.raises(ValueError, match="of pictures of 397x595 the network makes ones of 400x596"):
        session.run(np.zeros((1, 595, 397, 3), np.uint8))
