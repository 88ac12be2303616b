"""Blinks: how often and how long the eyes shut."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from liveact_eval.metrics._drift_outputs import all_missing
from liveact_eval.metrics._face_motion import LONGEST_BLINK_S, blinks_of
from liveact_eval.metrics._fan_landmarks import FINE_LANDMARKS, HEADS, NETWORK, SCHEME, landmarks_of
from liveact_eval.metrics._landmarks import eye_opening
from liveact_eval.metrics.base import Batch, ClipContext, ClipScore, Metric, Missing, Output, Rows
from liveact_eval.metrics.registry import register


@register
class Blink(Metric):
    """Rate and mean length of blinks, from the ratio of the eyes' height to their width."""

    name = "blink"
    outputs = (
        Output(
            name="blinks_per_min", title="Blinks", direction="none", unit="1/min", digits=1, range=(0.0, None)
        ),
        Output(
            name="blink_length_s",
            title="Blink length",
            direction="none",
            unit="s",
            digits=2,
            range=(0.0, LONGEST_BLINK_S),
        ),
    )
    needs = {"heads": HEADS}
    networks = (NETWORK,)
    recipe = f"blink-{FINE_LANDMARKS}-ear0.6median-5s@1"
    summary = (
        "Blinks per minute of visible face and their mean length. An eye is shut below 0.6 of the clip's median ratio "
        "of height to width, for at most half a second. Not a score: people blink 10 to 25 times a minute, less often "
        "while they read. Needs 5 s of visible face."
    )
    source = "Soukupova and Cech, CVWW 2016; landmarks of face-alignment (Bulat and Tzimiropoulos, ICCV 2017)"

    def features(self, need: str, batch: Batch) -> NDArray[np.float64]:
        """(N,) eye aspect ratio; NaN where a frame has no face."""
        return eye_opening(landmarks_of(batch, fine=True), SCHEME)

    def score(self, rows: Mapping[str, Rows], clip: ClipContext) -> ClipScore:
        """Over the frames with a face."""
        opening = rows["heads"][:, 0]
        if not len(opening):
            return ClipScore(values=all_missing(self.outputs, Missing("too_short", "no frame")))
        found = blinks_of(opening, clip.fps)
        return ClipScore(
            values={"blinks_per_min": found.per_minute, "blink_length_s": found.mean_length_s},
            curves={"eye_opening": opening},
        )
