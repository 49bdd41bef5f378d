"""Pictures as the squares that extractors see: read as a run reads them, scaled as clean-fid scales them."""

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from imgtrans.errors import FilesError, ImageError
from imgtrans.finding.walk import Place, files_below
from imgtrans.images.decode import decode
from imgtrans.protocols import Pixels
from imgtrans.quality.extractor import Floats

_BATCH = 32


def pictures_below(folder: Path, most: int, seed: int) -> tuple[list[Path], int]:
    """Return the pictures of a folder and of those below it, sorted, and how many there are altogether.

    Args:
        folder: Where to look.
        most: If there are more, so many of them are drawn.
        seed: Of the draw.

    Raises:
        FilesError: If there is no such folder, or no picture in it.
    """
    if not folder.is_dir():
        raise FilesError(f"there is no folder {folder}", "scores compare two folders of pictures")
    files = [found.path for found in files_below(Place.of(folder)) if found.format]
    if not files:
        raise FilesError(f"{folder} holds no picture")
    chosen = files if len(files) <= most else random.Random(seed).sample(files, most)
    return sorted(chosen), len(files)


def batches(files: Sequence[Path], sides: Sequence[int], left_out: dict[Path, str]) -> Iterator[dict[int, Floats]]:
    """Read pictures a few at a time.

    Args:
        files: The pictures.
        sides: Of the squares that are wanted, in pixels.
        left_out: Filled with the pictures that cannot be read, and why.

    Yields:
        Of each side the squares (N, side, side, 3) of some pictures, with values from 0 to 255; N may be 0.
    """
    for squares, _ in together([(file,) for file in files], sides, left_out):
        yield squares[0]


def together(
    groups: Sequence[tuple[Path, ...]], sides: Sequence[int], left_out: dict[Path, str]
) -> Iterator[tuple[list[dict[int, Floats]], int]]:
    """Read pictures that belong together, a few groups at a time; one that lacks a picture is left out whole.

    Args:
        groups: The pictures; all groups have as many.
        sides: As of :func:`batches`.
        left_out: As of :func:`batches`.

    Yields:
        Of each member of the groups its squares, and how many pictures were looked at.
    """
    for start in range(0, len(groups), _BATCH):
        some = groups[start : start + _BATCH]
        read = [squares for group in some if (squares := _squares(group, sides, left_out))]
        stacked = [
            {
                side: np.array([squares[n][side] for squares in read], np.float32).reshape(-1, side, side, 3)
                for side in sides
            }
            for n in range(len(some[0]))
        ]
        yield stacked, len(some) * len(some[0])


def _squares(group: tuple[Path, ...], sides: Sequence[int], left_out: dict[Path, str]) -> list[dict[int, Floats]]:
    """Return the squares of each picture of a group; nothing if one of them cannot be read."""
    made = []
    for path in group:
        try:
            pixels = decode(path).pixels
        except ImageError as error:
            left_out[path] = error.message
            return []
        made.append({side: square(pixels, side) for side in sides})
    return made


def square(pixels: Pixels, side: int) -> Floats:
    """Scale a picture to a square as clean-fid does.

    Pillow's bicubic filter, wide enough for what is made smaller, on each channel in floating point; not rounded
    (Parmar et al., CVPR 2022). Libraries that leave out the first or the last make other scores of the same pictures.

    Args:
        pixels: (H, W, 3) of 8 bits.
        side: Of the square, in pixels.

    Returns:
        (side, side, 3) with values from 0 to 255.
    """
    channels = [Image.fromarray(np.ascontiguousarray(pixels[..., n], dtype=np.float32)) for n in range(3)]
    scaled = [np.asarray(channel.resize((side, side), Image.Resampling.BICUBIC)) for channel in channels]
    return np.stack(scaled, axis=-1).clip(0, 255)
