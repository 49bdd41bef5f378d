"""How much memory there is to plan with."""

from pathlib import Path

import psutil

_CGROUP = Path("/sys/fs/cgroup")


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
