"""What a summer picture looks like under snow, roughly: a filter made by hand, as a generator's first lesson."""

import torch
from torch import Tensor
from torch.nn import functional as F

_made: dict[tuple[tuple[float, ...], torch.device], Tensor] = {}


def snow(pictures: Tensor) -> Tensor:
    """Lay snow on summer: calm ground becomes white, trees are frosted, skies, water and rock stay as they are.

    What grows is told by its colour, green, yellow or brown; ground from trees by how restless it is. Neither is always
    right, which is why this is a lesson and no model: a discriminator corrects what is learnt from it.

    Args:
        pictures: (N, 3, H, W) in [-1, 1].

    Returns:
        Pictures of the same shape.
    """
    x = pictures * 0.5 + 0.5
    red, green, blue = x.split(1, 1)
    light = luminance(x)
    near, wide = max(1, min(x.shape[2:]) // 64), max(2, min(x.shape[2:]) // 24)
    most = torch.maximum(red, green)
    grows = _rise(_blurred((most - blue) / (most + 0.05), near), 0.10, 0.34)
    # Roofs, clothes and rocks at sunset are red.
    grows = grows * _rise(_blurred((green + 0.02) / (red + 0.02), near), 0.48, 0.70)
    around = _blurred(light, wide)
    restless = (_blurred(light.square(), wide) - around.square()).clamp_min(0).add(1e-6).sqrt()
    ground = _blurred(grows * (1 - _rise(restless, 0.06, 0.15)) * _rise(around, 0.06, 0.30), near)

    # Trees and bushes lose their colour, and what is lighter than its surroundings has snow on it.
    gray = light * _colour((0.97, 1.0, 1.05), x)
    bare = x + 0.75 * grows * (gray - x)
    above = (light - _blurred(light, near)) / (restless + 0.02)
    topped = _rise(above, -0.1, 0.9) * _rise(around, 0.05, 0.25) * grows
    frosted = bare + 0.75 * topped * (_colour((0.88, 0.91, 0.96), x) - bare)

    # Of the ground its relief stays, fainter, and shade on snow is blue.
    relief = ((light - around) / (around + 0.10)).clamp(-0.9, 0.5)
    white = (0.86 + 0.26 * relief + 0.10 * (_rise(around, 0.1, 0.6) - 1)).clamp(0, 1)
    white = white + (1 - white) * _colour((-0.10, -0.02, 0.16), x)
    return (frosted + ground * (white - frosted)).clamp(0, 1) * 2 - 1


def luminance(pictures: Tensor) -> Tensor:
    """Return the light and dark (N, 1, H, W) of pictures (N, 3, H, W)."""
    return (pictures * _colour((0.299, 0.587, 0.114), pictures)).sum(1, keepdim=True)


def _blurred(x: Tensor, radius: int) -> Tensor:
    for _ in range(2):
        x = F.avg_pool2d(F.pad(x, (radius,) * 4, mode="reflect"), 2 * radius + 1, 1)
    return x


def _rise(x: Tensor, low: float, high: float) -> Tensor:
    """Rise smoothly from 0 at low to 1 at high."""
    t = ((x - low) / (high - low)).clamp(0, 1)
    return t * t * (3 - 2 * t)


def _colour(values: tuple[float, ...], like: Tensor) -> Tensor:
    """Return three numbers as (1, 3, 1, 1) on a device; made once, as a recorded step may copy nothing to it."""
    if (key := (values, like.device)) not in _made:
        _made[key] = torch.tensor(values, device=like.device).view(1, 3, 1, 1)
    return _made[key]
