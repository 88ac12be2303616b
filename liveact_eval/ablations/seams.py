"""How much more the picture changes where a block begins than where a latent frame inside a block begins."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from liveact_eval.clips.video import Frame, VideoFile
from liveact_eval.liveact.request import TEMPORAL_STRIDE
from liveact_eval.metrics.base import Missing

_LEAST = 3
"""Seams and other boundaries that a ratio needs, of each."""


def seam_ratio(video: Path, starts: Sequence[int]) -> float | Missing:
    """Mean change at seams over mean change at the other boundaries of latent frames; 1: seams cannot be told.

    The decoder makes four video frames of a latent frame, with steps of its own between them: boundaries of latent
    frames are compared with each other alone.

    Args:
        video: what was made.
        starts: first video frames of its blocks.
    """
    changes, before = [], None
    with VideoFile(video) as opened:
        for item in opened.read(sound=False):
            if not isinstance(item, Frame):
                continue
            now = item.rgb.astype(np.int16)
            changes.append(0.0 if before is None else float(np.abs(now - before).mean()))
            before = now
    return ratio_at(changes, starts)


def ratio_at(changes: Sequence[float], starts: Sequence[int]) -> float | Missing:
    """See `seam_ratio`.

    Args:
        changes: of each video frame from the one before.
        starts: first video frames of blocks.
    """
    # Latent frame 0 shows one video frame, every later one four.
    boundaries = range(1, len(changes), TEMPORAL_STRIDE)
    seams = [changes[frame] for frame in boundaries if frame in set(starts)]
    others = [changes[frame] for frame in boundaries if frame not in set(starts)]
    if len(seams) < _LEAST or len(others) < _LEAST:
        return Missing(
            "too_few_seams",
            f"{len(seams)} seams and {len(others)} boundaries inside blocks; expected {_LEAST} of each",
        )
    within = float(np.mean(others))
    if within == 0:
        return Missing("no_motion", "the picture does not change inside blocks")
    return float(np.mean(seams)) / within
