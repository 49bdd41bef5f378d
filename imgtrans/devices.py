"""Devices and precisions: what ``auto`` means here, and a sentence for what is not there."""

import torch

from imgtrans.errors import UnavailableError, UsageError

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def choose_device(name: str) -> torch.device:
    """Return the device called ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.

    Raises:
        UsageError: If the name is none of these.
        UnavailableError: If there is no such device here.
    """
    if name == "auto":
        return torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        device = torch.device("meta")
    if name != "cpu" and device.type != "cuda":
        raise UsageError(f"{name!r} is not a device", "use auto, cpu, cuda or cuda:N")
    if device.type == "cuda":
        if not torch.cuda.is_available():
            raise UnavailableError("there is no CUDA device that PyTorch can use here", "use --device cpu")
        device = torch.device("cuda", device.index or 0)
        if device.index >= torch.cuda.device_count():
            raise UnavailableError(f"there is no {name} here; CUDA devices: {torch.cuda.device_count()}")
    return device


def choose_precision(name: str, device: torch.device) -> torch.dtype:
    """Return the floating-point type called ``auto``, ``float32`` or ``bfloat16`` for a device.

    ``auto`` is bfloat16 on a CUDA device that computes in it, float32 elsewhere.
    """
    if name == "auto":
        quick = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
        return torch.bfloat16 if quick else torch.float32
    if name not in PRECISIONS:
        raise UsageError(f"{name!r} is not a precision", f"use auto, {' or '.join(PRECISIONS)}")
    return PRECISIONS[name]


def describe_device(device: torch.device) -> str:
    """Return a device's name as a person knows it, as ``cuda:0 NVIDIA H100`` or ``cpu``."""
    return f"{device} {torch.cuda.get_device_name(device)}" if device.type == "cuda" else str(device)


def describe_precision(precision: torch.dtype) -> str:
    """Return ``float32`` for ``torch.float32``."""
    return str(precision).removeprefix("torch.")
