"""What a device or precision is called, and what is said when it is not there."""

import numpy as np
import pytest
import torch

from imgtrans import devices
from imgtrans.backends.eager import EagerBackend
from imgtrans.batch import engine
from imgtrans.devices import (
    choose_device,
    choose_devices,
    choose_precision,
    describe_device,
    describe_devices,
    describe_precision,
)
from imgtrans.errors import UnavailableError, UsageError
from imgtrans.zoo.store import Model

GB = 10**9


@pytest.fixture
def no_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Graphic Wonder 9")


def test_auto_without_a_gpu_is_the_cpu_in_float32(no_cuda: None):
    assert choose_device("auto") == torch.device("cpu")
    assert choose_precision("auto", torch.device("cpu")) is torch.float32


def test_auto_with_a_gpu_is_the_first_one_in_bfloat16(two_gpus: None):
    assert choose_device("auto") == torch.device("cuda", 0)
    assert choose_precision("auto", torch.device("cuda", 0)) is torch.bfloat16


def test_auto_on_a_gpu_that_only_emulates_bfloat16_is_float32(two_gpus: None, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation)
    assert choose_precision("auto", torch.device("cuda", 0)) is torch.float32


def test_a_device_can_be_named(two_gpus: None):
    assert choose_device("cpu") == torch.device("cpu")
    assert choose_device("cuda") == torch.device("cuda", 0)
    assert choose_device("cuda:1") == torch.device("cuda", 1)


@pytest.mark.parametrize(
    "name", ["", "gpu", "CUDA", "cuda:-1", "cuda:x", "0", "meta", "mps:0", "xpu:x", "cpu:3", "cpu:99999"]
)
def test_an_unknown_device_is_a_usage_error(name: str):
    with pytest.raises(UsageError) as refusal:
        choose_device(name)
    assert refusal.value.exit_code == 2
    assert repr(name) in refusal.value.message
    assert refusal.value.hint == "use auto, cpu, cuda, cuda:N, mps, xpu or xpu:N"


def test_cuda_that_is_not_there_is_an_error_of_the_environment(no_cuda: None):
    with pytest.raises(UnavailableError, match="no CUDA device") as refusal:
        choose_device("cuda:0")
    assert refusal.value.exit_code == 5
    assert refusal.value.hint == "use --device cpu"


def test_a_gpu_beyond_the_last_is_an_error_of_the_environment(two_gpus: None):
    with pytest.raises(UnavailableError, match="there is no cuda:2 here; CUDA devices: 2"):
        choose_device("cuda:2")


def test_a_precision_can_be_named():
    assert choose_precision("bfloat16", torch.device("cpu")) is torch.bfloat16
    assert choose_precision("float32", torch.device("cuda", 0)) is torch.float32


def test_an_unknown_precision_is_a_usage_error():
    with pytest.raises(UsageError, match="--precision is 'float16', which is not a precision") as refusal:
        choose_precision("float16", torch.device("cpu"))
    assert refusal.value.hint == "use auto, float32 or bfloat16"


def test_devices_and_precisions_have_names_that_people_know(two_gpus: None):
    assert describe_device(torch.device("cpu")) == "cpu"
    assert describe_device(torch.device("cuda", 1)) == "cuda:1 Graphic Wonder 9"
    assert describe_precision(torch.bfloat16) == "bfloat16"


def test_several_devices_can_be_named(two_gpus: None):
    assert choose_devices("cuda:1,cuda:0") == [torch.device("cuda", 1), torch.device("cuda", 0)]
    assert choose_devices("auto") == [torch.device("cuda", 0)]
    assert choose_devices("cpu, cpu") == [torch.device("cpu"), torch.device("cpu")]


def test_all_devices_are_all_gpus(two_gpus: None):
    assert choose_devices("all") == [torch.device("cuda", 0), torch.device("cuda", 1)]


def test_all_devices_without_a_gpu_are_the_cpu(no_cuda: None):
    assert choose_devices("all") == [torch.device("cpu")]


@pytest.mark.parametrize("name", ["cpu,", "cpu;cpu", "cuda:0,gpu", "all,cpu", "auto,cpu"])
def test_a_list_with_something_unknown_is_a_usage_error(name: str, two_gpus: None):
    with pytest.raises(UsageError, match=r"--device (is|has) .*, which is not a device") as refusal:
        choose_devices(name)
    assert refusal.value.hint == "use auto, cpu, cuda, cuda:N, mps, xpu, xpu:N, a list like cuda:0,cuda:1, or all"


@pytest.mark.parametrize("name", ["cuda:0,cuda:0", "cuda,cuda:0"])
def test_a_gpu_cannot_be_named_twice(name: str, two_gpus: None):
    with pytest.raises(UsageError, match="has cuda:0 twice"):
        choose_devices(name)


@pytest.mark.parametrize("name", ["cpu,cpu", "all"])
def test_where_one_device_is_needed_several_are_refused(name: str):
    with pytest.raises(UsageError, match=f"--device {name} is more than one device"):
        choose_device(name)


def test_several_devices_compute_in_one_precision(two_gpus: None):
    gpus, cpu = choose_devices("all"), torch.device("cpu")
    assert choose_precision("auto", *gpus) is torch.bfloat16
    assert choose_precision("auto", *gpus, cpu) is torch.float32


def test_several_devices_are_described_together(two_gpus: None):
    assert describe_devices(choose_devices("all")) == "cuda:0 Graphic Wonder 9, cuda:1 Graphic Wonder 9"
    assert describe_devices(choose_devices("cpu,cpu")) == "2 x cpu"


# Apple's and Intel's, as PyTorch shows them; nobody has tried them on hardware.


@pytest.fixture
def apple(no_cuda: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(torch.mps, "recommended_max_memory", lambda: 12 * GB)
    monkeypatch.setattr(torch.mps, "driver_allocated_memory", lambda: 2 * GB)


@pytest.fixture
def intel(no_cuda: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.xpu, "is_available", lambda: True)
    monkeypatch.setattr(torch.xpu, "device_count", lambda: 2)
    monkeypatch.setattr(torch.xpu, "get_device_name", lambda device: f"Arc {device.index}")
    monkeypatch.setattr(torch.xpu, "mem_get_info", lambda device: (7 * GB, 8 * GB))


@pytest.mark.parametrize("name", ["auto", "mps", "all"])
def test_an_apple_gpu_is_one_device_in_float32(name: str, apple: None):
    assert choose_devices(name) == [torch.device("mps", 0)]
    assert choose_device("mps") == torch.device("mps", 0)
    assert choose_precision("auto", torch.device("mps", 0)) is torch.float32
    assert describe_device(torch.device("mps", 0)) == "mps:0"


def test_intels_gpus_are_numbered_and_in_float32(intel: None):
    assert choose_device("auto") == choose_device("xpu") == torch.device("xpu", 0)
    assert choose_devices("all") == [torch.device("xpu", 0), torch.device("xpu", 1)]
    assert choose_precision("auto", torch.device("xpu", 1)) is torch.float32
    assert choose_precision("bfloat16", torch.device("xpu", 1)) is torch.bfloat16
    assert describe_devices(choose_devices("xpu:1,xpu:0")) == "xpu:1 Arc 1, xpu:0 Arc 0"
    with pytest.raises(UnavailableError, match="there is no xpu:2 here; Intel GPUs: 2"):
        choose_device("xpu:2")
    with pytest.raises(UsageError, match="has xpu:0 twice"):
        choose_devices("xpu,xpu:0")


def test_a_cuda_device_goes_before_them(apple: None, intel: None, two_gpus: None, monkeypatch: pytest.MonkeyPatch):
    assert choose_device("auto") == torch.device("cuda", 0)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto") == torch.device("mps", 0)


@pytest.mark.parametrize(("name", "what"), [("mps", "Apple GPU"), ("xpu", "Intel GPU"), ("xpu:1", "Intel GPU")])
def test_one_that_is_not_there_is_an_error_of_the_environment(name: str, what: str):
    with pytest.raises(UnavailableError, match=f"there is no {what} that PyTorch can use here"):
        choose_device(name)


def test_memory_is_what_is_free_and_no_more_than_main_memory_where_it_is_the_same(
    apple: None, intel: None, monkeypatch: pytest.MonkeyPatch
):
    mps, xpu = torch.device("mps", 0), torch.device("xpu", 0)
    assert [devices.free_memory(one, 20 * GB) for one in (mps, xpu, torch.device("cpu"))] == [10 * GB, 7 * GB, None]
    assert [devices.free_memory(one, 3 * GB) for one in (mps, xpu)] == [3 * GB, 7 * GB]
    monkeypatch.setattr(torch.mps, "driver_allocated_memory", lambda: 13 * GB)
    assert devices.free_memory(mps, 20 * GB) == 0
    assert engine._memory_on(xpu, 20 * GB) == int(engine.MODEL_SHARE * 7 * GB)


def test_memory_that_pytorch_keeps_is_given_back_on_the_device_that_is_short_of_it(monkeypatch: pytest.MonkeyPatch):
    told = []
    for name in ("cuda", "mps", "xpu"):
        monkeypatch.setattr(getattr(torch, name), "empty_cache", lambda name=name: told.append(name))
    for name in ("xpu", "cpu", "mps", "cuda"):
        devices.forget_memory(torch.device(name))
    assert told == ["xpu", "mps", "cuda"]


def test_every_kind_of_device_has_a_name_that_can_be_given_and_stands_in_the_documents():
    from pathlib import Path

    page = Path(__file__).parent.parent / "docs" / "large-runs.md"
    for kind in devices.KINDS:
        devices.check_device(kind.name)
        assert not page.is_file() or f"| `{kind.name}` " in page.read_text(encoding="utf-8")


def test_where_a_device_has_no_numbers_of_16_bits_the_result_is_the_same(
    tiny_network: torch.nn.Module, monkeypatch: pytest.MonkeyPatch
):
    """As if the CPU were such a device: nothing but bytes and floats crosses."""
    pictures = np.random.default_rng(0).integers(0, 65536, (2, 16, 24, 3), np.uint16)
    session = EagerBackend().open(tiny_network, torch.device("cpu"), torch.float32)
    expected = session.run(pictures)
    monkeypatch.setattr("imgtrans.backends.eager.is_wide", lambda device: False)
    crossed = []
    to = torch.Tensor.to

    def noting(tensor: torch.Tensor, *where: object, **options: object) -> torch.Tensor:
        if where and isinstance(where[0], torch.device):
            crossed.append(tensor.dtype)
        return to(tensor, *where, **options)

    monkeypatch.setattr(torch.Tensor, "to", noting)
    made = session.run(pictures)
    assert crossed == [torch.float32]
    assert made.dtype == np.uint16 and np.array_equal(made, expected)
    assert session.run(pictures.astype(np.uint8)).dtype == np.uint8
    assert crossed == [torch.float32, torch.uint8]


def test_an_engine_on_such_a_device_streams_on_the_cpu_what_is_too_large_for_it(
    tiny_model: Model, intel: None, monkeypatch: pytest.MonkeyPatch
):
    """The CPU plays the device, as there is none: the network is moved where it says, but for the name."""
    moved = []
    module_to = torch.nn.Module.to

    def to(module: torch.nn.Module, device: torch.device, *rest: object) -> torch.nn.Module:
        moved.append(device)
        return module_to(module, torch.device("cpu") if device.type == "xpu" else device, *rest)

    monkeypatch.setattr(torch.nn.Module, "to", to)
    monkeypatch.setattr(torch.xpu, "mem_get_info", lambda device: (40_000_000, 8 * GB))
    with engine.Engine(tiny_model, None, "xpu", "auto", 0) as opened:
        assert opened.describe() == "on xpu:0 Arc 0 in float32"
        assert torch.device("xpu", 0) in moved
        assert opened.backends == {"eager": ""}
        (session,) = opened.sessions
        assert session._streamer.device == torch.device("cpu")
        assert session._device_memory is None
        assert opened.whole_pixels == int(engine.MODEL_SHARE * 40_000_000 / opened.bytes_per_pixel)
        side = int(opened.whole_pixels**0.5) // 4 * 4 + 64
        picture = np.random.default_rng(0).integers(0, 256, (1, side, side, 3), np.uint8)
        made = session.run(picture)
    with engine.Engine(tiny_model, None, "cpu", "auto", 0, backend="eager") as opened:
        expected = opened.sessions[0].run(picture)
    assert np.abs(made.astype(int) - expected).max() <= 1
