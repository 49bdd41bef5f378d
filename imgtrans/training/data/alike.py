"""Pictures that are the same as others, file by file, or look as if they were."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_COMPARED_BYTES = 1 << 16  # of files of equal size
_ROWS, _COLUMNS = 16, 17
_MOST_BITS = 28  # of 256 that may differ
_MOST_LEVELS = 10.0  # of 255 that the means of colours may
_AT_ONCE = 2000  # pictures that are compared with all

Print = NDArray[np.float32]


def same_files(folders: Sequence[Iterable[Path]]) -> Iterator[list[tuple[int, Path]]]:
    """Yield groups of files of one content, each file with the number of its folder.

    The content is told by size and beginning, so that hardly any file is opened.
    """
    by_size: defaultdict[int, list[tuple[int, Path]]] = defaultdict(list)
    for number, files in enumerate(folders):
        for path in files:
            by_size[path.stat().st_size].append((number, path))
    for some in by_size.values():
        if len(some) < 2:
            continue
        by_content: defaultdict[bytes, list[tuple[int, Path]]] = defaultdict(list)
        for number, path in some:
            with path.open("rb") as file:
                by_content[hashlib.sha256(file.read(_COMPARED_BYTES)).digest()].append((number, path))
        yield from (group for group in by_content.values() if len(group) > 1)


def fingerprint(image: Image.Image) -> Print:
    """Return what a picture (RGB) has in common with others that look like it: (259,).

    256 times whether a place is lighter than that to the right of it, as 1 or -1 (a difference hash), and three mean
    colours. It hardly changes where a picture is saved again, made smaller or sharpened.
    """
    light = np.asarray(image.convert("L").resize((_COLUMNS, _ROWS), Image.Resampling.BOX), np.float32)
    lighter = np.where(light[:, 1:] > light[:, :-1], 1, -1).ravel()
    colours = np.asarray(image.resize((1, 1), Image.Resampling.BOX), np.float32).ravel()
    return np.concatenate([lighter, colours]).astype(np.float32)


def look_alikes(a: NDArray[np.float32], b: NDArray[np.float32], *, same: bool = False) -> list[tuple[int, int]]:
    """Return which pictures look the same.

    Args:
        a: Fingerprints (N, 259).
        b: Fingerprints (M, 259).
        same: Whether b is a; then each pair is given once, and no picture with itself.

    Returns:
        Pairs of numbers, of a and of b, sorted.
    """
    bits, pairs = _ROWS * (_COLUMNS - 1), []
    for start in range(0, len(a), _AT_ONCE):
        some = a[start : start + _AT_ONCE]
        differing = (bits - some[:, :bits] @ b[:, :bits].T) / 2
        for i, j in np.argwhere(differing <= _MOST_BITS):
            if same and j <= start + i:
                continue
            if np.abs(some[i, bits:] - b[j, bits:]).max() <= _MOST_LEVELS:
                pairs.append((start + int(i), int(j)))
    return pairs
