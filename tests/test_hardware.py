"""Names of devices and precisions are told without PyTorch, in the same words as with it."""

import ctypes
import subprocess
import sys

import pytest

from imgtrans.errors import OptionError
from imgtrans.hardware import check_device, check_devices, check_precision, wake


@pytest.mark.parametrize("name", ["auto", "cpu", "cuda", "cuda:0", "cuda:12", "mps", "xpu", "xpu:1"])
def test_a_devices_name_is_one(name: str):
    check_device(name)
    check_devices(name)


@pytest.mark.parametrize(
    "name", ["", "gpu", "CUDA", "cuda:", "cuda:-1", "cuda:x", "cuda:01", "cuda:²", "0", "cpu:3", "mps:0", "xpu:"]
)
def test_anything_else_is_none_and_what_is_one_is_said(name: str):
    with pytest.raises(OptionError, match=r"^--device is '.*', which is not a device$") as one:
        check_device(name)
    assert one.value.hint == "use auto, cpu, cuda, cuda:N, mps, xpu or xpu:N"
    with pytest.raises(OptionError) as several:
        check_devices(name)
    assert (several.value.option, several.value.problem) == ("device", f"is {name!r}, which is not a device")


@pytest.mark.parametrize("text", ["all", "cuda:0,cuda:1", "cpu,cpu", "cpu, cuda"])
def test_several_devices_are_a_list_or_all(text: str):
    check_devices(text)
    with pytest.raises(OptionError, match="more than one device"):
        check_device(text)


@pytest.mark.parametrize("text", ["cuda,cuda:0", "cuda:1,cuda:1", "mps,mps", "xpu,xpu:0"])
def test_a_gpu_is_named_once(text: str):
    with pytest.raises(OptionError, match="twice"):
        check_devices(text)


def test_a_precision_is_one_of_three():
    for name in ("auto", "float32", "bfloat16"):
        check_precision(name)
    with pytest.raises(OptionError, match="--precision is 'fp16', which is not a precision"):
        check_precision("fp16")


def test_none_of_it_takes_pytorch():
    code = "import sys, imgtrans.hardware; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("named", "asked"),
    [("auto", [0]), ("all", [0]), ("cuda", [0]), ("cuda:2", [2]), ("cuda:1,cuda:0", [1]), ("cpu", []), ("cpu,cpu", [])],
)
def test_the_driver_is_asked_for_the_first_card_that_is_named(
    monkeypatch: pytest.MonkeyPatch, named: str, asked: list[int]
) -> None:
    numbers = list[int]()

    class Driver:
        def __init__(self, library: str) -> None:
            pass

        def cuInit(self, flags: int) -> int:
            return 0

        def cuDeviceGet(self, device: object, number: int) -> int:
            numbers.append(number)
            return 0

        def cuDevicePrimaryCtxRetain(self, context: object, device: object) -> int:
            return 0

    monkeypatch.setattr(ctypes, "CDLL", Driver)
    wake(named)
    assert numbers == asked


def test_where_there_is_no_driver_nobody_is_woken(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(library: str) -> None:
        raise OSError("cannot open shared object file")

    monkeypatch.setattr(ctypes, "CDLL", nothing)
    wake("auto")
