"""One look at each picture of a folder: its size and kind, whether it can be read, and what it looks like."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from imgtrans.errors import ImageError
from imgtrans.images.formats import open_image
from imgtrans.training.data.alike import Print, fingerprint
from imgtrans.training.data.crops import load_rgb

_NEEDED = 64.0  # pixels of the short side, for what it looks like
MOST = 20_000  # pictures of a folder that are looked at
_COLOURS = 6  # steps of each colour
_LEVELS = 16  # of light


@dataclass(frozen=True)
class Seen:
    """A picture that can be read.

    Attributes:
        path: The file.
        size: Width and height, as they lie in the file.
        mode: Pillow's name of how its pixels are stored.
        print: What it has in common with those that look like it; see :func:`fingerprint`.
        colours: (232,) which shares of it have which colours and how much light, as roots.
    """

    path: Path
    size: tuple[int, int]
    mode: str
    print: Print
    colours: Print


@dataclass
class Survey:
    """What a folder holds.

    Attributes:
        folder: The folder.
        files: All its pictures.
        seen: Those that were looked at and can be read.
        broken: Those that cannot, and why.
    """

    folder: Path
    files: list[Path]
    seen: list[Seen] = field(default_factory=list)
    broken: dict[Path, str] = field(default_factory=dict)

    @property
    def looked_at(self) -> int:
        """How many were looked at."""
        return len(self.seen) + len(self.broken)


def survey(folder: Path, files: Sequence[Path], most: int = MOST, each: Callable[[], None] = lambda: None) -> Survey:
    """Look at the pictures of a folder.

    Args:
        folder: The folder.
        files: Its pictures.
        most: If there are more, so many are looked at, evenly spread.
        each: Called after each picture.
    """
    made = Survey(folder, [*files])
    for path in spread(files, most):
        try:
            with open_image(path) as image:
                size, mode = image.size, image.mode
            picture = load_rgb(path, _NEEDED)
        except ImageError as error:
            made.broken[path] = error.message
        else:
            made.seen.append(Seen(path, size, mode, fingerprint(picture), _colours(picture)))
        each()
    return made


def spread(files: Sequence[Path], most: int) -> list[Path]:
    """Return some of many files, evenly spread."""
    count = min(most, len(files))
    return [files[n * len(files) // count] for n in range(count)]


def _colours(picture: Image.Image) -> Print:
    pixels = np.asarray(picture.resize((64, 64), Image.Resampling.BILINEAR)).reshape(-1, 3)
    mixed = (pixels.astype(int) * _COLOURS // 256) @ (_COLOURS**2, _COLOURS, 1)
    light = (pixels @ np.array([0.299, 0.587, 0.114])).astype(int) * _LEVELS // 256
    shares = np.concatenate([np.bincount(mixed, minlength=_COLOURS**3), np.bincount(light, minlength=_LEVELS)])
    result: Print = np.sqrt(shares / len(pixels)).astype(np.float32)
    return result
