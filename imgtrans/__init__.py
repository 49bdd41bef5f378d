"""imgtrans: translate folders of pictures with CycleGAN models, watch folders, train models of your own."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from imgtrans import errors, models
    from imgtrans.api.model import Model, load
    from imgtrans.api.results import Result
    from imgtrans.architectures.discriminator import Discriminator
    from imgtrans.architectures.resnet import GeneratorResNet, ResidualBlock, weights_init_normal
    from imgtrans.card import Card
    from imgtrans.images.modes import to_rgb
    from imgtrans.training.data.dataset import ImageDataset

__version__ = "0.1.0"

__all__ = [
    "Card",
    "Discriminator",
    "GeneratorResNet",
    "ImageDataset",
    "Model",
    "ResidualBlock",
    "Result",
    "__version__",
    "errors",
    "load",
    "models",
    "to_rgb",
    "weights_init_normal",
]

_MODULES = ("errors", "models")
_HOME_OF = {
    "Card": "imgtrans.card",
    "Discriminator": "imgtrans.architectures.discriminator",
    "GeneratorResNet": "imgtrans.architectures.resnet",
    "ImageDataset": "imgtrans.training.data.dataset",
    "Model": "imgtrans.api.model",
    "ResidualBlock": "imgtrans.architectures.resnet",
    "Result": "imgtrans.api.results",
    "load": "imgtrans.api.model",
    "to_rgb": "imgtrans.images.modes",
    "weights_init_normal": "imgtrans.architectures.resnet",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: ``import imgtrans`` alone costs nothing (PEP 562)."""
    if name in _MODULES:
        return importlib.import_module(f"imgtrans.{name}")
    if name not in _HOME_OF:
        raise AttributeError(f"module 'imgtrans' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME_OF[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
