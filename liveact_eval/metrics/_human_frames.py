"""Frames evenly over a video whose length nobody knows before its end, in bounded memory."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from liveact_eval.metrics._human_fidelity import CLOTHES_FRAMES, clothes_frames

_MOST = 2 * CLOTHES_FRAMES


def given_frames(frames: int) -> list[int]:
    """Which 64 frames of a video `EvenFrames` gives, in order; some twice where there are fewer."""
    step = 1
    while step * _MOST < frames:
        step *= 2
    known = np.unique([*range(0, frames, step), frames - 1])
    wanted = np.array(clothes_frames(frames))
    return [int(n) for n in known[np.abs(known[None] - wanted[:, None]).argmin(axis=1)]]


class EvenFrames:
    """Takes all frames and keeps between 64 and 128 of them, and the last; gives the 64 that are wanted.

    Frames of whole multiples of a step are kept; where they become too many, every other one goes and the step
    doubles. Up to 128 frames the 64 are exactly those wanted; of longer videos the nearest kept ones, at most half a
    step away, which is less than a hundredth of the video.
    """

    def __init__(self) -> None:
        self._step = 1
        self._kept: list[NDArray[Any]] = []
        self._last: NDArray[Any] | None = None
        self.frames = 0
        """Frames seen."""

    def append(self, rows: NDArray[Any]) -> None:
        """Add (n, d) frames."""
        for row in rows:
            if self.frames % self._step == 0:
                if len(self._kept) == _MOST:
                    self._kept, self._step = self._kept[::2], 2 * self._step
                if self.frames % self._step == 0:
                    self._kept.append(row.copy())
            self.frames += 1
        if len(rows):
            self._last = rows[-1].copy()

    @property
    def table(self) -> NDArray[Any]:
        """The frames given, (64, d); (0, 1) where there was none."""
        if self._last is None:
            return np.zeros((0, 1), np.uint8)
        return np.stack(
            [
                self._kept[n // self._step] if n % self._step == 0 else self._last
                for n in given_frames(self.frames)
            ]
        )
