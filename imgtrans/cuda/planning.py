"""How much of a device's memory recordings may keep, and how many pixels a batch may then have."""

from dataclasses import dataclass

from imgtrans.cuda.session import TOGETHER

SHARE = 0.15  # of the memory, at most
TIMES = 2  # what a batch takes: recordings share their memory, but for what of one has no room in another's


@dataclass(frozen=True)
class Recordings:
    """What is planned.

    Attributes:
        together: Pixels of a batch, at most, though never less than one picture; larger pictures are not recorded.
        memory: Bytes of the device that are kept from one batch to the next.
    """

    together: int
    memory: int


def recordings(memory: int, bytes_per_pixel: float) -> Recordings:
    """Return what recordings may take.

    Args:
        memory: Bytes of the device that the network may take in all.
        bytes_per_pixel: That it takes, at most.
    """
    together = min(TOGETHER, int(SHARE * memory / (TIMES * bytes_per_pixel)))
    return Recordings(together, int(TIMES * bytes_per_pixel * together))
