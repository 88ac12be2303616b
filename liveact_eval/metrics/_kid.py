"""Kernel Inception Distance: unbiased squared MMD with a cubic kernel, (x.y / D + 1)^3. Usually shown times 1000.

`kid_subsets` is the official estimate over random subsets; `KernelBlocks` holds kernel sums between videos, from which
the estimate over all pairs, which needs no seed, and any bootstrap over videos follow without the features.
Source: Binkowski et al., ICLR 2018; subsets and order of drawing as in clean-fid.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liveact_eval.errors import UserError

Floats = NDArray[np.float64]
Features = NDArray[np.floating[Any]]

SUBSETS = 100
SUBSET_SIZE = 1000
_CHUNK = 1024
"""Rows of a kernel that are held at once."""


def kid_subsets(
    real: Features, generated: Features, *, seed: int, subsets: int = SUBSETS, size: int = SUBSET_SIZE
) -> float:
    """Mean over random subsets of min(size, len(real), len(generated)) samples, drawn without replacement.

    The stream is NumPy's legacy generator; each subset is drawn from `generated` first, then from `real`. Where a
    subset is the whole of both sets, the value does not depend on the seed.

    Args:
        real: (N, D).
        generated: (M, D).
        seed: of the legacy generator, as after `numpy.random.seed(seed)`.
        subsets: how many.
        size: largest size of a subset.

    Raises:
        UserError: a set of fewer than two samples, or of another dimension than the other.
    """
    _check(real, generated)
    count = min(size, len(real), len(generated))
    stream = np.random.RandomState(seed)
    drawn = [(stream.choice(len(generated), count, replace=False), stream.choice(len(real), count, replace=False))
             for _ in range(subsets)]  # fmt: skip
    if len(real) * len(generated) > subsets * count**2:
        return float(
            np.mean([kid_full(real[of_real], generated[of_generated]) for of_generated, of_real in drawn])
        )
    # Subsets overlap: the kernel of all samples, made once, is then less work than that of each subset.
    x, y = real.astype(np.float64), generated.astype(np.float64)
    v, w = np.zeros((subsets, len(x))), np.zeros((subsets, len(y)))
    for row, (of_generated, of_real) in enumerate(drawn):
        v[row, of_real] = w[row, of_generated] = 1
    within = _weighted(x, x, v, v) - v @ _selves(x) + _weighted(y, y, w, w) - w @ _selves(y)
    return float((within / (count * (count - 1)) - 2 * _weighted(x, y, v, w) / count**2).mean())


def kid_full(real: Features, generated: Features) -> float:
    """The unbiased estimate over all pairs of samples, of (N, D) and (M, D); it may be slightly negative.

    Raises:
        UserError: a set of fewer than two samples, or of another dimension than the other.
    """
    return float(kernel_blocks([real], [generated]).values()[0])


@dataclass(frozen=True, eq=False)
class KernelBlocks:
    """Sums of the kernel over all pairs of samples of two videos: V real and W generated ones."""

    real: Floats
    """(V, V)."""
    generated: Floats
    """(W, W)."""
    across: Floats
    """(V, W)."""
    real_selves: Floats
    """(V,) kernel of each sample with itself, summed; unbiased estimates leave these pairs out."""
    generated_selves: Floats
    """(W,)."""
    real_counts: Floats
    """(V,) samples of each video."""
    generated_counts: Floats
    """(W,)."""

    def values(self, real_weights: Floats | None = None, generated_weights: Floats | None = None) -> Floats:
        """Squared MMD of bootstrap samples (or subsets) of videos.

        A sample beside a copy of itself, from a video that was drawn twice, is left out like any sample beside
        itself; otherwise the estimate would be biased by the drawing.

        Args:
            real_weights: (B, V) how often each real video is taken; `None`: once each, B = 1.
            generated_weights: (B, W) the same for the generated ones.

        Returns:
            (B,); NaN where fewer than two different samples are left on a side.
        """
        v = np.ones((1, len(self.real))) if real_weights is None else real_weights
        w = np.ones((1, len(self.generated))) if generated_weights is None else generated_weights
        within = _within(self.real, self.real_selves, self.real_counts, v)
        within = within + _within(self.generated, self.generated_selves, self.generated_counts, w)
        between = ((v @ self.across) * w).sum(axis=1) / ((v @ self.real_counts) * (w @ self.generated_counts))
        found: Floats = within - 2 * between
        return found


def kernel_blocks(real: Sequence[Features], generated: Sequence[Features]) -> KernelBlocks:
    """Kernel sums between all videos, in float64, a few thousand rows of the kernel at a time.

    Args:
        real: features of each real video, (n, D).
        generated: features of each generated video, (m, D).

    Raises:
        UserError: fewer than two samples on a side, or sets of different dimensions.
    """
    x, y = (np.concatenate([video.astype(np.float64) for video in videos]) for videos in (real, generated))
    _check(x, y)
    starts_x, starts_y = _starts(real), _starts(generated)
    return KernelBlocks(
        real=_sums(x, x, starts_x, starts_x),
        generated=_sums(y, y, starts_y, starts_y),
        across=_sums(x, y, starts_x, starts_y),
        real_selves=np.add.reduceat(_selves(x), starts_x),
        generated_selves=np.add.reduceat(_selves(y), starts_y),
        real_counts=np.array([len(video) for video in real], dtype=np.float64),
        generated_counts=np.array([len(video) for video in generated], dtype=np.float64),
    )


def _within(blocks: Floats, selves: Floats, counts: Floats, weights: Floats) -> Floats:
    """Mean of the kernel over pairs of different samples of one side, (B,)."""
    squared = np.square(weights)
    pairs = np.square(weights @ counts) - squared @ counts
    total = ((weights @ blocks) * weights).sum(axis=1) - squared @ selves
    mean: Floats = np.divide(total, pairs, out=np.full_like(total, np.nan), where=pairs > 0)
    return mean


def _sums(x: Floats, y: Floats, starts_x: NDArray[np.int64], starts_y: NDArray[np.int64]) -> Floats:
    """Sums of the kernel by video of x and video of y."""
    sums = np.zeros((len(starts_x), len(starts_y)))
    for first, kernel in _kernel(x, y):
        owner = np.searchsorted(starts_x, np.arange(first, first + len(kernel)), side="right") - 1
        np.add.at(sums, owner, np.add.reduceat(kernel, starts_y, axis=1))
    return sums


def _weighted(x: Floats, y: Floats, v: Floats, w: Floats) -> Floats:
    """Sums of the kernel over pairs of samples, weighted: (B, N) and (B, M) to (B,)."""
    totals = np.zeros(len(v))
    for first, kernel in _kernel(x, y):
        totals += ((v[:, first : first + len(kernel)] @ kernel) * w).sum(axis=1)
    return totals


def _kernel(x: Floats, y: Floats) -> Iterator[tuple[int, Floats]]:
    """Rows of the kernel, some at a time, each time with the index of the first."""
    for first in range(0, len(x), _CHUNK):
        base = x[first : first + _CHUNK] @ y.T
        base /= x.shape[1]
        base += 1
        # base**3 would go through a general power, which costs more than the product above.
        yield first, base * base * base


def _selves(x: Floats) -> Floats:
    selves: Floats = ((x * x).sum(axis=1) / x.shape[1] + 1) ** 3
    return selves


def _starts(videos: Sequence[Features]) -> NDArray[np.int64]:
    counts = np.array([len(video) for video in videos], dtype=np.int64)
    if not counts.all():
        raise UserError(f"{int((counts == 0).sum())} of {len(counts)} videos have no features; expected at least one "
                        "each. Leave those videos out.")  # fmt: skip
    return np.concatenate([[0], np.cumsum(counts)[:-1]])


def _check(real: Features, generated: Features) -> None:
    if min(len(real), len(generated)) < 2:
        raise UserError(f"KID of {len(real)} real and {len(generated)} generated samples; expected at least 2 of each. "
                        "Give more or longer videos.")  # fmt: skip
    if real.shape[1] != generated.shape[1]:
        raise UserError(f"KID of features of {real.shape[1]} and {generated.shape[1]} dimensions; expected the same. "
                        "Take both from one network.")  # fmt: skip
