"""Decoded pictures, kept in memory as far as there is room, so that each is decoded once; without PyTorch."""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

from PIL import Image

from imgtrans.training.data.crops import Cut, Pixels, load_rgb, read_crop

Files: TypeAlias = tuple[Sequence[Path], Sequence[Path]]

_PIXEL_BYTES = 4  # of RGB, as Pillow holds it


class KeptPictures:
    """Crops of the pictures of two domains.

    The pictures come up again and again in an order that is drawn anew each epoch, so none is worth more than another:
    the first ones are kept, and the others decoded each time. A crop is the same either way.

    Args:
        files: The pictures of A and of B.
        side: Of the crops, in pixels.
        needed: The largest short side to which a cut scales its picture, in pixels.
        room: Bytes for pictures.
    """

    def __init__(self, files: Files, side: int, needed: float, room: int) -> None:
        self._files = files
        self._side = side
        self._needed = needed
        self._room = room
        self._kept: dict[Path, Image.Image] = {}

    def crop(self, domain: int, cut: Cut) -> tuple[Pixels, dict[Path, str]]:
        """Return a crop of A (0) or B (1), and why pictures were left out; see :func:`read_crop`."""
        return read_crop(self._files[domain], cut, self._side, self._load)

    def _load(self, path: Path) -> Image.Image:
        if kept := self._kept.get(path):
            return kept
        image = load_rgb(path, self._needed)
        size = _PIXEL_BYTES * image.width * image.height
        if size <= self._room:
            self._room -= size
            self._kept[path] = image
        return image
