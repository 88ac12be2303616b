"""PSNR against the real video, frame by frame."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from liveact_eval.measure.needs import FrameNeed
from liveact_eval.metrics.base import Batch, ClipContext, ClipScore, Metric, Missing, Output, Rows
from liveact_eval.metrics.registry import register

if TYPE_CHECKING:
    import torch

CEILING_DB = 100.0
"""What two equal frames get: infinity would make every mean infinite."""


@register
class Psnr(Metric):
    """Peak signal-to-noise ratio over all pixels and channels of RGB; mean over frames, then over clips."""

    name = "psnr"
    outputs = (
        Output(
            name="psnr_db",
            title="PSNR",
            direction="up",
            unit="dB",
            digits=2,
            best=CEILING_DB,
            range=(0.0, CEILING_DB),
        ),
    )
    needs = {"frames": FrameNeed(paired=True)}
    recipe = "psnr-rgb-framewise-cap100@1"
    summary = "How close each frame is to the real frame of the same index. Equal frames count as 100 dB."
    source = "10 log10(255^2 / MSE), MSE over RGB"

    def features(self, need: str, batch: Batch) -> torch.Tensor:
        """Mean squared error of each frame, (N,)."""
        if batch.reference is None:
            raise ValueError("a paired need comes with its reference")
        difference = batch.windows[:, 0].float() - batch.reference[:, 0].float()
        return difference.square().flatten(1).double().mean(dim=1)

    def score(self, rows: Mapping[str, Rows], clip: ClipContext) -> ClipScore:
        """PSNR of each frame, and their mean."""
        error = rows["frames"][:, 0]
        if not len(error):
            return ClipScore(
                values={"psnr_db": Missing("no_frames", "no frame in common with the real video")}
            )
        floor = 255.0**2 / 10 ** (CEILING_DB / 10)
        curve = 10 * np.log10(255.0**2 / np.maximum(error, floor))
        return ClipScore(values={"psnr_db": float(curve.mean())}, curves={"psnr_db": curve})
