"""What a device or precision is called, and what is said when it is not there."""

import pytest
import torch

from imgtrans.devices import (
    choose_device,
    choose_devices,
    choose_precision,
    describe_device,
    describe_devices,
    describe_precision,
)
from imgtrans.errors import UnavailableError, UsageError


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


@pytest.mark.parametrize("name", ["", "gpu", "CUDA", "cuda:-1", "cuda:x", "0", "meta", "mps", "cpu:3", "cpu:99999"])
def test_an_unknown_device_is_a_usage_error(name: str):
    with pytest.raises(UsageError) as refusal:
        choose_device(name)
    assert refusal.value.exit_code == 2
    assert repr(name) in refusal.value.message
    assert refusal.value.hint == "use auto, cpu, cuda or cuda:N"


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
    assert refusal.value.hint == "use auto, cpu, cuda, cuda:N, a list like cuda:0,cuda:1, or all"


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
