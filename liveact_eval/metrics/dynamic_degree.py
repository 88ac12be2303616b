"""Dynamic degree as VBench defines it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from liveact_eval.measure.needs import FrameNeed
from liveact_eval.metrics._network_batches import device_of
from liveact_eval.metrics._vbench_sampling import motion_is_visible
from liveact_eval.metrics.base import Batch, ClipContext, ClipScore, Metric, Missing, Output, Rows
from liveact_eval.metrics.registry import register

if TYPE_CHECKING:
    import torch

_BATCH = 4
_MULTIPLE = 8
_MARGIN = "dynamic_margin"
_CURVE = "dynamic_motion_px"


@register
class DynamicDegree(Metric):
    """Whether enough pairs of frames have a fast part; share of the clips that move."""

    name = "dynamic_degree"
    outputs = (
        Output(
            name="dynamic_degree",
            title="Dynamic degree",
            direction="up",
            digits=3,
            best=1.0,
            range=(0.0, 1.0),
        ),
        Output(name=_MARGIN, title="Motion / threshold", direction="none", digits=2, range=(0.0, None)),
    )
    needs = {"pairs": FrameNeed(window=2, per_second=8, matrix="bt601")}
    networks = ("raft",)
    recipe = "vbench-dynamic_degree-raft_things-20iterations-8persecond@2"
    summary = (
        "Share of the clips that move: in a quarter of the pairs of frames, of about eight a second, the fastest "
        "twentieth of the flow is beyond a threshold. The margin is the fastest flow that so many pairs reach, by the "
        "threshold: a clip moves if it is above 1. Portraits lie near it."
    )
    source = "VBench, vbench/dynamic_degree.py (Vchitect/VBench@45e79ec)"

    def features(self, need: str, batch: Batch) -> torch.Tensor:
        """(N, 2) fast motion of each pair in pixels, NaN where frames are too small; and their shorter side."""
        import torch

        from liveact_eval.metrics._vbench_dynamics import fast_motion

        pairs = batch.windows
        height, width = pairs.shape[2:4]
        rows = torch.full((len(pairs), 2), torch.nan, dtype=torch.float64)
        rows[:, 1] = min(height, width)
        if not motion_is_visible(height, width, multiple=_MULTIPLE):
            return rows
        network = batch.network(self.networks[0])
        device = device_of(network)
        motion = []
        for part in pairs.split(_BATCH):
            # Pairs follow each other: what ends one begins the next, and is looked at once.
            frames = torch.cat([part[:, 0], part[-1:, 1]]).to(device)
            motion.append(fast_motion(network(frames.permute(0, 3, 1, 2)).full))
        rows[:, 0] = torch.from_numpy(np.concatenate(motion))
        return rows

    def score(self, rows: Mapping[str, Rows], clip: ClipContext) -> ClipScore:
        """Whether the clip moves, how far it is from the threshold, and its fast motion over time in pixels."""
        from liveact_eval.metrics._vbench_dynamics import moves, sampling_interval, thresholds

        pairs = rows["pairs"]
        if not len(pairs):
            return self._missing(Missing("too_short", "fewer than two frames are kept"))
        motion, side = pairs[:, 0], int(pairs[0, 1])
        if np.isnan(motion).any():
            return self._missing(Missing("too_small", "RAFT sees no motion in such frames"))
        limit = thresholds(len(pairs) + 1, side, side)
        # Of two kept frames VBench asks for no pair at all: such a clip always moves.
        margin: float | Missing = Missing("too_short", "no pair decides")
        if limit.pairs:
            margin = float(np.sort(motion)[-limit.pairs] / limit.motion)
        # One value per frame, so that the curve keeps the time of the clip.
        curve = np.repeat(motion, sampling_interval(clip.fps))
        values = {self.name: float(moves(motion, limit)), _MARGIN: margin}
        return ClipScore(values=values, curves={_CURVE: curve})

    def _missing(self, why: Missing) -> ClipScore:
        return ClipScore(values={output.name: why for output in self.outputs})
