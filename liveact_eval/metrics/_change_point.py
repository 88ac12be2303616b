"""One change in the mean of a curve: where it is most likely, how large it is, and whether chance explains it.

Method: the curve is averaged over blocks; for every cut the two means are compared by the CUSUM statistic
|S_k| sqrt(n / (k (n - k))) / s, S_k the sum of the first k deviations from the mean, s the standard deviation; the cut
with the largest value is the change. Its p-value is the share of random orders of the blocks whose largest value is as
large, by a seeded generator. Blocks, not frames, are put in random order, as neighbouring frames resemble each other.
A steady slope has a significant change too: read the change beside the slope.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BLOCK_S = 1.0
"""Length of a block in seconds; clips shorter than `FEWEST_BLOCKS` of them have that many shorter ones."""
FEWEST_BLOCKS = 20
"""Blocks that even a short clip is divided into, as long as it has as many frames."""
LEAST_BLOCKS = 8
"""Below this number of measured blocks no change is looked for."""
ORDERS = 999
"""Random orders; the least p-value is 1 / (ORDERS + 1)."""

_MARGIN = 2
_AT_ONCE = 64


@dataclass(frozen=True, kw_only=True)
class ChangePoint:
    """The most likely change of one curve."""

    at_s: float
    """When the second part begins, in seconds from the first frame."""
    before: float
    """Mean up to then."""
    after: float
    """Mean from then on."""
    p_value: float
    """Share of random orders that show a change as large, 0.001..1."""


def block_means(curve: NDArray[np.floating], fps: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Means of the measured frames of each block, and when each block begins in seconds; NaN: none was measured.

    Args:
        curve: (T,) one value per frame; NaN where it was not measured.
        fps: frames per second.
    """
    frames = len(curve)
    if not frames:
        return np.zeros(0), np.zeros(0)
    blocks = min(frames, max(FEWEST_BLOCKS, round(frames / fps / BLOCK_S)))
    edges = np.arange(blocks) * frames // blocks
    measured = np.isfinite(curve)
    totals = np.add.reduceat(np.where(measured, curve, 0.0).astype(np.float64), edges)
    counts = np.add.reduceat(measured.astype(np.int64), edges)
    means: NDArray[np.float64] = np.divide(totals, counts, out=np.full(blocks, np.nan), where=counts > 0)
    return means, edges / fps


def find_change(
    curve: NDArray[np.floating], fps: float, *, seed: int = 0, orders: int = ORDERS
) -> ChangePoint | None:
    """The most likely change in the mean; `None` where fewer than `LEAST_BLOCKS` blocks were measured.

    Args:
        curve: (T,) one value per frame; NaN where it was not measured.
        fps: frames per second.
        seed: of the random orders.
        orders: how many of them.
    """
    means, starts = block_means(curve, fps)
    measured = np.isfinite(means)
    values, starts = means[measured], starts[measured]
    if len(values) < LEAST_BLOCKS:
        return None
    strength = _strengths(values[None])[0]
    cut = int(strength.argmax()) + _MARGIN
    largest = strength.max()
    generator = np.random.default_rng(seed)
    reached = 0
    for done in range(0, orders, _AT_ONCE):
        rows = np.broadcast_to(values, (min(_AT_ONCE, orders - done), len(values)))
        shuffled = generator.permuted(rows, axis=1)
        # Rounding must not make another order of the same values look smaller than its equal.
        reached += int((_strengths(shuffled).max(axis=1) >= largest * (1 - 1e-9)).sum())
    return ChangePoint(
        at_s=float(starts[cut]),
        before=float(values[:cut].mean()),
        after=float(values[cut:].mean()),
        p_value=(1 + reached) / (orders + 1),
    )


def _strengths(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """The statistic of every cut of every row, (R, n) to (R, n - 3): at least two blocks lie on either side."""
    n = rows.shape[1]
    spread = rows.std(axis=1, keepdims=True)
    sums = np.cumsum(rows - rows.mean(axis=1, keepdims=True), axis=1)[:, _MARGIN - 1 : n - _MARGIN]
    k = np.arange(_MARGIN, n - _MARGIN + 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.abs(sums) * np.sqrt(n / (k * (n - k))) / spread
    # A constant curve has no change: all cuts are equal, and every order reaches them.
    return np.where(spread > 0, found, 0.0)
