"""One model, one picture, no files: what a preview and a measurement run."""

from typing import Any

import torch

from imgtrans.images.resample import pad
from imgtrans.opening import AUTO, Opened, open_network
from imgtrans.protocols import Pixels
from imgtrans.zoo.adapting import adapted, channels_of
from imgtrans.zoo.architecture import architecture_of
from imgtrans.zoo.loading import load_network
from imgtrans.zoo.store import Model


def open_session(
    model: Model, device: torch.device, precision: torch.dtype, backend: str = AUTO, settings: Any = None
) -> Opened:
    """Load a model onto a device; ``settings`` are options that the backend has of its own.

    Raises:
        ModelError: If it cannot be loaded, or is for pictures that are neither RGB nor gray.
        UnavailableError: If the backend is not there, or cannot compute it.
    """
    return open_network(backend, adapted(load_network(model), model.card), device, precision, settings=settings)


def is_for_pictures(model: Model) -> bool:
    """Whether a model is for RGB or gray pictures, and not for something else that has channels."""
    return {*channels_of(model.card)} <= {1, 3}


def prepared(model: Model, pixels: Pixels) -> Pixels:
    """Return a picture (H, W, 3) as a batch of one (1, H', W', 3), with sides that the model's network can take."""
    architecture = architecture_of(model.card)
    parameters = model.card.parameters
    return pad(pixels, architecture.multiple(parameters), architecture.smallest(parameters))[None]
