"""The kernel inception distance, with an interval: how far two sets of features are apart, without bias."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imgtrans.quality.extractor import Floats

Doubles = NDArray[np.float64]

HALVES = 1000
LEVEL = 0.95


@dataclass(frozen=True)
class Estimate:
    """A number, and the interval in which it is with a probability of 95 %."""

    value: float
    low: float
    high: float


def kid(fake: Floats, real: Floats, seed: int = 0, halves: int = HALVES) -> Estimate:
    """Return the squared maximum mean discrepancy of two sets, with the kernel ``(x·y / D + 1)³``.

    Source: Bińkowski et al., ICLR 2018. The estimate is the unbiased one over all pairs, so it is zero on average where
    both sets are drawn from the same, and may then be negative. The interval is that between the 2.5th and the
    97.5th percentile of the estimates of random halves of both sets: a half of n differs from the whole about as
    the whole differs from all pictures there could be (the delete-half jackknife); near zero it is too
    wide, by up to a factor of 1.7, not too narrow.

    Args:
        fake: Features (N, D).
        real: Features (M, D).
        seed: Of the halves.
        halves: How many of them are drawn.
    """
    x, y = fake.astype(np.float64), real.astype(np.float64)
    draw = np.random.default_rng(seed)
    halves_x, halves_y = _halves(len(x), halves, draw), _halves(len(y), halves, draw)
    whole = 0.0
    parts = np.zeros(halves)
    # One matrix at a time is held: of 5,000 pictures it has 200 MB.
    for a, b, in_a, in_b, same in (
        (x, x, halves_x, halves_x, True), (y, y, halves_y, halves_y, True), (x, y, halves_x, halves_y, False),
    ):  # fmt: skip
        kernel = _polynomial(a, b)
        if same:
            np.fill_diagonal(kernel, 0.0)
        weight = 1.0 if same else -2.0
        whole += weight * float(kernel.sum()) / _pairs(len(a), len(b), same)
        sums = np.einsum("si,si->s", in_a @ kernel, in_b)
        parts += weight * sums / _pairs(len(a) // 2, len(b) // 2, same)
    edge = 100 * (1 - LEVEL) / 2
    low, high = np.percentile(parts, [edge, 100 - edge])
    return Estimate(whole, float(low), float(high))


def _polynomial(a: Doubles, b: Doubles) -> Doubles:
    kernel = a @ b.T
    kernel /= a.shape[1]
    kernel += 1.0
    result: Doubles = kernel**3
    return result


def _halves(count: int, halves: int, draw: np.random.Generator) -> Doubles:
    """Return (halves, count): 1 for what is in a random half, else 0."""
    order = draw.random((halves, count)).argsort(axis=1)
    result: Doubles = (order < count // 2).astype(np.float64)
    return result


def _pairs(count: int, others: int, same: bool) -> int:
    return count * (count - 1) if same else count * others
