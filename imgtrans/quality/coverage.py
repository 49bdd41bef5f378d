"""Precision and recall: how many fakes could be real, and how much of what is real the fakes cover."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from imgtrans.quality.extractor import Floats

NEIGHBOURS = 3
_ROWS = 1000  # of distances that are held at a time


def precision_and_recall(fake: Floats, real: Floats) -> tuple[float, float]:
    """Return both, from 0 to 1.

    Source: Kynkäänniemi et al., NeurIPS 2019. A set is where its pictures are: in the balls around each
    that reach to its third neighbour. Precision is the share of fakes that lie where the real ones are, recall the
    share of real ones that lie where the fakes are.

    Args:
        fake: Features (N, D), N at least 5.
        real: Features (M, D), M at least 5.
    """
    x, y = fake.astype(np.float64), real.astype(np.float64)
    return _share_inside(x, y), _share_inside(y, x)


def _share_inside(points: NDArray[np.float64], centres: NDArray[np.float64]) -> float:
    # A centre's own distance to itself is the first.
    radii = np.concatenate([np.partition(rows, NEIGHBOURS)[:, NEIGHBOURS] for rows in _distances(centres, centres)])
    return float(np.concatenate([(rows <= radii).any(axis=1) for rows in _distances(points, centres)]).mean())


def _distances(a: NDArray[np.float64], b: NDArray[np.float64]) -> Iterator[NDArray[np.float64]]:
    """Yield the squared distances of some rows of a to all of b."""
    lengths = (b**2).sum(1)
    for start in range(0, len(a), _ROWS):
        rows = a[start : start + _ROWS]
        yield ((rows**2).sum(1)[:, None] + lengths - 2 * rows @ b.T).clip(0)
