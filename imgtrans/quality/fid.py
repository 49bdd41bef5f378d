"""The Fréchet inception distance: two sets of features as two Gaussians, and how far these are apart."""

import numpy as np
from numpy.typing import NDArray

from imgtrans.quality.extractor import Floats


def fid(fake: Floats, real: Floats) -> float:
    """Return the Fréchet distance of two sets of features, (N, D) and (M, D).

    Source: Heusel et al., NeurIPS 2017. The trace of the root of the product of both covariances is the sum of the
    singular values of ``X Yᵀ``, where X and Y are the centred features: so no root of a nearly singular matrix is
    taken, and of few pictures it costs little. It is biased: the fewer pictures, the larger.
    """
    x, y = fake.astype(np.float64), real.astype(np.float64)
    mean_x, mean_y = x.mean(0), y.mean(0)
    x, y = (x - mean_x) / np.sqrt(len(x) - 1), (y - mean_y) / np.sqrt(len(y) - 1)
    traces = float((x**2).sum() + (y**2).sum())
    shared = float(np.linalg.svd(_reduced(x) @ _reduced(y).T, compute_uv=False).sum())
    return float(((mean_x - mean_y) ** 2).sum()) + traces - 2 * shared


def _reduced(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a matrix with no more rows than columns that has the same ``xᵀx``."""
    if len(x) <= x.shape[1]:
        return x
    reduced: NDArray[np.float64] = np.asarray(np.linalg.qr(x, mode="r"))
    return reduced
