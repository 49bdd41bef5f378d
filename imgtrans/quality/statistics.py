"""The extractor that needs no weights and learns nothing: histograms of colours, gradients and their directions."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgtrans.quality.extractor import STATISTICS, Floats, Means

_YCBCR = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]], np.float32)
_LIGHT_BINS, _COLOUR_BINS, _MIXED_BINS, _BAND_BINS, _GRADIENT_BINS, _DIRECTIONS = 16, 12, 4, 8, 8, 8
_COLOUR_RANGE = 64.0  # levels that Cb and Cr are from gray; of what is further, photographs have little
_STEEPEST = 128.0  # levels between neighbours
_BANDS = 3  # one above the other: sky, middle and ground of a landscape
_SCALES = (1, 2, 4)


def make(means: Means) -> "Statistics":
    """Return the extractor; it needs nothing."""
    return Statistics()


class Statistics:
    """Histograms of a picture, each as the roots of its shares, so that their product is the overlap (Bhattacharyya).

    Of light, of both colour differences, of colours as a whole, of light in three bands from top to bottom, and
    at three scales of how steep edges are and where they point. It sees whether fakes have the
    tones, colours and fineness of real pictures, and not what is on them.
    """

    name = STATISTICS
    side = 128

    def features(self, squares: Floats) -> Floats:
        """Return features (N, 176) of pictures (N, 128, 128, 3) with values from 0 to 255."""
        return np.stack([_described(square) for square in squares])


def luminance(square: Floats) -> Floats:
    """Return the luma (..., H, W) of pictures (..., H, W, 3)."""
    result: Floats = square @ _YCBCR[0]
    return result


def gradients(light: Floats) -> tuple[Floats, NDArray[np.float32]]:
    """Return how steep a picture (H, W) is at each pixel, and in which direction, from 0 to 1 for half a turn."""
    down, across = np.gradient(light)
    steepness = np.hypot(down, across).astype(np.float32)
    return steepness, (np.arctan2(down, across) / np.pi % 1.0).astype(np.float32)


def _described(square: Floats) -> Floats:
    light, blue, red = np.moveaxis(square @ _YCBCR.T, -1, 0)
    mixed = (square.reshape(-1, 3) / 256 * _MIXED_BINS).astype(int)
    parts = [
        _histogram(light / 256, _LIGHT_BINS),
        *(_histogram(colour / (2 * _COLOUR_RANGE) + 0.5, _COLOUR_BINS) for colour in (blue, red)),
        _shares(mixed @ (_MIXED_BINS**2, _MIXED_BINS, 1), _MIXED_BINS**3),
        *(_histogram(band / 256, _BAND_BINS) for band in np.array_split(light, _BANDS)),
    ]
    for scale in _SCALES:
        rows, columns = (side // scale for side in light.shape)
        smaller = light.reshape(rows, scale, columns, scale).mean((1, 3))
        steepness, direction = gradients(smaller)
        parts += [
            _histogram(np.log1p(steepness) / np.log1p(_STEEPEST), _GRADIENT_BINS),
            _histogram(direction, _DIRECTIONS, steepness),
        ]
    # Each weighs as many numbers as it has bins, and two pictures that are the same have a product of 1 a number.
    return np.concatenate([np.sqrt(part * len(part)) for part in parts]).astype(np.float32)


def _histogram(values: NDArray[Any], bins: int, weights: Floats | None = None) -> NDArray[np.float64]:
    """Return which shares of values from 0 to 1 are in each bin; those outside are in the outermost."""
    return _shares((values * bins).astype(int).clip(0, bins - 1), bins, weights)


def _shares(numbers: NDArray[Any], bins: int, weights: Floats | None = None) -> NDArray[np.float64]:
    counts = np.bincount(numbers.ravel(), None if weights is None else weights.ravel(), minlength=bins).astype(float)
    total = counts.sum()
    return counts / total if total else np.full(bins, 1 / bins)
