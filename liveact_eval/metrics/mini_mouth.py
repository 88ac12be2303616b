"""The mouth of drawn heads, read from the pictures by a network, against the script that it should have followed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from liveact_eval.measure.needs import FrameNeed
from liveact_eval.metrics._drift_outputs import all_missing
from liveact_eval.metrics._mini_frames import AT_ONCE, NETWORK, SIZE, SOURCE, read_frames
from liveact_eval.metrics.av_offset import MIN_CORRELATION, SEARCH_FRAMES, best_lag, lag_outputs
from liveact_eval.metrics.base import Batch, ClipContext, ClipScore, Metric, Missing, Output, Rows
from liveact_eval.metrics.registry import register

LEAST_FRAMES = 3
"""Fewer say nothing about a correlation."""
_STILL = 0.01
"""Deviation of the opening below which a mouth does not move: compressed still pictures read as 0.00003 to 0.0006,
drawn clips as 0.2 to 0.3."""


@register
class MiniMouth(Metric):
    """How well the opening follows the script, without and with a shift in time."""

    name = "mini_mouth"
    outputs = (
        Output(
            name="mini_mouth_correlation",
            title="Mouth correlation (mini)",
            direction="up",
            best=1.0,
            range=(-1.0, 1.0),
        ),
        Output(
            name="mini_mouth_best_correlation",
            title="Mouth correlation at best lag (mini)",
            direction="up",
            best=1.0,
            range=(-1.0, 1.0),
        ),
        *lag_outputs("mini_mouth_offset", "Mouth offset", " (mini)"),
    )
    needs = {"frames": FrameNeed(size=SIZE, at_once=AT_ONCE)}
    networks = (NETWORK,)
    truth = True
    recipe = "mini-mouth@1"
    summary = (
        "Pearson correlation of the mouth's opening, read from whole frames by the small network of this project, with "
        "the script: at no lag, which is what counts, and at the best one of 15 frames to either side. Offset: that "
        "lag; positive: the mouth is late. Drawn clips (talkers) only."
    )
    source = SOURCE

    def features(self, need: str, batch: Batch) -> NDArray[np.float32]:
        """(N,) opening, 0..1."""
        return read_frames(batch)[2][:, 0]

    def score(self, rows: Mapping[str, Rows], clip: ClipContext) -> ClipScore:
        """Correlations, and the lag of the better one where the mouth follows the script at all."""
        if clip.truth is None:
            raise ValueError("this metric is only asked where there is a truth")
        seen = rows["frames"][:, 0].astype(np.float64)
        script = clip.truth.mouth_opening.astype(np.float64)
        length = min(len(seen), len(script))
        missing = None
        if length < LEAST_FRAMES:
            missing = Missing("too_short", f"{length} frames; expected at least {LEAST_FRAMES}")
        elif seen[:length].std() < _STILL:
            missing = Missing("no_mouth_motion", "the mouth does not move")
        elif script[:length].std() == 0:
            missing = Missing("no_speech", "the mouth does not move in the script")
        if missing is not None:
            return ClipScore(values=all_missing(self.outputs, missing))
        _, unshifted = best_lag(seen, script, 0)
        lag, best = best_lag(seen, script, SEARCH_FRAMES)
        values: dict[str, float | Missing] = {
            "mini_mouth_correlation": unshifted,
            "mini_mouth_best_correlation": best,
            "mini_mouth_offset_frames": float(lag),
            "mini_mouth_offset_abs_frames": float(abs(lag)),
        }
        # At the end of the search range the true lag may well lie outside.
        if best < MIN_CORRELATION or abs(lag) == SEARCH_FRAMES:
            why = Missing("no_sync", f"the mouth follows the script by {best:.2f} at lag {lag}")
            values |= {"mini_mouth_offset_frames": why, "mini_mouth_offset_abs_frames": why}
        return ClipScore(values=values, curves={"mini_mouth_opening": seen})
