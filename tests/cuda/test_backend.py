"""A fused network is tried before it is used, and whatever goes wrong is said in a sentence and done without."""

import contextlib
import subprocess
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from imgtrans.cuda import backend as module
from imgtrans.cuda import comparing, compiling
from imgtrans.cuda.backend import FusedBackend, backend
from imgtrans.cuda.normalising import ByPyTorch
from imgtrans.cuda.session import ProgramSession
from imgtrans.cuda.truth import is_known, note_known, truth_of
from imgtrans.errors import UnavailableError
from imgtrans.opening import describe_backend, open_network
from imgtrans.testing import check_backend
from tests.cuda.ends import EndsByPyTorch
from tests.cuda.test_program import WIDE, ByPixel
from tests.streaming.streaming import SMALL, network

CPU = torch.device("cpu")


class Broken(ByPyTorch):
    """Kernels that are not as they should be."""

    error: Exception | None = None

    def __call__(self, *given):  # type: ignore[no-untyped-def]
        if self.error:
            raise self.error
        made = super().__call__(*given)
        made.whole.mul_(1.1)
        return made


def tried(how: ByPyTorch, precision: torch.dtype = torch.float32) -> ProgramSession:
    net = network(SMALL)
    true = truth_of(net, CPU, precision)
    return backend._tried(net, true, CPU, precision, lambda narrowest: how)


def test_it_keeps_the_promises_of_a_backend_on_a_cpu_too():
    check_backend(backend)


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_what_comes_out_differently_is_refused(precision: torch.dtype):
    assert tried(ByPyTorch(), precision)
    with pytest.raises(UnavailableError, match="the fused network differs from the plain one by 0"):
        tried(Broken(), precision)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (subprocess.CalledProcessError(1, ["gcc", "-O3"]), "CalledProcessError: Command '\\['gcc', '-O3'\\]'"),
        (RuntimeError("Failed to find C compiler. Please specify via CC"), "RuntimeError: Failed to find C compiler"),
        (FileNotFoundError(2, "No such file", "ptxas"), "FileNotFoundError: .*ptxas"),
        (torch.OutOfMemoryError("CUDA out of memory"), "too little memory free"),
    ],
)
def test_a_compiler_that_fails_is_a_sentence(error: Exception, said: str):
    broken = Broken()
    broken.error = error
    with pytest.raises(UnavailableError, match=said):
        tried(broken)


def test_where_kernels_do_not_work_pytorch_does_their_part_and_it_is_said(monkeypatch: pytest.MonkeyPatch):
    """Really: there is no driver here that Triton could launch one with."""
    pytest.importorskip("triton", reason="Triton comes with PyTorch for CUDA only")
    if torch.cuda.is_available():
        pytest.skip("here it could")
    monkeypatch.setattr(torch.cuda, "device", lambda device: contextlib.nullcontext())
    net = network(SMALL)
    session = backend._on_card(net, truth_of(net, CPU, torch.bfloat16), CPU, torch.bfloat16)
    assert session.reason.startswith("kernels do not work here: RuntimeError: 0 active drivers")
    assert session.run(np.zeros((2, 16, 16, 3), np.uint8)).shape == (2, 16, 16, 3)


def test_what_is_no_number_differs():
    net = network(SMALL)
    net.model[1].weight.data[0, 0, 0, 0] = torch.nan
    with pytest.raises(UnavailableError, match="differs from the plain one by nan"):
        backend.open(net, CPU, torch.float32)


def test_what_takes_no_picture_that_it_is_tried_with_is_refused():
    with pytest.raises(UnavailableError, match="cannot be tried with pictures of noise: "):
        backend.open(nn.Sequential(nn.Conv2d(3, 3, 300)), CPU, torch.float32)


def test_another_device_and_an_unknown_network_are_refused():
    with pytest.raises(UnavailableError, match="on a CUDA device or a CPU"):
        backend.open(network(SMALL), torch.device("meta"), torch.float32)
    with pytest.raises(UnavailableError, match="a network with GroupNorm cannot be streamed, nor fused"):
        backend.open(nn.Sequential(nn.Conv2d(3, 3, 1), nn.GroupNorm(1, 3)), CPU, torch.float32)


def test_why_it_is_not_as_fast_as_it_could_be_is_said(monkeypatch: pytest.MonkeyPatch):
    def slower(self: FusedBackend, *given: object) -> ProgramSession:
        session = tried(ByPyTorch())
        session.reason = "nothing can be recorded on this device"
        return session

    monkeypatch.setattr(FusedBackend, "open", slower)
    opened = open_network("fused", network(SMALL), CPU, torch.float32)
    assert describe_backend(opened.backend, opened.reason) == "fused (nothing can be recorded on this device)"


def test_a_short_run_does_not_wait_for_a_compiler_and_a_long_one_does(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "is_compiled", lambda device: False)
    net, asked = network(SMALL | {"ngf": 32}), list[int]()

    def pixels(pictures: int) -> float:
        asked.append(pictures)
        return pictures * 256.0 * 256.0

    assert "5 seconds to be compiled once" in backend.why_not(net, CPU, torch.bfloat16, lambda: pixels(10_000))
    assert backend.why_not(net, CPU, torch.bfloat16, lambda: pixels(200_000)) == ""
    assert backend.why_not(
        network(SMALL), CPU, torch.bfloat16, lambda: pixels(200_000)
    )  # what is computed quickly gains little
    assert asked == [10_000, 200_000, 200_000]


def test_what_is_compiled_already_is_never_waited_for(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "is_compiled", lambda device: True)

    def never() -> float:
        raise AssertionError("nobody needs to count")

    assert backend.why_not(network(SMALL), CPU, torch.bfloat16, never) == ""


@pytest.mark.parametrize(("capability", "waits"), [((7, 5), False), ((8, 0), True), ((9, 0), True)])
def test_a_card_without_tensor_cores_for_float32_has_nothing_compiled_for_it(
    monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int], waits: bool
):
    monkeypatch.setattr(module, "is_compiled", lambda device: False)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert bool(backend.why_not(network(SMALL), CPU, torch.float32, lambda: 1.0)) == waits
    assert backend.why_not(network(SMALL), CPU, torch.bfloat16, lambda: 1.0)


@pytest.fixture
def no_cache(monkeypatch: pytest.MonkeyPatch):
    """Nothing is kept yet, and Triton is as it was afterwards."""
    knobs = pytest.importorskip("triton.knobs", reason="Triton comes with PyTorch for CUDA only")
    monkeypatch.delenv("TRITON_CACHE_DIR", raising=False)
    compiling.kept_compiled.cache_clear()
    with knobs.cache.scope():
        yield knobs
    compiling.kept_compiled.cache_clear()


def test_kernels_are_kept_in_our_cache_folder_and_the_environment_stays(
    no_cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert not compiling.is_compiled(CPU)
    compiling.note_compiled(CPU)
    assert compiling.is_compiled(CPU)
    assert Path(no_cache.cache.dir).is_relative_to(tmp_path)
    assert "TRITON_CACHE_DIR" not in __import__("os").environ


def test_where_the_user_says_kernels_are_kept(no_cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    assert compiling.kept_compiled() == tmp_path


def test_a_cache_folder_that_cannot_be_written_is_done_without(no_cache, tmp_path: Path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    folder = compiling.kept_compiled()
    assert folder.is_dir() and no_cache.cache.dir == str(folder)


def test_a_version_or_source_that_is_another_has_to_be_compiled_anew(no_cache, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    compiling.note_compiled(CPU)
    monkeypatch.setattr(torch, "__version__", "99.0")
    assert not compiling.is_compiled(CPU)


class Clock:
    """A clock that goes on so many seconds each time that it is asked, and longer while the plain network computes."""

    def __init__(self, *seconds: float) -> None:
        self._seconds = [*seconds]
        self._now = 0.0

    def __call__(self) -> float:
        self._now += self._seconds.pop(0)
        return self._now


@pytest.mark.parametrize(("plain", "fused", "said"), [(4.0, 2.0, ""), (2.0, 4.0, "plain PyTorch is 2 times as fast")])
def test_which_is_faster_is_measured_once_and_then_known(
    no_cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plain: float, fused: float, said: str
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(comparing, "SIDE", 16)
    net, session = network(SMALL), tried(ByPyTorch())
    assert comparing.known_ratio(net, CPU, torch.float32) is None
    assert backend.why_slower(session, net, CPU, torch.float32, lambda: 1e5) == ""  # so short a run measures nothing
    assert comparing.known_ratio(net, CPU, torch.float32) is None
    clock = Clock(*[1.0, plain] * comparing.TIMED, *[1.0, fused] * comparing.TIMED)
    assert comparing.measured_ratio(session, net, CPU, torch.float32, clock) == plain / fused
    assert comparing.known_ratio(net, CPU, torch.float32) == plain / fused
    assert comparing.known_ratio(net, CPU, torch.bfloat16) is None
    assert comparing.known_ratio(network(SMALL | {"blocks": 3}), CPU, torch.float32) is None
    assert said in backend.why_slower(session, net, CPU, torch.float32, lambda: 0.0)
    if said:  # and the next time it is not even opened
        assert said in backend.why_not(net, CPU, torch.float32, lambda: 1e20)


def test_what_was_tried_is_known_for_these_weights_in_this_precision_only(no_cache, tmp_path: Path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    net, same = network(SMALL), network(SMALL)
    same.load_state_dict(net.state_dict())
    assert not is_known(net, CPU, torch.float32)
    note_known(net, CPU, torch.float32)
    assert is_known(net, CPU, torch.float32) and is_known(same, CPU, torch.float32)
    assert not is_known(net, CPU, torch.bfloat16)
    same.model[1].weight.data[0, 0, 0, 0] += 1e-6
    assert not is_known(same, CPU, torch.float32)
    assert not is_known(network(SMALL | {"blocks": 3}), CPU, torch.float32)


@pytest.mark.parametrize(("broken", "known"), [(False, [True]), (True, [True, False])])
def test_what_is_known_is_not_tried_again_unless_it_cannot_be_opened(
    monkeypatch: pytest.MonkeyPatch, broken: bool, known: list[bool]
):
    session, tries = tried(ByPyTorch()), list[bool]()

    def opened(self: FusedBackend, net: nn.Module, true: object, *given: object) -> ProgramSession:
        tries.append(true is None)
        if true is None and broken:
            raise UnavailableError("kernels do not work here any more")
        return session

    for name, instead in {
        "is_known": lambda *of: True, "note_known": lambda *of: None, "note_compiled": lambda device: None,
        "_by_triton": lambda: (ByPyTorch, None),
    }.items():  # fmt: skip
        monkeypatch.setattr(module, name, instead)
    monkeypatch.setattr(FusedBackend, "_tried", opened)
    monkeypatch.setattr(torch.cuda, "device", lambda device: contextlib.nullcontext())
    assert backend.open(network(SMALL), torch.device("cuda", 0), torch.bfloat16) is session
    assert tries == known


def test_the_compiler_reads_itself_once_and_beside_whoever_needs_it():
    cache = pytest.importorskip("triton.runtime.cache", reason="Triton comes with PyTorch for CUDA only")
    cache.triton_key.cache_clear()
    compiling.wake_compiler()
    for thread in [one for one in threading.enumerate() if one.name == "waking"]:
        thread.join()
    assert cache.triton_key.cache_info().currsize == 1


def test_where_kernels_at_the_ends_do_not_work_those_between_still_do(monkeypatch: pytest.MonkeyPatch):
    class Loud(EndsByPyTorch):
        def leave(self, given, last, *, tanh, pictures):  # type: ignore[no-untyped-def]
            super().leave(given * 1.5, last, tanh=tanh, pictures=pictures)

    monkeypatch.setattr(torch.cuda, "device", lambda device: contextlib.nullcontext())
    monkeypatch.setattr(module, "_by_pixel", lambda device, precision: True)
    monkeypatch.setattr(module, "note_compiled", lambda device: None)
    net = network(WIDE)
    true = truth_of(net, CPU, torch.bfloat16)
    for ends, said in ((EndsByPyTorch(), ""), (Loud(), "the fused network differs from the plain one by 0")):
        monkeypatch.setattr(module, "_by_triton", lambda ends=ends: (lambda narrowest: ByPixel(), ends))
        session = backend._on_card(net, true, CPU, torch.bfloat16)
        assert session.reason.startswith(said) and bool(session.reason) == bool(said)
        assert session._program._how.by_pixel
