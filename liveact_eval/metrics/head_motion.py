"""Head motion: how far and how fast a head turns, nods and leans."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from liveact_eval.metrics._drift_outputs import all_missing
from liveact_eval.metrics._face_motion import ANGLES, head_motion
from liveact_eval.metrics._fan_landmarks import FINE_LANDMARKS, HEADS, NETWORK, SCHEME, landmarks_of
from liveact_eval.metrics._landmarks import head_pose
from liveact_eval.metrics.base import Batch, ClipContext, ClipScore, Metric, Missing, Output, Rows
from liveact_eval.metrics.registry import register


def _degrees(what: str, title: str, most: float) -> tuple[Output, ...]:
    return tuple(
        Output(
            name=f"head_{angle}_{what}_deg",
            title=f"{angle.capitalize()} {title}",
            direction="none",
            unit="°",
            digits=1,
            range=(0.0, most),
        )
        for angle in ANGLES
    )


@register
class HeadMotion(Metric):
    """Spread, range and speed of yaw, pitch and roll."""

    name = "head_motion"
    outputs = (
        *_degrees("std", "spread", 180.0),
        *_degrees("range", "range", 360.0),
        Output(
            name="head_speed_deg_per_s",
            title="Head speed",
            direction="none",
            unit="°/s",
            digits=1,
            range=(0.0, None),
        ),
    )
    needs = {"heads": HEADS}
    networks = (NETWORK,)
    recipe = f"head-motion-{FINE_LANDMARKS}-6points-weak-perspective@1"
    summary = (
        "Standard deviation, range (5th to 95th percentile) and mean speed of the head's yaw, pitch and roll in "
        "degrees. Not a score: read it beside the real row. Jitter of the landmarks counts as speed."
    )
    source = "this project; landmarks of face-alignment (Bulat and Tzimiropoulos, ICCV 2017)"

    def features(self, need: str, batch: Batch) -> NDArray[np.float64]:
        """(N, 3) yaw, pitch and roll in degrees; NaN where a frame has no face."""
        return head_pose(landmarks_of(batch, fine=True), SCHEME)

    def score(self, rows: Mapping[str, Rows], clip: ClipContext) -> ClipScore:
        """Over the frames with a face."""
        pose = rows["heads"]
        if not len(pose):
            return ClipScore(values=all_missing(self.outputs, Missing("too_short", "no frame")))
        found = head_motion(pose, clip.fps)
        values: dict[str, float | Missing] = {"head_speed_deg_per_s": found.speed_deg_s}
        for what, triple in (("std", found.deviation_deg), ("range", found.range_deg)):
            for n, angle in enumerate(ANGLES):
                values[f"head_{angle}_{what}_deg"] = triple if isinstance(triple, Missing) else triple[n]
        curves = {f"head_{angle}_deg": pose[:, n] for n, angle in enumerate(ANGLES)}
        return ClipScore(values=values, curves=curves)
