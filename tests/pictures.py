"""Small pictures for tests."""

from pathlib import Path

import numpy as np
from PIL import Image


def noise(width: int, height: int, seed: int = 0) -> Image.Image:
    """Return a smooth random RGB picture."""
    small = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)


def save(path: Path, width: int = 24, height: int = 16, seed: int = 0, **options: object) -> Path:
    """Write a random picture and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise(width, height, seed).save(path, **options)
    return path
