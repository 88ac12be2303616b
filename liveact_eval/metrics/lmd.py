"""Landmark distance of the mouth (LMD): how far its outline is from that in the real frame of the same index."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from liveact_eval.measure.needs import FrameNeed
from liveact_eval.metrics._drift import drift_of
from liveact_eval.metrics._drift_outputs import all_missing, drift_outputs, drift_values
from liveact_eval.metrics._fan_landmarks import AT_ONCE, LANDMARKS, NETWORK, SCHEME, landmarks_of
from liveact_eval.metrics._lip_pairs import LipPairs
from liveact_eval.metrics.base import Batch, ClipContext, ClipScore, Collector, Metric, Missing, Output, Rows
from liveact_eval.metrics.registry import register

_FROM_ZERO = (0.0, None)


@register
class LipDistance(Metric):
    """Mean distance of the lip points of paired frames, the centres of the lips laid on each other."""

    name = "lmd"
    outputs = (
        *drift_outputs("lmd", "LMD", "down", digits=4, best=0.0, limits=_FROM_ZERO)[:2],
        Output(name="lmd_px", title="LMD in pixels", direction="down", unit="px", best=0.0, range=_FROM_ZERO),
        Output(name="lmd_face", title="LMD face", direction="down", digits=4, best=0.0, range=_FROM_ZERO),
    )
    needs = {
        "heads": FrameNeed(region="head", at_once=AT_ONCE, paired=True),
        "squares": FrameNeed(region="head_square", at_once=AT_ONCE, paired=True),
    }
    networks = (NETWORK,)
    recipe = f"lmd-{LANDMARKS}-lips20-centred-eyedistance@1"
    summary = (
        "Mean distance of the 20 lip points from those of the real frame of the same index, in shares of the real "
        "face's eye distance, after the centres of both mouths are laid on each other; over all frames and over the "
        "last window. The same in pixels, and for all 68 points with the centres of both faces laid on each other."
    )
    source = "Chen et al., ECCV 2018 (LMD); landmarks of face-alignment (Bulat and Tzimiropoulos, ICCV 2017)"

    def collectors(self) -> Mapping[str, Collector]:
        """Two ends of one table."""
        pairs = LipPairs(SCHEME)
        return {"heads": pairs.points, "squares": pairs.squares}

    def features(self, need: str, batch: Batch) -> Any:
        """Heads: (N, 2 * 68 * 2) landmarks, ours and the real ones. Squares: (N, 2 * 3) where their crops lie."""
        if batch.reference is None:
            raise ValueError("a paired need comes with its reference")
        if need == "squares":
            return np.concatenate([batch.windows[:, 0].numpy(), batch.reference[:, 0].numpy()], axis=1)
        both = landmarks_of(batch), landmarks_of(batch, "reference")
        return np.stack(both, axis=1).reshape(len(batch.windows), -1)

    def score(self, rows: Mapping[str, Rows], clip: ClipContext) -> ClipScore:
        """Means over the frames in which both videos have a face."""
        table = rows["heads"]
        if not len(table):
            return ClipScore(values=all_missing(self.outputs, Missing("too_short", "no frame to compare")))
        share, pixels, face = table.T
        seen = np.isfinite(share)
        if not seen.any():
            why = Missing("no_face", f"no face in both videos in any of {len(table)} frames")
            return ClipScore(values=all_missing(self.outputs, why))
        values = dict(list(drift_values(self.name, drift_of(share, clip.fps)).items())[:2])
        values |= {"lmd_px": float(pixels[seen].mean()), "lmd_face": float(face[seen].mean())}
        return ClipScore(values=values, curves={"lmd": share, "lmd_face": face})
