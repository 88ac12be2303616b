"""What a curve over time says about drift: mean of all, mean of the end, slope, and one change.

One rule for every drifting quantity (identity, colour, flicker, sharpness): `Total` is the mean over the measured
frames, `Last` the mean over the final window, and neither says how a clip got there: slope and change do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liveact_eval.metrics._change_point import ChangePoint, find_change
from liveact_eval.metrics.base import Missing

LAST_WINDOW_S = 10.0
"""Length of the last window in seconds; clips shorter than four of them use their last quarter."""
LEAST_SLOPE_S = 1.0
"""Below this length in seconds no slope is given."""


def last_window(frames: int, fps: float, window_s: float = LAST_WINDOW_S) -> int:
    """Number of frames in the last window of a clip."""
    return max(1, min(round(window_s * fps), frames // 4))


@dataclass(frozen=True, kw_only=True)
class Drift:
    """The drift of one quantity in one clip."""

    total: float | Missing
    """Mean over all measured frames."""
    last: float | Missing
    """Mean over the measured frames of the last window."""
    slope_per_minute: float | Missing
    """Least-squares slope over the measured frames, in units of the quantity per minute."""
    change: ChangePoint | None
    """The most likely change in the mean; `None` where there are too few measured frames."""
    measured: int
    """Frames with a value."""
    frames: int
    """Frames in the curve."""


def drift_of(
    curve: NDArray[np.floating],
    fps: float,
    *,
    frames: int | None = None,
    window_s: float = LAST_WINDOW_S,
    seed: int = 0,
) -> Drift:
    """Drift of a curve.

    Args:
        curve: (T,) one value per frame in order of time; NaN where it was not measured.
        fps: frames per second.
        frames: length of the clip where it differs from the curve's, as where the first frame is the reference and
            has no value of its own, or where values belong to pairs of frames.
        window_s: length of the last window in seconds.
        seed: of the permutations behind the p-value of the change.
    """
    values = np.asarray(curve, np.float64)
    measured = np.isfinite(values)
    if not measured.any():
        reason = Missing("not_measured", f"none of {len(values)} frames has a value")
        return Drift(
            total=reason, last=reason, slope_per_minute=reason, change=None, measured=0, frames=len(values)
        )
    window = last_window(len(values) if frames is None else frames, fps, window_s)
    end = measured[-window:]
    return Drift(
        total=float(values[measured].mean()),
        last=float(values[-window:][end].mean())
        if end.any()
        else Missing("not_measured_at_the_end", f"no value in the last {window / fps:.1f} s"),
        slope_per_minute=_slope(values, measured, fps),
        change=find_change(values, fps, seed=seed),
        measured=int(measured.sum()),
        frames=len(values),
    )


def _slope(values: NDArray[np.float64], measured: NDArray[np.bool_], fps: float) -> float | Missing:
    minutes = np.flatnonzero(measured) / (fps * 60)
    if (minutes[-1] - minutes[0]) * 60 < LEAST_SLOPE_S:
        return Missing("too_short", f"a slope needs {LEAST_SLOPE_S:g} s between the first and last value")
    away = minutes - minutes.mean()
    return float(away @ (values[measured] - values[measured].mean()) / (away @ away))
