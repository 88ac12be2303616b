"""Motion smoothness of VBench: every second frame is taken away and made again from its neighbours.

Of frames 0, 1, 2, ... the even ones are given; frame 2 k + 1 is made from 2 k and 2 k + 2. The last frame of a video of
even length has no successor and does not count.
Source: Vchitect/VBench, vbench/motion_smoothness.py (Apache-2.0), its scale fixed to 1: the original shrinks
large frames by how much memory happens to be free.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from liveact_eval.networks.correlation import pad_to_multiple

WINDOW = 3
"""Frames in a window: given, compared, given."""
HOP = 2
"""Frames from one window to the next."""
_MULTIPLE = 16

Interpolator = Callable[[Tensor, Tensor], Tensor]
"""From two (N, 3, H, W) in 0..1 to the frame half-way between."""


def given_frames(count: int) -> range:
    """Indices of the frames that are given, of a video of `count` frames."""
    return range(0, count, HOP)


def compared_frames(count: int) -> range:
    """Indices of the frames that are compared."""
    return range(1, count - 1, HOP)


def middle_frames(network: Interpolator, before: Tensor, after: Tensor) -> Tensor:
    """Frames half-way, (N, H, W, 3) bytes from bytes: padded to multiples of 16, clipped, and cut to whole levels."""
    height, width = before.shape[1:3]
    padded, (left, _, top, _) = pad_to_multiple(_unit_planes(before), _MULTIPLE)
    made = network(padded, pad_to_multiple(_unit_planes(after), _MULTIPLE)[0])
    made = made[..., top : top + height, left : left + width]
    return (made * 255.0).clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1)


def frame_errors(frames: Tensor, made: Tensor) -> Tensor:
    """Mean absolute difference in levels, (N, H, W, 3) bytes twice to (N,) float64; exact."""
    difference = torch.maximum(frames, made) - torch.minimum(frames, made)
    return difference.flatten(1).sum(dim=1, dtype=torch.int64).double() / difference[0].numel()


def smoothness(errors: NDArray[np.float64]) -> float:
    """The video's score in 0..1 from the errors of its compared frames, at least one."""
    return (255.0 - float(errors.mean())) / 255.0


def _unit_planes(frames: Tensor) -> Tensor:
    return frames.permute(0, 3, 1, 2).float() / 255.0
