"""Devices and precisions: what ``auto`` means here, and a sentence for what is not there."""

import contextlib
import threading
from collections import Counter
from collections.abc import Sequence

import torch
from torch.nn import functional as F

from imgtrans.errors import UnavailableError
from imgtrans.hardware import check_device, check_devices, check_precision


def choose_device(name: str) -> torch.device:
    """Return the device called ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.

    Raises:
        UsageError: If the name is none of these.
        UnavailableError: If there is no such device here.
    """
    check_device(name)
    return _named(name)


def choose_devices(name: str) -> list[torch.device]:
    """Return the devices of a list like ``cuda:0,cuda:1``, or of ``all``: each CUDA device, or the CPU without one.

    The CPU may be named more than once, and its cores are shared then.

    Raises:
        UsageError: If one of them is no device's name, or a CUDA device is named twice.
        UnavailableError: If there is no such device here.
    """
    check_devices(name)
    if name == "all":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        return [torch.device("cuda", index) for index in range(count)] or [torch.device("cpu")]
    return [_named(one.strip()) for one in name.split(",")]


def wake(devices: Sequence[torch.device]) -> None:
    """Have CUDA devices load what convolutions need, which takes a moment, in a thread for each."""
    for device in devices:
        if device.type == "cuda":
            threading.Thread(target=_convolve, args=(device,), name="waking").start()


def _convolve(device: torch.device) -> None:
    with contextlib.suppress(RuntimeError), torch.inference_mode():  # whoever computes will say what is wrong
        x = torch.zeros(8, 8, 8, 8, device=device, dtype=torch.bfloat16)
        F.conv2d(x.contiguous(memory_format=torch.channels_last), x[:, :, :3, :3])


def choose_precision(name: str, *devices: torch.device) -> torch.dtype:
    """Return the floating-point type called ``auto``, ``float32`` or ``bfloat16`` for all of some devices.

    ``auto`` is bfloat16 on CUDA devices that compute in it, float32 elsewhere.

    Raises:
        UsageError: If the name is none of these.
    """
    check_precision(name)
    if name == "auto":
        quick = all(device.type == "cuda" for device in devices)
        quick = quick and torch.cuda.is_bf16_supported(including_emulation=False)
        return torch.bfloat16 if quick else torch.float32
    return torch.bfloat16 if name == "bfloat16" else torch.float32


def describe_device(device: torch.device) -> str:
    """Return a device's name as a person knows it, as ``cuda:0 NVIDIA H100`` or ``cpu``."""
    return f"{device} {torch.cuda.get_device_name(device)}" if device.type == "cuda" else str(device)


def describe_devices(devices: Sequence[torch.device]) -> str:
    """Return the names of several devices, as ``cuda:0 NVIDIA H100, cuda:1 NVIDIA H100`` or ``2 x cpu``."""
    counts = Counter(map(describe_device, devices))
    return ", ".join(f"{count} x {name}" if count > 1 else name for name, count in counts.items())


def describe_precision(precision: torch.dtype) -> str:
    """Return ``float32`` for ``torch.float32``."""
    return str(precision).removeprefix("torch.")


def _named(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    device = torch.device(name)
    if device.type == "cuda":
        if not torch.cuda.is_available():
            raise UnavailableError("there is no CUDA device that PyTorch can use here", "use --device cpu")
        device = torch.device("cuda", device.index or 0)
        if device.index >= torch.cuda.device_count():
            raise UnavailableError(f"there is no {name} here; CUDA devices: {torch.cuda.device_count()}")
    return device
