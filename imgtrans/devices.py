"""Devices and precisions: what ``auto`` means here, facts of each kind, and a sentence for what is not there."""

import contextlib
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch.nn import functional as F

from imgtrans.errors import UnavailableError
from imgtrans.hardware import check_device, check_devices, check_precision


@dataclass(frozen=True)
class Kind:
    """The facts of a kind of device, as far as the others need them.

    Attributes:
        name: PyTorch's name for it, which is the user's, too.
        title: What people call one.
        count: Tells how many there are here.
        named: Tells the name of one, "" if PyTorch does not know it.
        free: Tells the bytes that one can still take of its memory.
        forget: Has PyTorch give back memory that it only keeps.
        quick: Tells whether bfloat16 is what to compute in where nobody says another.
        own_memory: Whether its memory is its own, and not the main memory.
        wide: Whether it has whole numbers of 16 bits and floats of 64; else these are left to the CPU.
    """

    name: str
    title: str
    count: Callable[[], int]
    named: Callable[[torch.device], str]
    free: Callable[[torch.device], int]
    forget: Callable[[], None]
    quick: Callable[[], bool]
    own_memory: bool
    wide: bool


# In the order in which ``auto`` takes them. Those but the first were not tried on hardware: they are used for what
# PyTorch does alike on all devices, in float32.
KINDS = (
    Kind(
        "cuda",
        "CUDA device",
        count=lambda: torch.cuda.device_count() if torch.cuda.is_available() else 0,
        named=lambda device: torch.cuda.get_device_name(device),
        free=lambda device: torch.cuda.mem_get_info(device)[0],
        forget=lambda: torch.cuda.empty_cache(),
        quick=lambda: torch.cuda.is_bf16_supported(including_emulation=False),
        own_memory=True,
        wide=True,
    ),
    Kind(
        "mps",
        "Apple GPU",
        count=lambda: int(torch.backends.mps.is_available()),
        named=lambda device: "",
        free=lambda device: max(0, torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory()),
        forget=lambda: torch.mps.empty_cache(),
        quick=lambda: False,
        own_memory=False,
        wide=False,
    ),
    Kind(
        "xpu",
        "Intel GPU",
        count=lambda: torch.xpu.device_count() if torch.xpu.is_available() else 0,
        named=lambda device: torch.xpu.get_device_name(device),
        free=lambda device: torch.xpu.mem_get_info(device)[0],
        forget=lambda: torch.xpu.empty_cache(),
        quick=lambda: False,
        own_memory=True,
        wide=False,
    ),
)


def kind_of(device: torch.device) -> Kind | None:
    """Return what kind of device one is; None for the CPU."""
    return next((kind for kind in KINDS if kind.name == device.type), None)


def free_memory(device: torch.device, main: int) -> int | None:
    """Return the bytes of memory that a network can take on a device; None for the CPU.

    Args:
        device: The device.
        main: Bytes of main memory that it may take, which bound it where the device has no memory of its own.
    """
    kind = kind_of(device)
    if kind is None:
        return None
    free = kind.free(device)
    return free if kind.own_memory else min(free, main)


def is_wide(device: torch.device) -> bool:
    """Whether a device has whole numbers of 16 bits and floats of 64, as the CPU has."""
    kind = kind_of(device)
    return kind is None or kind.wide


def forget_memory(device: torch.device) -> None:
    """Have PyTorch give back the memory of a device that it only keeps."""
    if kind := kind_of(device):
        kind.forget()


def choose_device(name: str) -> torch.device:
    """Return the device called ``auto``, ``cpu``, ``cuda``, ``cuda:N``, ``mps``, ``xpu`` or ``xpu:N``.

    Raises:
        UsageError: If the name is none of these.
        UnavailableError: If there is no such device here.
    """
    check_device(name)
    return _all_of_best()[0] if name == "auto" else _named(name)


def choose_devices(name: str) -> list[torch.device]:
    """Return the devices of a list like ``cuda:0,cuda:1``, or of ``all``: each of the best kind, or the CPU.

    The CPU may be named more than once, and its cores are shared then.

    Raises:
        UsageError: If one of them is no device's name, or one but the CPU is named twice.
        UnavailableError: If there is no such device here.
    """
    check_devices(name)
    if name in ("auto", "all"):
        return _all_of_best() if name == "all" else _all_of_best()[:1]
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
        kinds = [kind_of(device) for device in devices]
        return torch.bfloat16 if all(kind is not None and kind.quick() for kind in kinds) else torch.float32
    return torch.bfloat16 if name == "bfloat16" else torch.float32


def describe_device(device: torch.device) -> str:
    """Return a device's name as a person knows it, as ``cuda:0 NVIDIA H100`` or ``cpu``."""
    kind = kind_of(device)
    return f"{device} {kind.named(device)}".rstrip() if kind else str(device)


def describe_devices(devices: Sequence[torch.device]) -> str:
    """Return the names of several devices, as ``cuda:0 NVIDIA H100, cuda:1 NVIDIA H100`` or ``2 x cpu``."""
    counts = Counter(map(describe_device, devices))
    return ", ".join(f"{count} x {name}" if count > 1 else name for name, count in counts.items())


def describe_precision(precision: torch.dtype) -> str:
    """Return ``float32`` for ``torch.float32``."""
    return str(precision).removeprefix("torch.")


@contextlib.contextmanager
def computing_threads(count: int) -> Iterator[None]:
    """Have PyTorch compute with so many threads, on a CPU and for this thread, and then with as many as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _all_of_best() -> list[torch.device]:
    """Return all devices of the first kind that is here, or the CPU."""
    for kind in KINDS:
        if count := kind.count():
            return [*map(partial(torch.device, kind.name), range(count))]
    return [torch.device("cpu")]


def _named(name: str) -> torch.device:
    device = torch.device(name)
    kind = kind_of(device)
    if kind is None:
        return device
    count = kind.count()
    if not count:
        raise UnavailableError(f"there is no {kind.title} that PyTorch can use here", "use --device cpu")
    device = torch.device(kind.name, device.index or 0)
    if device.index >= count:
        raise UnavailableError(f"there is no {name} here; {kind.title}s: {count}")
    return device
