"""How much memory there is to plan with, and how a process deals with its own."""

import ctypes
import re
import sys
from pathlib import Path

import psutil

_CGROUP = Path("/sys/fs/cgroup")
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # glibc's names for its options
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


def bytes_of(amount: str) -> int:
    """Return the bytes of an amount of memory as people write it: ``4GB``, ``800 MB``, ``1.5G`` or a number of bytes.

    Raises:
        ValueError: If it is no such amount, or nothing.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)I?B?", amount.strip().upper())
    size = int(float(found[1]) * _UNITS[found[2]]) if found else 0
    if not size:
        raise ValueError(f"{amount!r} is no amount of memory")
    return size


def available_memory() -> int:
    """Return the bytes of main memory that can be taken now, within this process's container."""
    available = int(psutil.virtual_memory().available)
    try:
        limit = int((_CGROUP / "memory.max").read_text())
        used = int((_CGROUP / "memory.current").read_text())
        shares = dict(line.split() for line in (_CGROUP / "memory.stat").read_text().splitlines())
        # The kernel gives back what it only caches of files; whoever reads many pictures has plenty of that.
        used -= int(shares["inactive_file"]) + int(shares["active_file"])
    except (OSError, ValueError, KeyError):  # no container, or one without a limit
        return available
    return max(0, min(available, limit - used))


def keep_freed_memory(limit: int) -> None:
    """Have this process keep up to so many freed bytes for itself, where the system's library can do that.

    Pictures and maps take large blocks of the same sizes again and again. Without this each block goes back to the
    system, which has to clear a new one, page by page: a tenth of the model's time and a quarter of a codec's.
    """
    if sys.platform != "linux":
        return
    library = ctypes.CDLL(None)
    if hasattr(library, "gnu_get_libc_version"):
        library.mallopt(_MMAP_THRESHOLD, limit // 2)
        library.mallopt(_TRIM_THRESHOLD, limit)
