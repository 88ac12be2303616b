"""Sharpness over time: does the picture blur as the video goes on?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from liveact_eval.measure.needs import FrameNeed
from liveact_eval.metrics.base import Batch, ClipContext, ClipScore, Metric, Missing, Output, Rows
from liveact_eval.metrics.registry import register

if TYPE_CHECKING:
    import torch


@register
class Sharpness(Metric):
    """Variance of the Laplacian of luma, and its trend."""

    name = "sharpness"
    outputs = (
        Output(
            name="sharpness", title="Sharpness", direction="up", unit="levels²", digits=1, range=(0.0, None)
        ),
        Output(
            name="sharpness_trend",
            title="Sharpness trend",
            direction="none",
            unit="%/s",
            digits=2,
            best=0.0,
            range=(None, None),
        ),
    )
    needs = {"frames": FrameNeed(colour="luma")}
    recipe = "laplacian-variance-luma@1"
    summary = (
        "Variance of the Laplacian: blur lowers it, and so do codecs; noise raises it. Depends on the "
        "resolution. The trend is the slope of the curve in percent of its mean per second."
    )
    source = "Pech-Pacheco et al., ICPR 2000; kernel 0 1 0 / 1 -4 1 / 0 1 0, border left out"

    def features(self, need: str, batch: Batch) -> torch.Tensor:
        """Variance of the Laplacian of each frame, (N,)."""
        x = batch.windows[:, 0]
        centre = x[:, 1:-1, 1:-1]
        around = x[:, :-2, 1:-1] + x[:, 2:, 1:-1] + x[:, 1:-1, :-2] + x[:, 1:-1, 2:]
        return (around - 4 * centre).flatten(1).double().var(dim=1, correction=0)

    def score(self, rows: Mapping[str, Rows], clip: ClipContext) -> ClipScore:
        """Mean and trend of the curve."""
        curve = rows["frames"][:, 0]
        if not len(curve) or not np.isfinite(curve).all():
            missing = Missing("too_small", "the picture has no inside")
            return ClipScore(values={"sharpness": missing, "sharpness_trend": missing})
        mean = float(curve.mean())
        trend: float | Missing
        if len(curve) < clip.fps or mean == 0:
            trend = Missing("too_short", "a trend needs a second of video that is not of one colour")
        else:
            trend = 100 * slope_per_second(curve, clip.fps) / mean
        return ClipScore(values={"sharpness": mean, "sharpness_trend": trend}, curves={"sharpness": curve})


def slope_per_second(curve: Rows, fps: float) -> float:
    """Least-squares slope of a curve sampled at `fps`."""
    seconds = (np.arange(len(curve)) - (len(curve) - 1) / 2) / fps
    return float((seconds * (curve - curve.mean())).sum() / (seconds**2).sum())
