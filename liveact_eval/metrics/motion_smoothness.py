"""Motion smoothness as VBench defines it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from liveact_eval.measure.needs import FrameNeed
from liveact_eval.metrics._network_batches import device_of, encode
from liveact_eval.metrics._vbench_sampling import motion_is_visible
from liveact_eval.metrics.base import Batch, ClipContext, ClipScore, Metric, Missing, Output, Rows
from liveact_eval.metrics.registry import register

if TYPE_CHECKING:
    from torch import Tensor

_BATCH = 2
_MULTIPLE = 16


@register
class MotionSmoothness(Metric):
    """One minus the error of every second frame as made from its neighbours; mean over clips."""

    name = "motion_smoothness"
    outputs = (
        Output(
            name="motion_smoothness",
            title="Motion smoothness",
            direction="up",
            digits=4,
            best=1.0,
            range=(0.0, 1.0),
        ),
    )
    needs = {"triples": FrameNeed(window=3, hop=2, matrix="bt601")}
    networks = ("amt_s",)
    recipe = "vbench-motion_smoothness-amt_s-scale1@2"
    summary = (
        "Every second frame is made again from its neighbours by AMT-S and compared with the real one. A frozen "
        "video is perfect. Frames are never scaled down for lack of memory; depends on the frame rate."
    )
    source = "VBench, vbench/motion_smoothness.py (Vchitect/VBench@45e79ec)"

    def features(self, need: str, batch: Batch) -> Tensor:
        """Mean absolute RGB difference of each made frame in levels, (N,); NaN where frames are too small."""
        import torch

        from liveact_eval.metrics._vbench_smoothness import frame_errors, middle_frames

        triples = batch.windows
        height, width = triples.shape[2:4]
        if not motion_is_visible(height, width, multiple=_MULTIPLE):
            return torch.full((len(triples),), torch.nan)
        network = batch.network(self.networks[0])

        def errors(part: Tensor) -> Tensor:
            return frame_errors(part[:, 1], middle_frames(network, part[:, 0], part[:, 2]))

        return encode(errors, triples, size=_BATCH, device=device_of(network))

    def score(self, rows: Mapping[str, Rows], clip: ClipContext) -> ClipScore:
        """The clip's score in 0..1, and its value around each made frame."""
        from liveact_eval.metrics._vbench_smoothness import HOP, smoothness

        errors = np.asarray(rows["triples"][:, 0], np.float64)
        if not len(errors):
            missing = Missing("too_short", "fewer than three frames: none has two neighbours")
            return ClipScore(values={self.name: missing})
        if np.isnan(errors).any():
            return ClipScore(values={self.name: Missing("too_small", "AMT-S sees no motion in such frames")})
        # One value per frame, so that curves keep the time of the clip.
        curve = np.repeat((255.0 - errors) / 255.0, HOP)
        return ClipScore(values={self.name: smoothness(errors)}, curves={self.name: curve})
