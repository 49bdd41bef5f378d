"""Whether a picture's structure was kept: what of it is like what else, before and after."""

import numpy as np
from numpy.typing import NDArray

from imgtrans.quality.extractor import Floats
from imgtrans.quality.statistics import gradients, luminance

_CELL = 8  # pixels
_DIRECTIONS = 8
_FAINT = 1.5  # levels between neighbours: what is not steeper has no direction to speak of


class Gradients:
    """Tells places of a picture apart by where its edges point, whatever its colours; needs no weights."""

    name = "gradients"
    side = 128

    def places(self, squares: Floats) -> Floats:
        """Return features (N, 256, 8) of a grid of 16x16 places over pictures (N, 128, 128, 3)."""
        return np.stack([_cells(luminance(square)) for square in squares])


def structure_kept(before: Floats, after: Floats) -> NDArray[np.float64]:
    """Return how far a picture's places are like one another as they were before: 1 at best, about 0 at worst.

    That is the correlation of both matrices of self-similarity (as of Tumanyan et al., CVPR 2022). Colours may
    change as they like, as long as what was alike stays so.

    Args:
        before: Features (N, P, D) of the places of pictures.
        after: The same of what was made of them.

    Returns:
        (N,)
    """
    return np.array([_correlation(_likenesses(a), _likenesses(b)) for a, b in zip(before, after, strict=True)])


def _likenesses(places: Floats) -> NDArray[np.float64]:
    """Return the cosine of each two places (P, D), as one row."""
    lengths = np.linalg.norm(places, axis=1, keepdims=True)
    directions = (places / np.maximum(lengths, 1e-12)).astype(np.float64)
    result: NDArray[np.float64] = (directions @ directions.T)[np.triu_indices(len(places), 1)]
    return result


def _correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    a, b = a - a.mean(), b - b.mean()
    size = float(np.sqrt((a**2).sum() * (b**2).sum()))
    if size < 1e-12:  # one of them has no structure at all
        return float(np.allclose(a, b))
    return float((a * b).sum()) / size


def _cells(light: Floats) -> Floats:
    steepness, direction = gradients(light)
    numbers = (direction * _DIRECTIONS).astype(int).clip(0, _DIRECTIONS - 1)
    by_direction = steepness[..., None] * (numbers[..., None] == np.arange(_DIRECTIONS))
    rows, columns = (side // _CELL for side in light.shape)
    sums = by_direction.reshape(rows, _CELL, columns, _CELL, _DIRECTIONS).mean((1, 3)).reshape(rows * columns, -1)
    # How steep it is counts in part, and where nothing is to be seen all directions are the same.
    return np.concatenate([np.sqrt(sums), np.full((len(sums), 1), np.sqrt(_FAINT))], axis=1).astype(np.float32)
