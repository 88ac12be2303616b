"""LPIPS against the real video, frame by frame."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from liveact_eval.measure.needs import FrameNeed
from liveact_eval.metrics._drift import drift_of
from liveact_eval.metrics._drift_outputs import all_missing, drift_outputs, drift_values
from liveact_eval.metrics.base import Batch, ClipContext, ClipScore, Metric, Missing, Rows
from liveact_eval.metrics.registry import register

if TYPE_CHECKING:
    import torch

_BATCH_PIXELS = 8 * 512 * 512
"""Pixels that go through the network at once, which bounds its memory."""


@register
class Lpips(Metric):
    """Perceptual distance of whole frames at their own size; mean over frames, then over clips."""

    name = "lpips"
    outputs = drift_outputs("lpips", "LPIPS", "down", digits=4, best=0.0, limits=(0.0, None))[:3]
    needs = {"frames": FrameNeed(paired=True)}
    networks = ("lpips_alex",)
    recipe = "lpips-v0.1-alex-fullframe-framewise@1"
    summary = (
        "How different each whole frame looks from the real frame of the same index. It grows with resolution, and "
        "punishes other motion than the real one: compare at one size."
    )
    source = "Zhang et al., CVPR 2018; package lpips 0.1.4, version 0.1 heads on AlexNet"

    def features(self, need: str, batch: Batch) -> torch.Tensor:
        """(N,) distances; NaN for frames too small for the network."""
        import torch

        from liveact_eval.networks.lpips_net import LEAST_SIDE, scaled

        if batch.reference is None:
            raise ValueError("a paired need comes with its reference")
        network = batch.network(self.networks[0])
        device = next(network.parameters()).device
        frames, real = batch.windows[:, 0], batch.reference[:, 0]
        height, width = frames.shape[1:3]
        if min(height, width) < LEAST_SIDE:
            return torch.full((len(frames),), torch.nan)
        step = max(1, _BATCH_PIXELS // (height * width))
        pairs = zip(frames.split(step), real.split(step), strict=True)
        return torch.cat(
            [network(*(scaled(part.to(device)).permute(0, 3, 1, 2) for part in pair)).cpu() for pair in pairs]
        )

    def score(self, rows: Mapping[str, Rows], clip: ClipContext) -> ClipScore:
        """Mean over frames and over the last window, and the curve."""
        curve = rows["frames"][:, 0]
        why = None
        if not len(curve):
            why = Missing("too_short", "no frame in common with the real video")
        elif not np.isfinite(curve).any():
            why = Missing("too_small", "frames under 32 pixels have no LPIPS")
        if why is not None:
            return ClipScore(values=all_missing(self.outputs, why))
        made = drift_values(self.name, drift_of(curve, clip.fps))
        return ClipScore(values={o.name: made[o.name] for o in self.outputs}, curves={self.name: curve})
