"""imgtrans: translate folders of pictures with CycleGAN models, watch folders, train models of your own."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from imgtrans.architectures.discriminator import Discriminator
    from imgtrans.architectures.resnet import GeneratorResNet, ResidualBlock, weights_init_normal
    from imgtrans.images.modes import to_rgb
    from imgtrans.training.data.dataset import ImageDataset

__version__ = "0.1.0"

__all__ = [
    "Discriminator",
    "GeneratorResNet",
    "ImageDataset",
    "ResidualBlock",
    "__version__",
    "to_rgb",
    "weights_init_normal",
]

_HOME_OF = {
    "Discriminator": "imgtrans.architectures.discriminator",
    "GeneratorResNet": "imgtrans.architectures.resnet",
    "ImageDataset": "imgtrans.training.data.dataset",
    "ResidualBlock": "imgtrans.architectures.resnet",
    "to_rgb": "imgtrans.images.modes",
    "weights_init_normal": "imgtrans.architectures.resnet",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: ``import imgtrans`` alone costs nothing (PEP 562)."""
    if name not in _HOME_OF:
        raise AttributeError(f"module 'imgtrans' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME_OF[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
