"""What each backend that is installed makes of one picture: how fast, and how far from plain PyTorch."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from imgtrans.devices import choose_device, choose_precision, describe_precision
from imgtrans.errors import UnavailableError
from imgtrans.opening import GROUP, PLAIN, usual_precision
from imgtrans.registry import implementations
from imgtrans.zoo.session import open_session, prepared
from imgtrans.zoo.store import Model

_LEVEL = 257  # of 65,535, which is one of 255


@dataclass(frozen=True)
class Compared:
    """A backend, compared with plain PyTorch.

    Attributes:
        backend: Its name.
        precision: In which it computes, in words.
        seconds: That it takes for the picture.
        largest: The largest difference from plain PyTorch in float32, in levels of 255, before these are rounded.
        note: What it says of itself, or why it cannot compute the model here, in a sentence.
        works: Whether it can.
    """

    backend: str
    precision: str = ""
    seconds: float = 0.0
    largest: float = 0.0
    note: str = ""
    works: bool = True


def compare_backends(
    model: Model, width: int, height: int, device: str, settings: Mapping[str, Any]
) -> Iterator[Compared]:
    """Run the network with each backend for one picture of noise which it sees at this size.

    Args:
        model: The model.
        width: Of the picture in pixels.
        height: Of the picture in pixels.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``; the precision is what ``auto`` means there for each.
        settings: The options that some have of their own, by their names.

    Yields:
        Plain PyTorch first.

    Raises:
        ModelError: If the model cannot be loaded, or is for pictures that are neither RGB nor gray.
        UnavailableError: If there is no such device, or it has too little memory for plain PyTorch.
    """
    chosen = choose_device(device)
    noise = np.random.default_rng(0).integers(0, 65536, (height, width, 3), np.uint16)
    pictures = prepared(model, noise)
    try:
        expected = open_session(model, chosen, torch.float32, PLAIN).session.run(pictures)
    except MemoryError as error:
        raise UnavailableError(f"a picture of {width}x{height} pixels does not fit into the memory here") from error
    names = [PLAIN, *(name for name in implementations(GROUP) if name != PLAIN)]
    for name in names:
        precision = choose_precision(usual_precision("auto", name), chosen)
        try:
            opened = open_session(model, chosen, precision, name, settings.get(name))
            opened.session.run(pictures)  # the first time takes memory, and chooses algorithms
            began = time.perf_counter()
            made = opened.session.run(pictures)
            seconds = time.perf_counter() - began
        except (UnavailableError, MemoryError) as error:
            yield Compared(name, note=getattr(error, "message", "it does not fit into the memory here"), works=False)
            continue
        largest = float(np.abs(made.astype(np.int32) - expected).max()) / _LEVEL
        yield Compared(name, describe_precision(precision), seconds, largest, opened.reason)
