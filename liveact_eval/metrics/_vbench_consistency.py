"""How alike the frames of a video are, by features of whole frames: subject and background consistency of VBench.

For every frame but the first: half of max(0, cosine to the frame before) and half of max(0, cosine to the first frame).
Kept of the past: two features, whatever the length of the video.
Source: Vchitect/VBench, vbench/subject_consistency.py and vbench/background_consistency.py (Apache-2.0).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Features = NDArray[np.floating]


class Seen(NamedTuple):
    """What later frames are compared with: unit vectors, (D,) float64."""

    first: NDArray[np.float64]
    """Of the first frame."""
    last: NDArray[np.float64]
    """Of the latest frame."""


def consistency(features: Features, seen: Seen | None = None) -> tuple[NDArray[np.float64], Seen | None]:
    """Likeness of consecutive frames to what came before them.

    Args:
        features: (n, D) of any length, not all zero.
        seen: what the call before gave; `None` at the start of a video.

    Returns:
        One value in 0..1 per frame that has a predecessor: n of them, or n - 1 at the start. And what to hand over
        to the next call.
    """
    if not len(features):
        return np.zeros(0), seen
    rows = unit_rows(features)
    first = rows[0] if seen is None else seen.first
    chain = rows if seen is None else np.concatenate([seen.last[None], rows])
    previous = np.einsum("nd,nd->n", chain[1:], chain[:-1])
    values: NDArray[np.float64] = (np.maximum(previous, 0) + np.maximum(chain[1:] @ first, 0)) / 2
    return values, Seen(first, rows[-1])


def unit_rows(features: Features) -> NDArray[np.float64]:
    """Rows of length one; a row of zeros stays as it is."""
    rows = np.asarray(features, np.float64)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: NDArray[np.float64] = rows / np.maximum(lengths, 1e-12)
    return unit


def frame_weighted(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Additive statistics of a video, (sum, count) over its frames.

    The first of the merged sums by the second is VBench's value of a set on one device: long videos weigh more. On
    several devices it gives the mean over videos; that is (mean, 1) of each instead.
    """
    return np.array([values.sum(), len(values)], np.float64)
