"""ncnn computes what plain PyTorch computes, or says why it cannot."""

from collections.abc import Callable
from pathlib import Path

import imgtrans_ncnn
import numpy as np
import pytest
import torch
from imgtrans_ncnn.backend import LIMIT, backend
from imgtrans_ncnn.options import NcnnOptions
from torch import nn

from imgtrans import GeneratorResNet, weights_init_normal
from imgtrans.errors import UnavailableError
from imgtrans.protocols import Interrupted
from imgtrans.testing import check_backend, check_imports, check_parity

CPU = torch.device("cpu")


def generator(**parameters: object) -> nn.Module:
    torch.manual_seed(0)
    return GeneratorResNet((3, 0, 0), 2, ngf=8, **parameters).apply(weights_init_normal).eval().requires_grad_(False)


def test_it_keeps_the_contract():
    check_backend(backend)


def test_it_imports_the_public_api_alone():
    check_imports(Path(imgtrans_ncnn.__file__).parent)


@pytest.mark.parametrize(
    "make",
    [generator, lambda: generator(upsampling="transpose")],
    ids=["nearest", "transpose"],
)
def test_generators_of_every_kind_come_out_as_from_plain_pytorch(make: Callable[[], nn.Module]):
    largest = check_parity(backend, make(), LIMIT)
    print(f"largest difference from eager float32: {largest:.2g}")


def test_a_session_takes_pictures_of_any_number_and_size_and_refuses_what_the_network_does_not_keep():
    session = backend.open(generator(), CPU, torch.float32)
    for shape in ((1, 32, 32, 3), (3, 64, 36, 3), (2, 32, 96, 3)):
        assert session.run(np.zeros(shape, np.uint8)).shape == shape
    with pytest.raises(ValueError, match="of pictures of 33x32 the network makes 36x32"):
        session.run(np.zeros((1, 32, 33, 3), np.uint8))


def test_a_session_that_is_interrupted_ends():
    session = backend.open(generator(), CPU, torch.float32)
    session.interrupt()
    with pytest.raises(Interrupted):
        session.run(np.zeros((1, 32, 32, 3), np.uint8))


def test_threads_change_nothing_but_the_time():
    pictures = np.random.default_rng(0).integers(0, 256, (1, 64, 64, 3), np.uint8)
    one, two = (
        backend.configured(NcnnOptions(threads=threads)).open(generator(), CPU, torch.float32).run(pictures)
        for threads in (1, 2)
    )
    assert np.abs(one.astype(int) - two).max() <= 1


@pytest.mark.parametrize(
    ("options", "device", "precision", "sentence"),
    [
        (
            NcnnOptions(device="vulkan", card=9),
            "cpu",
            torch.float32,
            "ncnn finds (no|1) graphics cards? with Vulkan here",
        ),
        (NcnnOptions(), "meta", torch.float32, "ncnn does not compute on meta"),
        (NcnnOptions(), "cpu", torch.bfloat16, "ncnn computes in float32"),
    ],
)
def test_what_cannot_be_is_told(options: NcnnOptions, device: str, precision: torch.dtype, sentence: str):
    with pytest.raises(UnavailableError, match=sentence):
        backend.configured(options).open(generator(), torch.device(device), precision)


def test_numbers_below_zero_are_refused():
    for name in ("card", "threads"):
        with pytest.raises(ValueError, match=f"{name} is -1"):
            NcnnOptions(**{name: -1})


def test_a_network_that_ncnn_does_not_compute_alike_is_refused():
    class Sorting(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.sort(dim=3).values

    with pytest.raises(UnavailableError, match="ncnn"):
        backend.open(Sorting(), CPU, torch.float32)
