"""The backend prepared: as right as eager, and the same bytes whatever comes with a picture."""

import subprocess
import sys
import threading
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from imgtrans.backends.eager import backend as eager
from imgtrans.errors import UnavailableError
from imgtrans.kernels.machine import host
from imgtrans.protocols import Interrupted, Pixels
from imgtrans.streaming import prepared
from imgtrans.streaming.prepared import PreparedSession, backend
from tests.streaming.streaming import SMALL, network

pytestmark = pytest.mark.skipif(not host().lanes, reason="there are no kernels for this processor")

CPU = torch.device("cpu")


def pictures(count: int, height: int, width: int, kind: type = np.uint8) -> Pixels:
    return np.random.default_rng(0).integers(0, np.iinfo(kind).max + 1, (count, height, width, 3), kind)


def opened(net: nn.Module) -> PreparedSession:
    return backend.open(net, CPU, torch.float32)


@pytest.mark.parametrize("upsampling", ["nearest", "transpose", "blur"])
@pytest.mark.parametrize(("kind", "allowed"), [(np.uint8, 1), (np.uint16, 7)])
def test_it_is_eager_but_for_rounding(upsampling: str, kind: type, allowed: int):
    parameters = SMALL | {"ngf": 16, "upsampling": upsampling}
    batch = pictures(2, 40, 72, kind)
    expected = eager.open(network(parameters), CPU, torch.float32).run(batch).astype(int)
    assert np.abs(opened(network(parameters)).run(batch).astype(int) - expected).max() <= allowed


def test_a_picture_comes_out_the_same_first_or_last_alone_or_with_others():
    session, batch = opened(network(SMALL | {"ngf": 16})), pictures(3, 32, 40)
    together = session.run(batch)
    for number in (2, 0, 1, 2):
        assert np.array_equal(session.run(batch[number : number + 1])[0], together[number])
    assert np.array_equal(opened(network(SMALL | {"ngf": 16})).run(batch), together)


def test_several_threads_may_each_have_one():
    sessions = [opened(network(SMALL | {"ngf": 16})) for _ in range(2)]
    batch, results = pictures(2, 64, 64), [None, None]

    def work(number: int) -> None:
        results[number] = sessions[number].run(batch)  # type: ignore[call-overload]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert np.array_equal(results[0], results[1])


def test_it_ends_in_the_middle_of_a_picture():
    session = opened(network(SMALL | {"blocks": 9}))
    progressed = []

    def stop(share: float) -> None:
        progressed.append(share)
        session.interrupt()

    session._look_up = lambda: (stop(0), PreparedSession._look_up(session))[1]  # type: ignore[method-assign]
    with pytest.raises(Interrupted):
        session.run(pictures(1, 64, 64))
    assert len(progressed) == 1


class Layer(nn.Module):
    def __init__(self, forward: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.forward = forward  # type: ignore[method-assign]


@pytest.mark.parametrize(
    ("net", "reason"),
    [
        (nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.GroupNorm(1, 3)), "a network with GroupNorm cannot be"),
        (Layer(lambda x: x), "a network with Layer cannot be"),
        (nn.Sequential(nn.Conv2d(3, 3, 3, padding=1, groups=3)), "there is no kernel for any layer"),
    ],
)
def test_what_it_does_not_know_is_refused_in_a_sentence(net: nn.Module, reason: str):
    with pytest.raises(UnavailableError, match=reason):
        opened(net.eval().requires_grad_(False))


def test_what_comes_out_differently_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(prepared, "LIMIT", 1e-12)
    with pytest.raises(UnavailableError, match=r"differs from the plain one by .*e-0"):
        opened(network(SMALL))


def test_what_takes_no_picture_that_it_is_tried_with_is_refused():
    net = nn.Sequential(nn.Conv2d(3, 3, 300)).eval().requires_grad_(False)
    with pytest.raises(UnavailableError, match="cannot be tried with a picture of noise: "):
        opened(net)


def test_what_is_no_number_differs():
    net = network(SMALL)
    net.model[1].weight.data[0, 0, 0, 0] = torch.nan
    with pytest.raises(UnavailableError, match="differs from the plain one by nan"):
        opened(net)


@pytest.mark.parametrize(("device", "precision"), [("cpu", torch.bfloat16), ("meta", torch.float32)])
def test_it_is_for_a_cpu_in_float32(device: str, precision: torch.dtype):
    with pytest.raises(UnavailableError, match="on a CPU in float32"):
        backend.open(network(SMALL), torch.device(device), precision)


def test_a_network_that_takes_larger_pictures_only_is_tried_with_a_larger_one():
    opened(network(SMALL | {"depth": 5}))


def test_without_llvm_it_is_refused_in_a_sentence_and_streaming_goes_on():
    """In a process of its own, in which nobody has loaded it before."""
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; sys.modules['llvmlite'] = None\n"
            "import torch; from torch import nn\n"
            "from imgtrans.streaming.prepared import backend\n"
            "from imgtrans.streaming.streamer import Streamer\n"
            "from imgtrans.errors import UnavailableError\n"
            "net = nn.Sequential(nn.Conv2d(3, 3, 3)); Streamer(net)\n"
            "try: backend.open(net, torch.device('cpu'), torch.float32)\n"
            "except UnavailableError as error: print(error.message)",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("LLVM, which prepares networks, does not work here: ")
