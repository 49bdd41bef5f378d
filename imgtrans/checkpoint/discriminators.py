"""Telling discriminators from other networks, so that a message can name them."""

import re
from collections.abc import Mapping

_WEIGHT = re.compile(r"(?:.*\.)?(?:weight|weight_orig|weight_v|parametrizations\.weight\.original[01]?)")
_LEAST_FEATURES = 8
_MOST_KERNELS = 10  # for each that scores; a U-Net of 4x4 kernels has more


def describe_network(shapes: Mapping[str, tuple[int, ...]]) -> str:
    """Say what a network is that translates no pictures, from the shapes of its state dict.

    Returns:
        ``a discriminator (PatchGAN, 5 convolutions)``, ``a discriminator (of single pixels)``, or "" if it is none.
    """
    kernels = [shape for name, shape in shapes.items() if len(shape) == 4 and _is_kernel(name, shapes)]
    scoring = [shape for shape in kernels if shape[0] == 1 and shape[1] >= _LEAST_FEATURES]
    if not scoring or len(kernels) < 2 or len(kernels) > _MOST_KERNELS * len(scoring):
        return ""
    # Up to the scores, nothing narrows: a generator that makes gray pictures has to.
    others = [shape for shape in kernels if shape not in scoring]
    if not others or any(shape[0] < shape[1] for shape in others):
        return ""
    if all(shape[2:] == (1, 1) for shape in kernels):
        return "a discriminator (of single pixels)"
    if all(shape[2:] == (4, 4) for shape in others) and all(max(shape[2:]) <= 4 for shape in scoring):
        number = f"{len(kernels)} convolutions" if len(scoring) == 1 else f"{len(scoring)} scales"
        return f"a discriminator (PatchGAN, {number})"
    return ""


def _is_kernel(name: str, shapes: Mapping[str, tuple[int, ...]]) -> bool:
    """Whether a tensor is a kernel, and neither a fixed filter nor the magnitudes of weight normalisation."""
    return bool(_WEIGHT.fullmatch(name)) and not (name.endswith("original0") and f"{name[:-1]}1" in shapes)
