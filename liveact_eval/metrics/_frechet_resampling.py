"""Fréchet distances of many samples of videos, for intervals, floors and extrapolation, at little cost each.

Videos are drawn, not frames: frames of one video are alike. All that a drawing needs is laid out once per video. With
few samples that is the products between roots of videos, and a drawing costs the singular values of a table of its
samples. With many it is second moments in a fixed basis of the joint span, and a drawing costs two small eigenproblems.
Where the basis is cut to `rank` directions, means and traces stay exact; of the cross term, the part outside the basis
is scaled from that of the whole sets, which makes the value of the whole sets exact again.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from liveact_eval.errors import UserError
from liveact_eval.metrics._frechet import GaussianStatistics, cross_trace, merge

Floats = NDArray[np.float64]

RANK = 400
"""Directions of the basis, at most: all those of the logits of I3D. A side takes RANK^2 numbers for each video."""
_ROWS_PER_DIRECTION = 2
"""Up to that many rows per direction the table of samples is the cheaper way."""
_BLOCK = 16
"""Drawings whose moments are held at once."""


class FrechetResampler:
    """Distances between weighted sets of videos.

    Args:
        real: statistics of each of V videos.
        generated: statistics of each of W videos.
        rank: directions of the basis, at most, where there are many samples. All of them make every value exact.

    Raises:
        UserError: fewer than two samples on a side.
    """

    def __init__(
        self,
        real: Sequence[GaussianStatistics],
        generated: Sequence[GaussianStatistics],
        *,
        rank: int = RANK,
    ) -> None:
        whole = merge(real), merge(generated)
        if min(statistics.n for statistics in whole) < 2:
            raise UserError(f"Fréchet distances of {whole[0].n} real and {whole[1].n} generated samples; expected at "
                            "least 2 of each. Give more or longer videos.")  # fmt: skip
        self._centre = (whole[0].mean + whole[1].mean) / 2
        self._sides = tuple(_Side(videos, self._centre) for videos in (real, generated))
        directions = min(rank, len(self._centre))
        self.kept = 1.0
        """Share of the variance that lies in the basis; 1 where every value is exact."""
        self._table: Floats | None = None
        self._moments: tuple[Floats, ...] = ()
        self._outside = 0.0
        if min(len(side.owner) for side in self._sides) <= _ROWS_PER_DIRECTION * directions:
            self._table = self._sides[0].rows() @ self._sides[1].rows().T
        else:
            self._lay_out(whole, directions)

    def values(self, real_weights: Floats | None = None, generated_weights: Floats | None = None) -> Floats:
        """Distances of bootstrap samples (or subsets) of videos.

        Args:
            real_weights: (B, V) how often each real video is taken; `None`: once each, B = 1.
            generated_weights: (B, W) the same for the generated ones.

        Returns:
            (B,); NaN where fewer than two samples are taken on a side.
        """
        drawn = [
            np.ones((1, len(side.counts))) if weights is None else np.asarray(weights, dtype=np.float64)
            for side, weights in zip(self._sides, (real_weights, generated_weights), strict=True)
        ]
        summaries = [side.summary(weights) for side, weights in zip(self._sides, drawn, strict=True)]
        apart = np.square(summaries[0][0] - summaries[1][0]).sum(axis=1)
        traces = [trace for _, trace in summaries]
        across = np.full(len(apart), np.nan)
        wanted = np.flatnonzero(np.isfinite(traces[0] + traces[1]))
        for first in range(0, len(wanted), _BLOCK):
            chosen = wanted[first : first + _BLOCK]
            across[chosen] = self._across([weights[chosen] for weights in drawn], [t[chosen] for t in traces])
        found: Floats = apart + traces[0] + traces[1] - 2 * across
        return found

    def _across(self, drawn: list[Floats], traces: list[Floats]) -> Floats:
        if self._table is not None:
            return np.array([self._from_table(v, w) for v, w in zip(*drawn, strict=True)])
        covariances = [
            side.covariances(moments, weights)
            for side, moments, weights in zip(self._sides, self._moments, drawn, strict=True)
        ]
        inside = np.array([_cross(x, y) for x, y in zip(*covariances, strict=True)])
        # Cancellation may leave a tiny negative trace outside the basis.
        left = [np.maximum(trace - np.trace(covariance, axis1=1, axis2=2), 0)
                for trace, covariance in zip(traces, covariances, strict=True)]  # fmt: skip
        found: Floats = inside + self._outside * np.sqrt(left[0] * left[1])
        return found

    def _from_table(self, v: Floats, w: Floats) -> float:
        assert self._table is not None
        left, right = (side.scaling(weights) for side, weights in zip(self._sides, (v, w), strict=True))
        table = right.apply(left.apply(self._table).T)
        if table.shape[0] > table.shape[1]:
            table = table.T
        singular = np.linalg.svd(table, compute_uv=False)
        return float(singular.sum()) / float(np.sqrt(left.freedom * right.freedom))

    def _lay_out(self, whole: tuple[GaussianStatistics, GaussianStatistics], directions: int) -> None:
        spread = np.zeros((len(self._centre), len(self._centre)))
        for statistics in whole:
            shift = (statistics.mean - self._centre)[:, None]
            spread += statistics.root.T @ statistics.root + statistics.n * (shift @ shift.T)
        variances, basis = np.linalg.eigh(spread)
        basis = basis[:, len(variances) - directions :]
        self.kept = float(variances[-directions:].sum() / variances.sum()) if variances.any() else 1.0
        self._moments = tuple(side.moments(basis) for side in self._sides)
        everything = [np.ones((1, len(side.counts))) for side in self._sides]
        traces = [np.array([statistics.trace]) for statistics in whole]
        inside = float(self._across(everything, traces)[0])
        covariances = [
            side.covariances(moments, weights)
            for side, moments, weights in zip(self._sides, self._moments, everything, strict=True)
        ]
        left = [float(trace[0] - np.trace(c[0])) for trace, c in zip(traces, covariances, strict=True)]
        if directions < len(self._centre) and min(left) > 0:
            self._outside = (cross_trace(*whole) - inside) / float(np.sqrt(left[0] * left[1]))


class _Scaling:
    """What a drawing does to the rows of one side."""

    def __init__(
        self, weights: Floats, counts: Floats, owner: NDArray[np.int64], is_mean: NDArray[np.bool_]
    ) -> None:
        total = float(weights @ counts)
        self.freedom = total - 1
        self._taken = weights[owner] > 0
        self._means = is_mean
        self._shares = weights * counts / total
        factors = np.where(is_mean, np.sqrt(weights * counts)[owner], np.sqrt(weights)[owner])
        self._factors = factors[self._taken]

    def apply(self, table: Floats) -> Floats:
        """Rows that are taken, the means centred, each times the root of its weight."""
        shift = self._shares @ table[self._means]
        rows = table[self._taken]
        rows[self._means[self._taken]] -= shift
        rows *= self._factors[:, None]
        return rows


class _Side:
    """One set of videos, laid out: rows of each video's root, and its mean from the common centre."""

    def __init__(self, videos: Sequence[GaussianStatistics], centre: Floats) -> None:
        self.counts = np.array([video.n for video in videos], dtype=np.float64)
        self._means = np.stack([video.mean - centre for video in videos])
        self._roots = [video.root for video in videos]
        self._inner = np.array([np.square(root).sum() for root in self._roots])
        rows = [len(root) + 1 for root in self._roots]
        self.owner = np.repeat(np.arange(len(videos)), rows)
        self._is_mean = np.zeros(len(self.owner), dtype=bool)
        self._is_mean[np.cumsum(rows) - 1] = True

    def rows(self) -> Floats:
        """(rows, D): the root of each video, and then its mean."""
        return np.concatenate(
            [part for root, mean in zip(self._roots, self._means, strict=True) for part in (root, mean[None])]
        )

    def scaling(self, weights: Floats) -> _Scaling:
        """The drawing with weights (V,)."""
        return _Scaling(weights, self.counts, self.owner, self._is_mean)

    def moments(self, basis: Floats) -> Floats:
        """(V, r, r) second moments of each video about the centre, in a basis (D, r)."""
        made = np.empty((len(self.counts), basis.shape[1], basis.shape[1]))
        for out, root, mean, n in zip(made, self._roots, self._means, self.counts, strict=True):
            inside, shift = root @ basis, (mean @ basis)[None]
            out[:] = inside.T @ inside + n * (shift.T @ shift)
        self._means_inside = self._means @ basis
        return made

    def summary(self, weights: Floats) -> tuple[Floats, Floats]:
        """Means from the centre (B, D) and traces of covariances (B,); NaN for fewer than two samples."""
        totals = weights @ self.counts
        enough = np.where(totals >= 2, totals, np.nan)
        means = (weights * self.counts) @ self._means / enough[:, None]
        second = weights @ (self._inner + self.counts * np.square(self._means).sum(axis=1))
        return means, (second - totals * np.square(means).sum(axis=1)) / (enough - 1)

    def covariances(self, moments: Floats, weights: Floats) -> Floats:
        """(B, r, r) unbiased covariances in the basis of the moments."""
        totals = weights @ self.counts
        shape = moments.shape[1:]
        made = (weights @ moments.reshape(len(moments), -1)).reshape(-1, *shape)
        means = (weights * self.counts) @ self._means_inside / totals[:, None]
        made -= totals[:, None, None] * means[:, :, None] * means[:, None, :]
        made /= (totals - 1)[:, None, None]
        covariances: Floats = made
        return covariances


def _cross(x: Floats, y: Floats) -> float:
    """Trace of the root of the product of two covariances, through a symmetric matrix of the same eigenvalues."""
    variances, vectors = np.linalg.eigh(x)
    root = vectors * np.sqrt(np.maximum(variances, 0))
    return float(np.sqrt(np.maximum(np.linalg.eigvalsh(root.T @ y @ root), 0)).sum())
