"""Which frames VBench reads where it does not read all: the middles of equal parts, or so many a second.

Source: Vchitect/VBench, vbench/utils.py (Apache-2.0).
"""

from __future__ import annotations

import itertools

import numpy as np

_LEAST_SIDE = 64
"""Pixels of a padded side from which on networks can look for motion."""


def middle_frames(wanted: int, count: int) -> list[int]:
    """The middle frame of each of `wanted` equal parts of a video; a shorter video repeats its last one.

    Args:
        wanted: frames to return, at least 1.
        count: frames of the video, at least 1.
    """
    edges = np.linspace(0, count, min(wanted, count) + 1).astype(int).tolist()
    middles = [(start + end - 1) // 2 for start, end in itertools.pairwise(edges)]
    return middles + [middles[-1]] * (wanted - len(middles))


def frames_per_second(rate: float, count: int, fps: float) -> list[int]:
    """About `rate` frames of each second, from the middle of each part.

    Args:
        rate: wanted frames per second.
        count: frames of the video.
        fps: frames per second of the video.
    """
    step = 1 / rate
    seconds = np.arange(step / 2, count / fps + step / 2, step)
    # Halves go to the even neighbour.
    indices = np.around(seconds * fps).astype(int).tolist()
    return [index for index in indices if index < count]


def motion_is_visible(height: int, width: int, multiple: int) -> bool:
    """Whether RAFT (`multiple` 8) and AMT (16) can look for motion in frames of this size, padded to a multiple."""
    return min(height, width) + -min(height, width) % multiple >= _LEAST_SIDE
