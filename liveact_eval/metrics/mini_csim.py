"""Identity of the mini tier: how alike each frame of a drawn head is to the portrait."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from liveact_eval.measure.needs import FrameNeed
from liveact_eval.metrics._csim import cosines
from liveact_eval.metrics._drift import drift_of
from liveact_eval.metrics._drift_outputs import all_missing, drift_outputs, drift_values
from liveact_eval.metrics._mini_frames import AT_ONCE, NETWORK, SIZE, SOURCE, read_frames
from liveact_eval.metrics.base import Batch, ClipContext, ClipScore, Metric, Missing, Rows
from liveact_eval.metrics.registry import register


@register
class MiniCSIM(Metric):
    """Against the picture that the video was made from; whole frames."""

    name = "mini_csim"
    outputs = drift_outputs("mini_csim", "CSIM (mini)", "up", best=1.0, limits=(-1.0, 1.0))[:3]
    needs = {"frames": FrameNeed(size=SIZE, at_once=AT_ONCE, anchor=True, anchor_of="portrait")}
    networks = (NETWORK,)
    truth = True
    recipe = "mini-csim@1"
    summary = (
        "Likeness of the head to that of the portrait: cosine of identity vectors of the small network of this "
        "project, mean over all frames and over the last window. Drawn clips (talkers) only; never to be compared with "
        "CSIM."
    )
    source = SOURCE

    def features(self, need: str, batch: Batch) -> NDArray[np.float64]:
        """(N,) cosines."""
        return cosines(read_frames(batch)[1], read_frames(batch, "anchor")[1][0])

    def score(self, rows: Mapping[str, Rows], clip: ClipContext) -> ClipScore:
        """Mean over all frames, over the last window, and the slope."""
        curve = rows["frames"][:, 0].astype(np.float64)
        if not len(curve):
            return ClipScore(values=all_missing(self.outputs, Missing("too_short", "no frame to compare")))
        made = drift_values(self.name, drift_of(curve, clip.fps))
        return ClipScore(
            values={output.name: made[output.name] for output in self.outputs}, curves={self.name: curve}
        )
