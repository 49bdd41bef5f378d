"""OpenVINO computes what plain PyTorch computes, in int8 about that, or says why it cannot."""

import re
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import imgtrans_openvino
import numpy as np
import pytest
import torch
from imgtrans_openvino.backend import LIMITS, backend
from imgtrans_openvino.options import FEWEST, OpenvinoOptions
from PIL import Image
from torch import nn

from imgtrans import GeneratorResNet, weights_init_normal
from imgtrans.errors import FilesError, UnavailableError
from imgtrans.protocols import Interrupted
from imgtrans.testing import check_backend, check_imports, check_parity

CPU = torch.device("cpu")


def generator(**parameters: object) -> nn.Module:
    torch.manual_seed(0)
    return GeneratorResNet((3, 0, 0), 2, ngf=8, **parameters).apply(weights_init_normal).eval().requires_grad_(False)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Pictures of soft colours, and a text beside them."""
    for n in range(FEWEST):
        small = np.random.default_rng(n).integers(0, 256, (6, 8, 3), np.uint8)
        Image.fromarray(small).resize((320, 240), Image.Resampling.BICUBIC).save(tmp_path / f"{n}.png")
    (tmp_path / "read.me").write_text("pictures")
    return tmp_path


def test_it_keeps_the_contract():
    check_backend(backend)


def test_it_imports_the_public_api_alone():
    check_imports(Path(imgtrans_openvino.__file__).parent)


def test_nothing_is_reported_to_anybody():
    backend.open(generator(), CPU, torch.float32)
    assert sys.modules["openvino_telemetry"] is None


@pytest.mark.parametrize(
    "make",
    [generator, lambda: generator(upsampling="transpose"), lambda: generator(upsampling="blur")],
    ids=["nearest", "transpose", "blur"],
)
def test_generators_of_every_kind_come_out_as_from_plain_pytorch(make: Callable[[], nn.Module]):
    largest = check_parity(backend, make(), LIMITS["float32"])
    print(f"largest difference from eager float32: {largest:.2g}")


def test_in_bfloat16_it_is_said_how_far_it_is_from_plain_pytorch():
    configured = backend.configured(OpenvinoOptions(precision="bfloat16"))
    largest = check_parity(configured, generator(), LIMITS["bfloat16"])
    print(f"largest difference from eager float32: {largest:.2g}")
    session = configured.open(generator(), CPU, torch.float32)
    assert re.fullmatch(r"bfloat16: differs by \S+ at most", session.reason)
    assert backend.open(generator(), CPU, torch.bfloat16).reason == session.reason


def test_a_session_takes_pictures_of_any_number_and_size_and_refuses_what_the_network_does_not_keep():
    session = backend.open(generator(), CPU, torch.float32)
    for shape in ((1, 32, 32, 3), (3, 64, 36, 3), (2, 32, 96, 3)):
        assert session.run(np.zeros(shape, np.uint8)).shape == shape
    with pytest.raises(ValueError, match="of pictures of 33x32 the network makes 36x32"):
        session.run(np.zeros((1, 32, 33, 3), np.uint8))
    session.interrupt()
    with pytest.raises(Interrupted):
        session.run(np.zeros((1, 32, 32, 3), np.uint8))


@pytest.mark.skipif(find_spec("nncf") is None, reason="NNCF, which is large and for int8 alone, is not installed")
def test_in_int8_the_loss_is_measured_on_the_pictures_it_was_fitted_to_and_two_fits_are_one(photos: Path):
    made = []
    for _ in range(2):
        configured = backend.configured(OpenvinoOptions(precision="int8", calibration=photos))
        session = configured.open(generator(), CPU, torch.float32)
        assert re.fullmatch(
            r"int8, fitted to 8 pictures: differs by \S+ of 255 in the mean, \d+ at most", session.reason
        )
        print(session.reason)
        picture = np.asarray(Image.open(photos / "0.png"))[None]
        made.append(session.run(picture))
    expected = backend.open(generator(), CPU, torch.float32).run(picture).astype(int)
    assert np.array_equal(*made)  # a run that goes on fits it anew, and must make the same
    apart = np.abs(made[0].astype(int) - expected)
    assert 0 < apart.mean() < 8


@pytest.mark.skipif(find_spec("nncf") is None, reason="NNCF, which is large and for int8 alone, is not installed")
def test_too_few_pictures_are_refused(photos: Path):
    (photos / "0.png").unlink()
    with pytest.raises(FilesError, match="holds 7 pictures, and 8 are needed"):
        backend.configured(OpenvinoOptions(precision="int8", calibration=photos)).open(generator(), CPU, torch.float32)


@pytest.mark.parametrize(
    ("options", "device", "precision", "sentence"),
    [
        (OpenvinoOptions(device="npu"), "cpu", torch.float32, "OpenVINO finds no npu here, but cpu"),
        (OpenvinoOptions(), "meta", torch.float32, "openvino does not compute on meta"),
        (OpenvinoOptions(), "cpu", torch.float16, "openvino computes in float32, not in float16"),
    ],
)
def test_what_cannot_be_is_told(options: OpenvinoOptions, device: str, precision: torch.dtype, sentence: str):
    with pytest.raises(UnavailableError, match=sentence):
        backend.configured(options).open(generator(), torch.device(device), precision)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"threads": -1}, "threads is -1"),
        ({"precision": "int8"}, "precision=int8 and calibration=FOLDER go together"),
        ({"calibration": Path("photos")}, "go together"),
    ],
)
def test_options_that_make_no_sense_are_refused(given: dict, sentence: str):
    with pytest.raises(ValueError, match=sentence):
        OpenvinoOptions(**given)
