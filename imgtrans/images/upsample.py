"""How much of what the network changed is taken, and from a small size carried over to the full picture."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from imgtrans.protocols import Pixels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Planes = NDArray[np.float32]

# Radius, in small pixels, of the windows that the change is fitted in, and of those that fits are averaged over.
# Networks draw rings of some ten pixels around strong edges, and smaller windows would follow them.
_FIT_RADIUS = 4
_MEAN_RADIUS = 2
# Variances, in levels squared, from which on the picture's contrast counts as one that the change may follow. Lightness
# that varies much less is texture, which the picture keeps; where it varies more, the ridge fades, and edges leave no
# halo. Colours have to follow much sooner: what else is left of green foliage that turns brown is magenta.
_LIGHTNESS_RIDGE = np.float32(800)
_COLOUR_RIDGE = np.float32(30)

# How much is worked on at once: bounds the memory that floats take.
_BAND_PIXELS, _BAND_ROWS = 1 << 16, 24
_STRIP_PIXELS = 1_000_000


def add_change(
    original: Pixels, before: Pixels, after: Pixels, method: str = "guided", strength: float = 1.0
) -> Pixels:
    """Carry what the network changed at a small size over to the full picture.

    Args:
        original: (H, W, 3), the picture, uint8 or uint16, and so the others.
        before: (h, w, 3), the picture at the size the network worked at, not larger.
        after: (h, w, 3), the network's output.
        method: ``guided``, where the change follows the picture's edges, or ``bicubic``, where it is only enlarged.
        strength: The share of the change that is taken, from 0.

    Returns:
        (H, W, 3): the original plus ``strength`` times ``after - before`` enlarged, clipped to what its type holds.
    """
    return (guided if method == "guided" else bicubic)(original, before, after, strength)


def take(original: Pixels, after: Pixels, strength: float) -> Pixels:
    """Take a share of what the network changed at the picture's own size.

    Args:
        original: (H, W, 3), the picture, uint8 or uint16.
        after: (H, W, 3), the network's output, of the same type.
        strength: The share, from 0; 1 is ``after``.

    Returns:
        (H, W, 3): the original plus ``strength`` times ``after - original``, clipped to what its type holds.
    """
    result, top_level = np.empty_like(original), np.iinfo(original.dtype).max
    rows = max(1, _STRIP_PIXELS // original.shape[1])
    for top in range(0, len(original), rows):
        strip = slice(top, top + rows)
        levels = after[strip].astype(np.float32) - original[strip]
        levels *= np.float32(strength)
        levels += original[strip]
        result[strip] = np.clip(np.rint(levels, out=levels), 0, top_level, out=levels)
    return result


def bicubic(original: Pixels, before: Pixels, after: Pixels, strength: float = 1.0) -> Pixels:
    """Add the change, enlarged by bicubic interpolation; see :func:`add_change`."""
    height, width = original.shape[:2]
    small_height, small_width = before.shape[:2]
    result, top_level = np.empty_like(original), np.iinfo(original.dtype).max
    rows = max(1, _STRIP_PIXELS // width)
    for channel in range(original.shape[2]):
        change = (after[:, :, channel].astype(np.float32) - before[:, :, channel]) * np.float32(strength)
        plane = Image.fromarray(change)
        for top in range(0, height, rows):
            bottom = min(height, top + rows)
            box = (0, top * small_height / height, small_width, bottom * small_height / height)
            strip = np.asarray(plane.resize((width, bottom - top), Image.Resampling.BICUBIC, box=box))
            summed = original[top:bottom, :, channel] + strip
            result[top:bottom, :, channel] = np.clip(np.rint(summed, out=summed), 0, top_level, out=summed)
    return result


def guided(original: Pixels, before: Pixels, after: Pixels, strength: float = 1.0) -> Pixels:
    """Add the change as a local affine function of the picture's colour; see :func:`add_change`.

    The guided filter of He, Sun and Tang (PAMI 2013) in its fast form: at the small size, in each window, the change is
    fitted as ``matrix @ colour + constant`` by ridge regression. These twelve numbers, which vary slowly, are what is
    enlarged (bilinear); the colours that they are applied to are those of the full picture, edges and all.
    """
    height, width = original.shape[:2]
    left, right, along = _between(width, before.shape[1])
    _, lower, down = _between(height, before.shape[0])

    def widened(row: "Planes") -> "Planes":
        first: Planes = np.take(row, left, axis=-1)
        return first + (np.take(row, right, axis=-1) - first) * along

    rows = _fitted(before, after, strength)
    at, above = 0, widened(next(rows))
    below, slope = above, np.zeros_like(above)
    result, most = np.empty_like(original), np.iinfo(original.dtype).max + 0.5
    terms, colours, levels = np.empty_like(above), np.empty_like(above[0]), np.empty((3, width), original.dtype)
    for y in range(height):
        while at < lower[y]:
            at, above, below = at + 1, below, widened(next(rows))
            slope = below - above
        np.multiply(slope, down[y], out=terms)
        terms += above
        for channel in range(3):  # one at a time, which is twice as fast as a transposed copy
            colours[channel] = original[y, :, channel]
        terms[:3] *= colours[:, None]
        total = terms.sum(axis=0)
        # Not rounded: the constants are half a level too high, and the conversion cuts off.
        levels[:] = np.clip(total, 0, most, out=total)
        for channel in range(3):
            result[y, :, channel] = levels[channel]
    return result


def _between(size: int, small: int) -> "tuple[NDArray[np.intp], NDArray[np.intp], Planes]":
    """Return, for each of ``size`` pixels, the two of ``small`` that it lies between and how far from the first."""
    position = np.clip((np.arange(size) + 0.5) * small / size - 0.5, 0, small - 1)
    first = np.clip(position.astype(np.intp), 0, max(0, small - 2))
    return first, np.minimum(first + 1, small - 1), (position - first).astype(np.float32)


def _fitted(before: Pixels, after: Pixels, strength: float) -> "Iterator[Planes]":
    """Yield a (4, 3, w) for each row of the small picture, in order.

    Its first three are what each output channel takes of red, green and blue (the picture itself counted in); the
    fourth is the constant.
    """
    height, width = before.shape[:2]
    rows = max(_BAND_ROWS, _BAND_PIXELS // width)
    margin = _FIT_RADIUS + _MEAN_RADIUS
    for top in range(0, height, rows):
        bottom = min(height, top + rows)
        start, end = max(0, top - margin), min(height, bottom + margin)
        coefficients = _fit(before[start:end], after[start:end], strength)
        for row in range(top - start, bottom - start):
            yield coefficients[:, :, row]


def _fit(before: Pixels, after: Pixels, strength: float) -> "Planes":
    """Return the (4, 3, h, w) of :func:`_fitted` for a few rows."""
    middle = np.float32(128)  # of the levels, so that products keep their digits
    level = np.float32(np.iinfo(before.dtype).max / 255)  # the ridges are for levels of 8 bits
    guide = before.transpose(2, 0, 1).astype(np.float32, order="C") / level - middle
    change = after.transpose(2, 0, 1).astype(np.float32, order="C") / level - middle - guide
    change *= np.float32(strength)
    mean, mean_change = _mean(guide, _FIT_RADIUS), _mean(change, _FIT_RADIUS)

    def covariance(i: int, j: int) -> "Planes":
        result: Planes = _mean(guide[i] * guide[j], _FIT_RADIUS) - mean[i] * mean[j]
        return result

    m00, m11, m22 = covariance(0, 0), covariance(1, 1), covariance(2, 2)
    m01, m02, m12 = covariance(0, 1), covariance(0, 2), covariance(1, 2)
    lightness = m00 + m11 + m22 + (m01 + m02 + m12) * 2
    lightness /= 9  # the variance of the mean of the three
    faded: Planes = _LIGHTNESS_RIDGE / (_LIGHTNESS_RIDGE + lightness)
    along: Planes = _LIGHTNESS_RIDGE * faded * faded
    # In every entry, it is a ridge along gray, where all three channels vary together. What is on the diagonal
    # besides is one across it, too, which is why a third is taken off.
    shared: Planes = along - _COLOUR_RIDGE / 3
    own: Planes = shared + _COLOUR_RIDGE
    m00, m11, m22 = m00 + own, m11 + own, m22 + own
    m01, m02, m12 = m01 + shared, m02 + shared, m12 + shared
    target = [_mean(guide[i] * change, _FIT_RADIUS) - mean[i] * mean_change for i in range(3)]
    # Solved by elimination (LDL'), which loses no digits where the three channels are nearly one, as in gray pictures.
    l10, l20 = m01 / m00, m02 / m00
    d1 = m11 - l10 * m01
    rest = m12 - l10 * m02
    l21 = rest / d1
    d2 = m22 - l20 * m02 - l21 * rest
    target[1] -= l10 * target[0]
    target[2] -= l20 * target[0] + l21 * target[1]
    blue = target[2] / d2
    green = target[1] / d1 - l21 * blue
    red = target[0] / m00 - l10 * green - l20 * blue
    constant = mean_change - mean[0] * red - mean[1] * green - mean[2] * blue
    result = _mean(np.stack([red, green, blue, constant]), _MEAN_RADIUS)
    result[3] += np.float32(0.5) / level - middle * result[:3].sum(axis=0)
    result[3] *= level
    for channel in range(3):
        result[channel, channel] += 1
    return result


def _mean(planes: "Planes", radius: int) -> "Planes":
    """Return the mean over the square window around each place, or over what of it lies within the (..., h, w)."""
    height, width = planes.shape[-2:]
    rows, columns = (_summed(np.ones((side, 1), np.float32), radius) for side in (height, width))
    shares = 1 / (rows * columns.T)
    means = np.empty(planes.shape, np.float32)
    for plane, mean in zip(planes.reshape(-1, height, width), means.reshape(-1, height, width), strict=True):
        np.multiply(_summed(_summed(plane, radius).T, radius).T, shares, out=mean)  # one at a time fits the cache
    return means


def _summed(plane: "Planes", radius: int) -> "Planes":
    """Return the sums over the 2 * radius + 1 rows around each, of those that are there."""
    height = len(plane)
    span = np.zeros_like(plane, shape=(height + 2 * radius, plane.shape[1]))  # sums over 1, then 2, 4, ... rows
    span[radius : radius + height] = plane
    sums, done, length = np.zeros_like(plane), 0, 1
    while length <= 2 * radius + 1:
        if (2 * radius + 1) & length:
            sums += span[done : done + height]
            done += length
        span = span[:-length] + span[length:]
        length *= 2
    return sums
