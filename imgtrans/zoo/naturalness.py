"""How natural what a network made of a photograph looks: nothing flat, burnt out or gridded, its structure kept."""

import math
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_END = 0.01  # of the range: what is nearer to its ends is burnt out
_BEYOND = 0.02  # of the range: what is outside by so much is no rounding
_PERIOD = 4  # pixels of the finest grid that two doublings leave


@dataclass(frozen=True)
class Naturalness:
    """What can be told of a picture by the one that it was made of.

    Attributes:
        outside: The share of its values that lie outside the range.
        saturated: The share of its values at the ends of the range, beyond that of the original.
        contrast: The deviation of its luminance, as a multiple of the original's.
        structure: How far its edges are where the original's are, from 0 to 1.
        grid: The share of its finest detail that repeats every four pixels, beyond that of the original.
        noise: How much more fine detail it has than the original, in doublings; less than 0 where it is blurred.
    """

    outside: float
    saturated: float
    contrast: float
    structure: float
    grid: float
    noise: float

    @property
    def score(self) -> float:
        """How natural it is altogether: 1 for the photograph itself, 0 and less for nothing like one."""
        blur, noise = max(0.0, -self.noise), max(0.0, self.noise)
        contrast = abs(math.log2(max(self.contrast, 0.01)))
        faults = self.outside + self.saturated + min(1.0, 4 * self.grid) + 0.4 * blur + 0.05 * noise + 0.15 * contrast
        return self.structure - faults

    def doubts(self) -> list[str]:
        """Return what speaks against it, each as a part of a sentence."""
        return [
            *([f"{self.outside:.0%} of the values lie outside the range"] if self.outside > 0.02 else []),
            *([f"{self.saturated:.0%} more than before are at its ends"] if self.saturated > 0.35 else []),
            *(["it is almost flat"] if self.contrast < 0.15 else []),
            *(["little is left of the picture's structure"] if self.structure < 0.25 else []),
            *(["there is a grid all over it"] if self.grid > 0.15 else []),
        ]


def naturalness(before: Floats, after: Floats) -> Naturalness:
    """Compare a photograph with what was made of it, both (H, W, 3) with a range from 0 to 1."""
    clipped = after.clip(0, 1)
    bright, made = before @ _LUMA, clipped @ _LUMA
    fine_before, fine = _fine(bright), _fine(made)
    return Naturalness(
        outside=float(((after < -_BEYOND) | (after > 1 + _BEYOND)).mean()),
        saturated=max(0.0, _burnt(clipped) - _burnt(before)),
        contrast=float(made.std() / max(bright.std(), 1e-6)),
        structure=max(0.0, _correlation(_edges(bright), _edges(made))),
        grid=max(0.0, _repeated(fine) - _repeated(fine_before)),
        noise=math.log2(_share(fine, made) / _share(fine_before, bright)),
    )


def mean(several: list[Naturalness]) -> Naturalness:
    """Return the mean of each figure over several pictures."""
    return Naturalness(
        **{field.name: sum(getattr(one, field.name) for one in several) / len(several) for field in fields(Naturalness)}
    )


def _burnt(picture: Floats) -> float:
    return float(((picture < _END) | (picture > 1 - _END)).mean())


def _pooled(luminance: Floats, side: int) -> Floats:
    height, width = (length // side * side for length in luminance.shape)
    blocks = luminance[:height, :width].reshape(height // side, side, width // side, side)
    pooled: Floats = blocks.mean(axis=(1, 3))
    return pooled


def _edges(luminance: Floats) -> Floats:
    """Return the strength of edges between groups of 2x2 pixels."""
    down, right = np.gradient(_pooled(luminance, 2))
    edges: Floats = np.hypot(down, right)
    return edges


def _fine(luminance: Floats) -> Floats:
    """Return what differs from the mean of each group of 4x4 pixels."""
    pooled = _pooled(luminance, _PERIOD)
    height, width = (_PERIOD * side for side in pooled.shape)
    fine: Floats = luminance[:height, :width] - pooled.repeat(_PERIOD, axis=0).repeat(_PERIOD, axis=1)
    return fine


def _repeated(fine: Floats) -> float:
    """Return the share of the variance that is the same in all groups."""
    height, width = (side // _PERIOD for side in fine.shape)
    cell = fine.reshape(height, _PERIOD, width, _PERIOD).mean(axis=(0, 2))
    return float(cell.var() / max(fine.var(), 1e-9))


def _share(fine: Floats, luminance: Floats) -> float:
    return max(float(fine.std()), 1e-4) / max(float(luminance.std()), 1e-3)


def _correlation(a: Floats, b: Floats) -> float:
    if min(a.std(), b.std()) < 1e-6:
        return 0.0
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])
