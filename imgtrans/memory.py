"""How much memory there is to plan with, how a run shares it out, and what a process keeps."""

import contextlib
import ctypes
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil

from imgtrans.errors import UsageError

USABLE = 0.9  # of the memory that is free; the rest is for whatever else goes on
NETWORK_SHARE = 2 / 3  # of what a run may take; the rest is for pictures
NETWORK_SHARE_BESIDE_DEVICE = 1 / 3  # where networks compute in memory of their own, for what has no room there
WORKER_BYTES = 70_000_000  # what a worker process takes before its first picture
# What the two processes hold of a picture and its translation while the network works, for each pixel.
HELD_BYTES_PER_PIXEL = 13

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


@dataclass(frozen=True)
class Shares:
    """How a run shares out main memory between the network and pictures that are read, held and written.

    Attributes:
        whole: Bytes for all of it; also the most that one picture may take, alone.
        pictures: Bytes for pictures, as long as there are several.
        sessions: How many networks compute at the same time.
    """

    whole: int
    pictures: int
    sessions: int = 1

    def network(self, pixels: int = 0) -> int:
        """Return the bytes that a network may take while it translates a picture of so many pixels.

        Pixels of 16 bits count twice.
        One that is too large for the pictures' share is alone in the house, and leaves less to the network.
        """
        held = HELD_BYTES_PER_PIXEL * pixels
        if held > self.pictures:
            return max(0, self.whole - held)
        return (self.whole - self.pictures) // self.sessions


def share_out(budget: int, workers: int, sessions: int = 1, *, on_device: bool = False) -> Shares:
    """Return the shares of a run.

    Args:
        budget: Bytes that all of its processes may take together, this one as it is now included; 0 for most of what is
            free.
        workers: How many worker processes there will be.
        sessions: How many networks will compute at the same time.
        on_device: Whether they have memory of their own.

    Raises:
        UsageError: If the budget is less than what the processes take by themselves.
    """
    own = workers * WORKER_BYTES
    if budget:
        own += resident_memory()
        if budget <= own:
            raise UsageError(
                f"--memory allows {in_words(budget)}, and imgtrans itself takes {in_words(own)} here", "give it more"
            )
    whole = max(1, (budget or int(USABLE * available_memory())) - own)
    share = NETWORK_SHARE_BESIDE_DEVICE if on_device else NETWORK_SHARE
    return Shares(whole, int((1 - share) * whole), sessions)


def resident_memory() -> int:
    """Return the bytes of main memory that this process takes."""
    return int(psutil.Process().memory_info().rss)


def in_words(size: int) -> str:
    """Return an amount of memory, rounded up, as people write it."""
    return f"{-(-size // 10**8) / 10:.1f} GB" if size >= 10**9 else f"{-(-size // 10**6)} MB"


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether PyTorch says by an error that a device, or main memory, has no more to give."""
    return any(words in str(error) for words in ("out of memory", "can't allocate memory", "ALLOC_FAILED"))


def die_first() -> None:
    """Have the system, when memory runs out, end this process rather than the one that keeps the books."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500", encoding="ascii")


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
