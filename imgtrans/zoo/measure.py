"""What a model costs: parameters, multiplications, memory, and on request the seconds."""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from imgtrans.devices import choose_device, choose_precision, describe_device, describe_precision
from imgtrans.errors import ModelError, UnavailableError
from imgtrans.images.resample import working_size
from imgtrans.opening import AUTO, describe_backend, usual_precision
from imgtrans.zoo.adapting import channels_of
from imgtrans.zoo.architecture import architecture_of
from imgtrans.zoo.session import open_session, prepared
from imgtrans.zoo.store import Model

PHOTOGRAPHS = {1: (1155, 866), 12: (4000, 3000)}  # megapixels to width and height

_SIDE = 1024
_BYTES = 4  # of a number in float32


@dataclass(frozen=True)
class Cost:
    """What a model's network costs in float32.

    Attributes:
        parameters: How many numbers it has learnt.
        macs_per_pixel: Multiplications (each with an addition) for each pixel of the picture that it sees.
        bytes_per_pixel: Peak memory for each such pixel.
    """

    parameters: int
    macs_per_pixel: float
    bytes_per_pixel: float

    def memory(self, width: int, height: int) -> int:
        """Return the bytes that the network needs for a picture which it sees at this size."""
        return _BYTES * self.parameters + round(self.bytes_per_pixel * width * height)


def cost_of(model: Model) -> Cost:
    """Return what a model costs, going by its card; its weights are not read.

    Raises:
        ModelError: If its card is no network's.
        UnavailableError: If its architecture is not installed.
    """
    architecture = architecture_of(model.card)
    parameters = model.card.parameters
    try:
        # On the meta device: shapes are computed, numbers are not.
        with torch.device("meta"):
            network = architecture.build(parameters).eval()
            multiple = architecture.multiple(parameters)
            side = -(-_SIDE // multiple) * multiple
            picture = torch.empty(1, channels_of(model.card)[0], side, side)
        with torch.inference_mode(), FlopCounterMode(display=False) as counter:
            network(picture)
        return Cost(
            parameters=sum(parameter.numel() for parameter in network.parameters()),
            macs_per_pixel=counter.get_total_flops() / 2 / side**2,
            bytes_per_pixel=architecture.bytes_per_pixel(parameters),
        )
    except (RuntimeError, KeyError, TypeError, ValueError) as error:
        # What PyTorch says takes a page; a ValueError is the architecture's own sentence.
        reason = f": {error}" if type(error) is ValueError else ""
        raise ModelError(f"the card of {model.name!r} does not say what network it is{reason}") from error


@dataclass(frozen=True)
class Speed:
    """How fast a model is.

    Attributes:
        seconds: That the network takes for one picture.
        pixels: Of that picture.
        where: Device, precision and backend, and why it is that one if it is not the fastest; for people to read.
    """

    seconds: float
    pixels: int
    where: str


def speed_of(model: Model, width: int, height: int, device: str, backend: str = AUTO, settings: Any = None) -> Speed:
    """Run the network for one picture which it sees at this size, and return the time it takes.

    Args:
        model: The model.
        width: Of the picture in pixels.
        height: Of the picture in pixels.
        device: A device's name, as ``auto`` or ``cuda:0``; the precision is what ``auto`` means there.
        backend: What computes it, by its name; ``auto`` is the fastest that can.
        settings: The options that it has of its own, if any were given.

    Raises:
        ModelError: If the model cannot be loaded, or is for pictures that are neither RGB nor gray.
        UnavailableError: If there is no such device or backend, or the picture does not fit into its memory.
    """
    chosen = choose_device(device)
    precision = choose_precision(usual_precision("auto", backend), chosen)
    opened = open_session(model, chosen, precision, backend, settings)
    session = opened.session
    pictures = prepared(model, np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8))
    try:
        session.run(pictures)  # the first time takes memory, and chooses algorithms
        began = time.perf_counter()
        session.run(pictures)  # what it returns is on the CPU, so it has been waited for
        seconds = time.perf_counter() - began
    except MemoryError as error:
        raise UnavailableError(f"a picture of {width}x{height} pixels does not fit into the memory here") from error
    where = f"on {describe_device(chosen)} in {describe_precision(precision)}"
    return Speed(seconds, width * height, f"{where}, {describe_backend(opened.backend, opened.reason)}")


@dataclass(frozen=True)
class Need:
    """What a photograph needs.

    Attributes:
        megapixels: Of the photograph.
        size: What ``--size`` says, ``auto`` or ``native``.
        width: At which the network sees it, in pixels.
        height: At which the network sees it, in pixels.
        memory: In bytes: for the network, and for the decoded picture.
    """

    megapixels: int
    size: str
    width: int
    height: int
    memory: int


def needs(model: Model, cost: Cost, decoded: int) -> list[Need]:
    """Return what photographs of 1 and of 12 megapixels need, ``native`` only where it differs from ``auto``.

    Args:
        model: The model.
        cost: What it costs.
        decoded: Bytes that each pixel of a decoded picture takes.
    """
    found: dict[tuple[int, int, int], Need] = {}
    for size, longest in (("auto", model.card.working_size or None), ("native", None)):
        for megapixels, photograph in PHOTOGRAPHS.items():
            width, height = working_size(*photograph, longest)
            memory = cost.memory(width, height) + decoded * photograph[0] * photograph[1]
            found.setdefault((megapixels, width, height), Need(megapixels, size, width, height, memory))
    return list(found.values())
