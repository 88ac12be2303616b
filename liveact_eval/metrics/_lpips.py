"""Adj-LPIPS: how much the aligned face changes from frame to frame, with the alignment's own jitter taken out.

Landmarks found frame by frame tremble by a pixel or so, and crops aligned by them tremble with it, which LPIPS takes
for flicker. The landmarks are therefore smoothed over time before the crops are made: the crop of a frame is aligned by
the Gaussian mean of its neighbours' landmarks, `SIGMA_S` wide, cut off at `RADIUS_S` on both sides, and shorter at both
ends of the clip. The look-ahead is `RADIUS_S`, so an hour needs no more memory than a minute.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from liveact_eval.clips.faces import similarity
from liveact_eval.metrics._csim import template_for

SIDE = 256
"""Height and width of the crops; LPIPS grows with it."""
SIGMA_S = 0.16
"""Standard deviation of the smoothing in seconds: four frames at 25 fps."""
RADIUS_S = 0.4
"""Reach of the smoothing in seconds, before and after."""


def recipe(trunk: str) -> str:
    """Name of the recipe: `adj-lpips-v0.1-alex-face256-gauss0.16s@1`."""
    return f"adj-lpips-v0.1-{trunk}-face{SIDE}-gauss{SIGMA_S:g}s@1"


def smoothing_radius(fps: float) -> int:
    """How far the smoothing reaches on either side, in frames."""
    return max(1, round(RADIUS_S * fps))


class LandmarkSmoother:
    """Smooths landmarks that arrive in runs of any length, `radius` frames behind; the same result for any runs.

    Args:
        fps: frames per second.
    """

    def __init__(self, fps: float) -> None:
        self.radius = smoothing_radius(fps)
        """Frames of look-ahead."""
        offsets = np.arange(-self.radius, self.radius + 1)
        self._taps = np.exp(-0.5 * (offsets / (SIGMA_S * fps)) ** 2)
        self._held: NDArray[np.float64] | None = None

    def push(self, landmarks: NDArray[np.floating]) -> NDArray[np.float64]:
        """Take the next (n, K, 2) landmarks, NaN where a frame has no face; return those that are now settled.

        A frame without a face takes its place from its neighbours; where they have none either it stays NaN.
        """
        given = np.asarray(landmarks, np.float64)
        if self._held is None:
            # The outside of a clip is like frames without a face: it has no weight.
            self._held = np.full((self.radius, *given.shape[1:]), np.nan)
        return self._settle(np.concatenate([self._held, given]))

    def finish(self) -> NDArray[np.float64]:
        """The last frames, which no frame follows."""
        if self._held is None:
            return np.zeros((0, 0, 2))
        after = np.full((self.radius, *self._held.shape[1:]), np.nan)
        rest = self._settle(np.concatenate([self._held, after]))
        self._held = None
        return rest

    def _settle(self, held: NDArray[np.float64]) -> NDArray[np.float64]:
        count = max(0, len(held) - len(self._taps) + 1)
        seen = np.asarray(np.isfinite(held).all(axis=(1, 2)))
        known = np.where(seen[:, None, None], held, 0.0)
        total = np.zeros((count, *held.shape[1:]))
        weight = np.zeros(count)
        for i, tap in enumerate(self._taps):
            total += tap * known[i : i + count]
            weight += tap * seen[i : i + count]
        self._held = held[count:].copy()
        with np.errstate(invalid="ignore", divide="ignore"):
            found: NDArray[np.float64] = total / weight[:, None, None]
        return found


def smooth_landmarks(landmarks: NDArray[np.floating], fps: float) -> NDArray[np.float64]:
    """All landmarks of a clip smoothed over time, (T, K, 2) to (T, K, 2); see `LandmarkSmoother`."""
    smoother = LandmarkSmoother(fps)
    return np.concatenate([smoother.push(landmarks), smoother.finish()])


def crop_matrices(landmarks: NDArray[np.floating], fps: float, side: int = SIDE) -> NDArray[np.float64]:
    """The 2x3 matrices from picture to crop, (T, 2, 3), smoothed over time; NaN where no face is near.

    Args:
        landmarks: (T, 5, 2) of the whole clip in pixels; NaN where a frame has no face.
        fps: frames per second.
        side: height and width of the crops.
    """
    smooth = smooth_landmarks(landmarks, fps)
    found = np.full((len(smooth), 2, 3), np.nan)
    seen = np.isfinite(smooth).all(axis=(1, 2))
    if seen.any():
        found[seen] = similarity(smooth[seen], template_for(side))
    return found


def per_second(distance: float, fps: float) -> float:
    """Mean distance of neighbours times their number per second, for videos of unlike frame rates."""
    if not fps > 0 or math.isinf(fps):
        raise ValueError(f"frames per second must be positive and finite; got {fps}")
    return distance * fps
