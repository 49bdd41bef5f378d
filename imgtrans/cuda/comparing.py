"""Whether a fused network is faster than plain PyTorch on a card: measured once, and remembered."""

import contextlib
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from imgtrans.backends.eager import EagerSession
from imgtrans.cuda.compiling import mark
from imgtrans.protocols import Session

PICTURES, SIDE = 16, 256  # of the batch that both compute, a whole one
WARM, TIMED = 3, 3  # rounds: recorded is what came before


def known_ratio(network: nn.Module, device: torch.device, precision: torch.dtype) -> float | None:
    """Return how many times as fast as plain PyTorch such a network was, fused, on such a card; None if unknown."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        return float(mark(device, *_told(network, device, precision)).read_text())
    return None


def measured_ratio(
    session: Session,
    network: nn.Module,
    device: torch.device,
    precision: torch.dtype,
    clock: Callable[[], float] = time.perf_counter,
) -> float:
    """Measure how many times as fast as plain PyTorch a fused network is, and remember it.

    Args:
        session: The fused network.
        network: The network itself, which goes to the device.
        device: The card.
        precision: Of both.
        clock: Gives seconds.

    Raises:
        MemoryError: If there is too little memory on the card for the plain network.
    """
    pictures = np.random.default_rng(0).integers(0, 256, (PICTURES, SIDE, SIDE, 3), np.uint8)

    def seconds(one: Session) -> float:
        for _ in range(WARM):
            one.run(pictures)
        took = []
        for _ in range(TIMED):
            started = clock()
            one.run(pictures)
            took.append(clock() - started)
        return min(took)

    ratio = seconds(EagerSession(network, device, precision)) / seconds(session)
    with contextlib.suppress(ImportError, OSError):
        mark(device, *_told(network, device, precision)).write_text(f"{ratio:.3f}\n")
    return ratio


def _told(network: nn.Module, device: torch.device, precision: torch.dtype) -> tuple[object, ...]:
    """Return what a ratio is of, besides versions: the network's sizes, the card's name, the precision."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else ""
    return name, precision, *(tuple(weight.shape) for weight in network.parameters())
