"""What devices and precisions are called: checked in a moment, while PyTorch takes seconds to be there."""

import re
import sys

from imgtrans.errors import OptionError

PRECISIONS = ("auto", "float32", "bfloat16")
NUMBERED = ("cuda", "xpu")
ONE_DEVICE = "use auto, cpu, cuda, cuda:N, mps, xpu or xpu:N"
SEVERAL_DEVICES = "use auto, cpu, cuda, cuda:N, mps, xpu, xpu:N, a list like cuda:0,cuda:1, or all"

_DEVICE = re.compile(rf"cpu|mps|(?:{'|'.join(NUMBERED)})(?::(?:0|[1-9][0-9]{{0,2}}))?")


def check_device(name: str) -> None:
    """Make sure that a text may be the name of one device, as ``auto``, ``cpu``, ``cuda:0`` or ``mps``.

    Whether there is such a device, only PyTorch knows; see :func:`imgtrans.devices.choose_device`.

    Raises:
        OptionError: If it is none.
    """
    if "," in name or name == "all":
        raise OptionError("device", f"{name} is more than one device", "name one of them here")
    if name != "auto" and not _DEVICE.fullmatch(name):
        raise OptionError("device", f"is {name!r}, which is not a device", ONE_DEVICE)


def check_devices(text: str) -> None:
    """Make sure that a text may name devices: ``auto``, ``all``, one, or several with commas between.

    Raises:
        OptionError: If one of them is no device's name, or one but the CPU is named twice.
    """
    if text in ("auto", "all"):
        return
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if not _DEVICE.fullmatch(name):
            has = "has" if len(names) > 1 else "is"
            raise OptionError("device", f"{has} {name!r}, which is not a device", SEVERAL_DEVICES)
    numbered = [f"{name}:0" if name in NUMBERED else name for name in names]
    for name in numbered:
        if name != "cpu" and numbered.count(name) > 1:
            raise OptionError("device", f"{text} has {name} twice", "such a device computes one thing at a time")


def check_precision(name: str) -> None:
    """Make sure that a text is the name of a precision.

    Raises:
        OptionError: If it is none.
    """
    if name not in PRECISIONS:
        raise OptionError("precision", f"is {name!r}, which is not a precision", "use auto, float32 or bfloat16")


def wake(devices: str) -> None:
    """Have the driver make ready the first CUDA device of those that a text names, if there is any.

    It takes a moment of nobody's processor, in which PyTorch may be loaded: that finds then what it would wait for.
    """
    import ctypes  # noqa: PLC0415 - only a run that computes has use for it

    first = devices.split(",", maxsplit=1)[0].strip()
    if first == "cpu":
        return
    try:
        driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return
    device, context = ctypes.c_int(), ctypes.c_void_p()
    number = int(first.partition(":")[2]) if _DEVICE.fullmatch(first) and ":" in first else 0
    if driver.cuInit(0) == 0 and driver.cuDeviceGet(ctypes.byref(device), number) == 0:
        driver.cuDevicePrimaryCtxRetain(ctypes.byref(context), device)
