"""On a card: each path against plain PyTorch, recordings against what is recorded, and the same bytes each time."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from imgtrans.architectures.family import architecture
from imgtrans.backends.eager import backend as eager
from imgtrans.batch.engine import Engine
from imgtrans.cuda import backend as module
from imgtrans.cuda.backend import backend
from imgtrans.cuda.ends import EndsByTriton
from imgtrans.cuda.graphs import Graphs
from imgtrans.cuda.normalising import ByPyTorch, ByTriton
from imgtrans.cuda.program import Program
from imgtrans.cuda.session import ProgramSession
from imgtrans.cuda.truth import truth_of
from imgtrans.opening import open_network
from imgtrans.protocols import Pixels
from imgtrans.zoo.store import Model
from tests.architectures.foreign import networks
from tests.pictures import save
from tests.streaming.streaming import SMALL, network

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]

CARD = torch.device("cuda", 0)
ALL = {name: parameters for name, _, parameters in networks() if parameters["channels"] == 3}
USUAL = SMALL | {"ngf": 32, "blocks": 3}
SIZES = ((64, 64), (48, 80), (256, 256), (40, 72), (128, 32))


def pictures(count: int, height: int = 64, width: int = 64, kind: type = np.uint8) -> Pixels:
    return np.random.default_rng(count).integers(0, np.iinfo(kind).max + 1, (count, height, width, 3), kind)


def usual(upsampling: str = "nearest") -> nn.Module:
    return network(USUAL | {"upsampling": upsampling}).requires_grad_(False)


def opened(precision: torch.dtype = torch.bfloat16, upsampling: str = "nearest") -> ProgramSession:
    session = backend.open(usual(upsampling), CARD, precision)
    assert session.reason == ""
    return session


def run(session: ProgramSession, x: Pixels) -> Pixels:
    """Translate pictures often enough for what they need to be recorded."""
    for _ in range(3):
        made = session.run(x)
    return made


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16], ids=["float32", "bfloat16"])
@pytest.mark.parametrize("how", [ByTriton, lambda narrowest: ByPyTorch()], ids=["kernels", "PyTorch"])
@pytest.mark.parametrize("name", ALL)
def test_every_network_is_as_near_to_the_true_values_as_plain_pytorch(name: str, how: Callable, precision: torch.dtype):
    net = network(ALL[name]).requires_grad_(False)
    ends = EndsByTriton() if how is ByTriton else None
    truth_of(net, CARD, precision).check(Program(net, CARD, precision, how, ends), CARD)  # raises if it is not


@pytest.mark.parametrize("upsampling", ["nearest", "transpose"])
@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16], ids=["float32", "bfloat16"])
def test_pictures_of_any_size_are_plain_pytorchs_but_for_what_the_precision_is(precision, upsampling: str):
    session = opened(precision, upsampling)
    plain = eager.open(usual(upsampling), CARD, precision)
    exact = eager.open(usual(upsampling), torch.device("cpu"), torch.float32)
    for height, width in SIZES:
        x = pictures(3, height, width)
        true = exact.run(x).astype(int)
        ours, theirs = (np.abs(made.astype(int) - true) for made in (run(session, x), plain.run(x)))
        assert ours.mean() <= 0.1 + 1.5 * theirs.mean()
        assert ours.max() <= 2 + 2 * theirs.max()


def test_what_is_replayed_is_bit_for_bit_what_is_recorded():
    recorded, plain = opened(), opened()
    plain._graphs = Graphs(lambda: lambda work: work, most=0)
    plain._graphs.reason = "not wanted"
    for height, width in SIZES:
        x = pictures(5, height, width)
        assert np.array_equal(run(recorded, x), plain.run(x))
    assert recorded._graphs is not None and len(recorded._graphs) == len(SIZES)


def test_a_picture_alone_is_one_recording_with_its_copies_and_the_same_picture():
    session, plain = opened(), opened()
    plain._graphs = None
    plain._slots = []
    for count, most in ((1, 1), (3, 8), (2, 8)):
        for one in (session, plain):
            one.expect(most, most * 64 * 64)
        x = pictures(count)
        for _ in range(4):
            assert np.array_equal(session.run(x), plain.run(x))
    assert session._graphs is not None and session._graphs.copies
    assert {kind[-1] for kind in session._graphs._recorded} == {"copies"}


def test_what_was_tried_once_is_opened_without_and_computes_the_same(monkeypatch: pytest.MonkeyPatch):
    net, x = usual(), pictures(3)
    first = backend.open(net, CARD, torch.bfloat16)
    monkeypatch.setattr(module, "truth_of", lambda *of: pytest.fail("it was tried again"))
    assert np.array_equal(run(backend.open(net, CARD, torch.bfloat16), x), run(first, x))


def test_many_sizes_are_recorded_within_bounds_and_none_comes_out_wrong():
    session, plain = opened(), opened()
    plain._graphs.reason = "not wanted"  # type: ignore[union-attr]
    for _ in range(3):
        for side in range(16, 16 + 4 * 12, 4):
            x = pictures(2, side, side + 8)
            assert np.array_equal(session.run(x), plain.run(x))
    assert session._graphs is not None and len(session._graphs) == 8


def test_a_picture_has_the_same_bytes_alone_in_company_in_another_session_and_at_any_place():
    session, x = opened(), pictures(70)
    together = run(session, x)
    assert np.array_equal(np.concatenate([session.run(x[n : n + 1]) for n in (0, 1, 2, 69)]), together[[0, 1, 2, 69]])
    assert np.array_equal(session.run(x[::-1].copy())[::-1], together)
    assert np.array_equal(opened().run(x), together)


def test_rounding_is_that_of_the_cpu():
    """Every value goes through a network that changes it a little, in float32."""

    class Change(nn.Module):
        pointwise = True

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x * 0.77 + 0.013

    for kind in (np.uint8, np.uint16):
        every = np.arange(np.iinfo(kind).max + 1, dtype=kind).repeat(3).reshape(1, -1, 16, 3)
        on_card = backend.open(Change(), CARD, torch.float32).run(every)
        on_cpu = eager.open(Change(), torch.device("cpu"), torch.float32).run(every)
        # Multiplication and addition may be one operation on one of them, and round once.
        assert np.abs(on_card.astype(int) - on_cpu).max() <= 1
        assert (on_card != on_cpu).mean() < 0.001


def test_pictures_of_16_bits_come_out_with_all_of_them():
    x = pictures(3, kind=np.uint16)
    made = run(opened(torch.float32), x)
    plain = eager.open(usual(), CARD, torch.float32).run(x)
    assert made.dtype == np.uint16
    assert np.abs(made.astype(int) - plain).mean() < 65535 * 2e-3
    assert len(np.unique(made)) > 1000


def test_auto_takes_it_where_it_is_faster_and_a_short_run_does_not_wait_for_it(monkeypatch: pytest.MonkeyPatch):
    first, again = (open_network("auto", usual(), CARD, torch.bfloat16) for _ in "ab")
    assert (first.backend, first.reason) == (again.backend, again.reason)  # it is measured once
    assert (first.backend, first.reason) == ("fused", "") or "times as fast here" in first.reason
    monkeypatch.setattr(module, "is_compiled", lambda device: False)
    monkeypatch.setattr(module, "known_ratio", lambda *of: None)
    few = open_network("auto", usual(), CARD, torch.bfloat16, lambda: 1e5)
    assert few.backend == "eager" and "seconds to be compiled once" in few.reason


def test_kernels_that_cannot_be_compiled_are_done_without(monkeypatch: pytest.MonkeyPatch):
    def fails(self: ByTriton, *given: object) -> None:
        raise RuntimeError("Failed to find C compiler. Please specify via CC environment variable.")

    monkeypatch.setattr(ByTriton, "__call__", fails)
    session = backend.open(usual(), CARD, torch.bfloat16)
    assert session.reason == "kernels do not work here: RuntimeError: Failed to find C compiler. " \
        "Please specify via CC environment variable."  # fmt: skip
    x = pictures(3)
    plain = eager.open(usual(), CARD, torch.bfloat16).run(x).astype(int)
    assert np.abs(run(session, x) - plain).mean() < 3


def test_a_recording_that_fails_really_is_done_without():
    """What the host waits for cannot be recorded; the device is as good as before."""
    session = opened()
    translate = session._translate

    def waiting(given: torch.Tensor, made: torch.Tensor) -> None:
        translate(given, made)
        made.sum().item()

    expected = run(opened(), pictures(3))
    session._translate = waiting  # type: ignore[method-assign]
    assert np.array_equal(run(session, pictures(3)), expected)
    assert session._graphs is not None
    assert "nothing can be recorded on this device" in session._graphs.reason


def test_a_card_with_little_memory_is_given_smaller_batches():
    net, x = network(SMALL | {"ngf": 64}).requires_grad_(False), pictures(64, 128, 128)
    session = backend.open(net, CARD, torch.bfloat16)
    whole = run(session, x).astype(int)
    session._give_up_memory()
    allowed = torch.cuda.memory_reserved() + 250_000_000  # where a batch takes several maps of 134 MB
    torch.cuda.set_per_process_memory_fraction(allowed / torch.cuda.mem_get_info()[1])
    try:
        little = run(session, x)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert session.together(128, 128) < 64
    assert np.abs(little - whole).mean() < 3


@pytest.mark.parametrize("ngf", [16, 64])
def test_it_keeps_to_the_memory_that_is_planned(tiny_model: Model, ngf: int, monkeypatch: pytest.MonkeyPatch):
    """Recordings of several sizes, and a picture that is a batch by itself."""
    net = network(SMALL | {"ngf": ngf, "blocks": 9}).requires_grad_(False)
    each = architecture.bytes_per_pixel(SMALL | {"ngf": ngf})
    monkeypatch.setattr("imgtrans.batch.engine.load_network", lambda model: net)
    monkeypatch.setattr(type(architecture), "bytes_per_pixel", lambda self, parameters: each)
    with Engine(tiny_model, None, "cuda:0", "bfloat16", 0, tiling="off", backend="fused") as engine:
        session = engine.sessions[0]
        torch.cuda.empty_cache()
        before = torch.cuda.memory_reserved()
        for height, width in ((256, 256), (512, 384), (96, 96), (1024, 1024), (200, 312)):
            for _ in range(3):
                session.run(pictures(40 if height < 1000 else 2, height, width))
        torch.cuda.empty_cache()  # what is kept is what recordings hold
        assert torch.cuda.memory_reserved() - before <= engine.kept_memory
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        session.run(pictures(1, 2048, 2048))
        assert torch.cuda.max_memory_allocated() - before <= 2048 * 2048 * each


@pytest.fixture
def photos(tmp_path: Path, tiny_model: Model) -> Path:
    for number in range(60):
        side = 64 + 32 * (number % 3)
        save(tmp_path / "in" / f"{number:02d}.png", side, 64, seed=number)
    return tmp_path / "in"


def start(photos: Path, output: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "imgtrans", "run", photos, "-m", "tiny", "-o", output, "-q",
               "--device", "cuda:0", "--backend", "fused"]  # fmt: skip
    return subprocess.Popen(command, env=os.environ.copy(), start_new_session=True)


def bytes_in(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.png") if not path.name.startswith(".")}


def test_a_run_that_is_killed_and_goes_on_gives_the_same_bytes(photos: Path, tmp_path: Path):
    assert start(photos, tmp_path / "whole").wait(200) == 0
    whole = bytes_in(tmp_path / "whole")
    assert len(whole) == 60
    for outputs in (1, 20, 40):
        killed, deadline = start(photos, tmp_path / "killed"), time.monotonic() + 200
        while killed.poll() is None and len(bytes_in(tmp_path / "killed")) < outputs:
            assert time.monotonic() < deadline
            time.sleep(0.005)
        if killed.poll() is None:
            os.killpg(killed.pid, signal.SIGKILL)
        killed.wait(20)
        assert start(photos, tmp_path / "killed").wait(200) == 0
        assert bytes_in(tmp_path / "killed") == whole
        shutil.rmtree(tmp_path / "killed")
