"""Dynamic degree of VBench: does a video move, by the fastest twentieth of its optical flow?

About eight frames a second are kept; a video moves if enough of their pairs have a fast part. The verdict is binary, so
over 50 videos the score has steps of two points, and portraits lie near the threshold.
Source: Vchitect/VBench, vbench/dynamic_degree.py (Apache-2.0).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_KEPT_PER_SECOND = 8
_FASTEST = 0.05
_FRAMES_PER_DECISION = 16


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """When a video moves."""

    motion: float
    """A pair counts if its fast motion is above this, in pixels."""
    pairs: int
    """Pairs that must count."""


def sampling_interval(fps: float) -> int:
    """Every which frame is kept; halves are rounded to the even neighbour: 20 fps give 2, 25 fps give 3."""
    return max(1, round(fps / _KEPT_PER_SECOND))


def kept_frames(count: int, fps: float) -> range:
    """Indices of the frames that are kept, of a video of `count` frames."""
    return range(0, count, sampling_interval(fps))


def kept_in_run(start: int, frames: Tensor, fps: float) -> Tensor:
    """Those of a run of consecutive frames that are kept; `start` is the index of its first frame."""
    interval = sampling_interval(fps)
    return frames[-start % interval :: interval]


def thresholds(kept: int, height: int, width: int) -> Thresholds:
    """From the number of kept frames and the size of the video, not of the padded flow."""
    return Thresholds(
        motion=6.0 * (min(height, width) / 256.0), pairs=round(4 * (kept / _FRAMES_PER_DECISION))
    )


def fast_motion(flow: Tensor) -> NDArray[np.float32]:
    """Mean length of the longest 5 % of flow vectors, (P, 2, H, W) in pixels to (P,)."""
    lengths = (flow[:, 0].square() + flow[:, 1].square()).sqrt().flatten(1)
    count = int(lengths.shape[1] * _FASTEST)
    fastest = torch.topk(lengths, count, dim=1).values
    # In float32, longest first, and added as NumPy does it: the same digits as the reference.
    mean: NDArray[np.float32] = np.ascontiguousarray(fastest.cpu().numpy()).mean(axis=1)
    return mean


def moves(motion: Sequence[float] | NDArray[np.floating], limit: Thresholds) -> bool:
    """The verdict from the fast motion of all pairs of kept frames."""
    return int((np.asarray(motion) > limit.motion).sum()) >= limit.pairs
