"""Who this process is among several that train together, as far as whoever started it says so in the environment."""

import os
from pathlib import Path
from typing import NamedTuple

from imgtrans.errors import UsageError
from imgtrans.training.place import CHECKPOINT


class Launch(NamedTuple):
    """One of several processes.

    Attributes:
        rank: Which one, from 0.
        size: How many there are.
        local_rank: Which one on this machine.
        here: How many there are on this machine.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    here: int = 1


def launched(nproc: int = 1) -> Launch:
    """Return who this process is, by what torchrun sets in the environment (``RANK``, ``WORLD_SIZE`` and so on).

    Args:
        nproc: How many processes are to be started by this one, with it.

    Raises:
        UsageError: If the environment contradicts itself, or ``nproc``.
    """
    said = {name: os.environ.get(name, "") for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")}
    if nproc < 1 or nproc > 1024:
        raise UsageError(f"--nproc must be a number from 1 to 1024, not {nproc}")
    if said["WORLD_SIZE"] in ("", "1"):
        return Launch()
    if nproc > 1:
        raise UsageError(
            f"--nproc {nproc} starts processes, and this is one of {said['WORLD_SIZE']} that were started already",
            "leave --nproc out under torchrun",
        )
    try:
        rank, size = int(said["RANK"]), int(said["WORLD_SIZE"])
        local_rank, here = int(said["LOCAL_RANK"] or rank), int(said["LOCAL_WORLD_SIZE"] or size)
    except ValueError:
        rank, size, local_rank, here = -1, 0, 0, 0
    if not 0 <= rank < size:
        words = ", ".join(f"{name}={value}" for name, value in said.items())
        raise UsageError(f"the environment does not say which process this is: {words}", "start it with torchrun")
    return Launch(rank, size, local_rank, here)


def goes_on(folder: Path) -> bool:
    """Whether this process is one that torchrun has started again, and there is a checkpoint to go on from."""
    return os.environ.get("TORCHELASTIC_RESTART_COUNT", "0") != "0" and (folder / CHECKPOINT).exists()
