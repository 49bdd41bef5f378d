"""Three small photographs that come with imgtrans, to try networks on."""

from pathlib import Path

import numpy as np
from PIL import Image

from imgtrans.protocols import Pixels

# All CC0 1.0 or public domain; examples/ATTRIBUTION.md says whose.
MEADOW = Path(__file__).parent / "meadow.jpg"
_FILES = (MEADOW, MEADOW.with_name("cup.jpg"), MEADOW.with_name("portrait.jpg"))


def photographs(height: int) -> list[Pixels]:
    """Return the photographs, (height, W, 3), 0 to 255: a meadow, a cup of coffee, a portrait."""
    return [_read(file, height) for file in _FILES]


def meadow(height: int) -> Pixels:
    """Return the first of them alone."""
    return _read(MEADOW, height)


def _read(file: Path, height: int) -> Pixels:
    with Image.open(file) as image:
        rgb = image.convert("RGB")
    return np.array(rgb.resize((round(rgb.width * height / rgb.height), height), Image.Resampling.LANCZOS))
