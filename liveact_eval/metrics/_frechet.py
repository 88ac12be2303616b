"""The Fréchet distance of two sets of features, from statistics that merge exactly and stay small.

A set is kept as its count, its mean and a root R of its scatter matrix: R^T R is the sum over samples of
(x - mean)(x - mean)^T. The root has n - 1 rows, and never more than D, so that ten samples of 2048 numbers take nine
rows and not four million numbers. The trace of the root of the product of two covariances is the sum of the singular
values of R_x R_y^T: exact for singular covariances, never complex, and no matrix is squared.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liveact_eval.errors import UserError

Floats = NDArray[np.float64]
Features = NDArray[np.floating[Any]]

_FORMAT = 1.0
_HEADER = 4


@dataclass(frozen=True, eq=False)
class GaussianStatistics:
    """What a set of feature vectors of D numbers contributes to a Fréchet distance, float64."""

    n: int
    """Samples; at least 1."""
    mean: Floats
    """(D,)."""
    root: Floats
    """(r, D) with root^T root = scatter matrix, r = min(n - 1, D); an upper triangle where r = D."""

    @property
    def trace(self) -> float:
        """Trace of the unbiased covariance.

        Raises:
            UserError: fewer than two samples.
        """
        _refuse_single(self.n)
        return float(np.square(self.root).sum()) / (self.n - 1)

    def to_vector(self) -> Floats:
        """Everything in one flat vector: [format, n, D, r, mean, root], of a full root the upper triangle only."""
        rows, dimensions = self.root.shape
        packed = self.root[np.triu_indices(dimensions)] if rows == dimensions else self.root.ravel()
        return np.concatenate([[_FORMAT, self.n, dimensions, rows], self.mean, packed])

    @classmethod
    def from_vector(cls, vector: Floats) -> GaussianStatistics:
        """The statistics that `to_vector` has flattened.

        Raises:
            ValueError: another format, or a vector that was cut short.
        """
        if len(vector) < _HEADER or vector[0] != _FORMAT:
            found = vector[0] if len(vector) else "nothing"
            raise ValueError(f"statistics begin with {found}, expected format {_FORMAT:g}; compute them anew")
        n, dimensions, rows = (int(value) for value in vector[1:_HEADER])
        full = rows == dimensions
        size = dimensions * (dimensions + 1) // 2 if full else rows * dimensions
        if len(vector) != _HEADER + dimensions + size:
            expected = _HEADER + dimensions + size
            raise ValueError(f"statistics of {len(vector)} numbers, expected {expected}; compute them anew")
        packed = vector[_HEADER + dimensions :]
        root = np.zeros((rows, dimensions))
        if full:
            root[np.triu_indices(dimensions)] = packed
        else:
            root[:] = packed.reshape(rows, dimensions)
        return cls(n, vector[_HEADER : _HEADER + dimensions].copy(), root)


def summarise(features: Features) -> GaussianStatistics:
    """Statistics of samples (n, D), n of at least 1.

    Raises:
        ValueError: no sample, or not a table.
        UserError: a feature is not finite.
    """
    if features.ndim != 2 or not features.shape[0] or not features.shape[1]:
        raise ValueError(
            f"features of shape {features.shape}, expected (samples, dimensions), none of them 0"
        )
    if not np.isfinite(features).all():
        bad = int((~np.isfinite(features)).any(axis=1).sum())
        raise UserError(f"{bad} of {len(features)} feature vectors are not finite, expected none: the network or "
                        "its weights are broken, or half precision overflows. Try float32.")  # fmt: skip
    rows = features.astype(np.float64)
    mean = rows.mean(axis=0)
    rows -= mean
    count, dimensions = rows.shape
    return GaussianStatistics(count, mean, _compressed(rows) if count > dimensions else _contrasts(rows))


def merge(parts: Iterable[GaussianStatistics]) -> GaussianStatistics:
    """Statistics of the union: exact, associative and commutative to rounding, in one pass over the parts.

    Holds at most 3 D rows of D numbers besides the part at hand.

    Raises:
        ValueError: no part, or parts of different dimensions.
    """
    n, mean, rows, pending = 0, np.zeros(0), 0, list[Floats]()
    for part in parts:
        dimensions = len(part.mean)
        if n and dimensions != len(mean):
            raise ValueError(
                f"statistics of {dimensions} dimensions, expected {len(mean)} as in the first part"
            )
        if n:
            step = part.mean - mean
            pending.append(np.sqrt(n * part.n / (n + part.n)) * step[None])
            mean = mean + step * (part.n / (n + part.n))
        else:
            mean = part.mean
        n += part.n
        pending.append(part.root)
        rows += len(part.root) + 1
        if rows > 3 * dimensions:
            pending = [_compressed(np.concatenate(pending))]
            rows = len(pending[0])
    if not n:
        raise ValueError("no statistics to merge, expected at least one")
    if len(pending) == 1:
        return GaussianStatistics(n, mean, pending[0])
    root = np.concatenate(pending)
    return GaussianStatistics(n, mean, _compressed(root) if len(root) >= root.shape[1] else root)


def accumulate(blocks: Iterable[Features]) -> GaussianStatistics:
    """Statistics of a long sequence of feature tables (n, D), in bounded memory."""
    return merge(summarise(block) for block in blocks)


def distance(real: GaussianStatistics, generated: GaussianStatistics) -> float:
    """Squared Fréchet distance of the two Gaussians, from 0; equal sets may give -1e-10 by rounding.

    Heusel et al., NeurIPS 2017, eq. 6; covariances divided by n - 1.

    Raises:
        UserError: a set of fewer than two samples: its covariance is undefined.
        ValueError: sets of different dimensions.
    """
    if len(real.mean) != len(generated.mean):
        raise ValueError(
            f"features of {len(generated.mean)} dimensions against {len(real.mean)}, expected the same"
        )
    traces = real.trace + generated.trace
    apart = float(np.square(real.mean - generated.mean).sum())
    return apart + traces - 2 * cross_trace(real, generated)


def cross_trace(x: GaussianStatistics, y: GaussianStatistics) -> float:
    """Trace of the square root of the product of both covariances."""
    singular = (
        np.linalg.svd(x.root @ y.root.T, compute_uv=False) if len(x.root) and len(y.root) else np.zeros(0)
    )
    return float(singular.sum()) / float(np.sqrt((x.n - 1) * (y.n - 1)))


def _compressed(rows: Floats) -> Floats:
    """The triangular root of the same scatter matrix, (D, D), for at least D rows."""
    return np.asarray(np.linalg.qr(rows, mode="r"), dtype=np.float64)


def _contrasts(centred: Floats) -> Floats:
    """n - 1 rows of the same scatter matrix as n centred rows: each sample against the mean of those before."""
    count = np.arange(1, len(centred), dtype=np.float64)[:, None]
    before = np.cumsum(centred, axis=0)[:-1]
    root: Floats = (before - count * centred[1:]) / np.sqrt(count * (count + 1))
    # As many rows as dimensions: triangular, so that every full root is.
    return _compressed(root) if len(root) == root.shape[1] else root


def _refuse_single(n: int) -> None:
    if n < 2:
        raise UserError(f"A Fréchet distance of a set with {n} sample; expected at least 2, for its covariance is "
                        "undefined. Give more or longer videos.")  # fmt: skip
