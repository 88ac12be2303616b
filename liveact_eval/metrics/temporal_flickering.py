"""Temporal flickering as VBench defines it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from liveact_eval.measure.needs import FrameNeed
from liveact_eval.metrics.base import Batch, ClipContext, ClipScore, Metric, Missing, Output, Rows
from liveact_eval.metrics.registry import register

if TYPE_CHECKING:
    import torch


@register
class TemporalFlickering(Metric):
    """One minus the mean absolute difference of neighbouring frames; mean over clips."""

    name = "temporal_flickering"
    outputs = (
        Output(
            name="temporal_flickering",
            title="Temporal flickering",
            direction="up",
            digits=4,
            best=1.0,
            range=(0.0, 1.0),
        ),
    )
    needs = {"pairs": FrameNeed(window=2, matrix="bt601")}
    recipe = "vbench-temporal_flickering-nofilter@2"
    summary = (
        "Plain frame difference, so a frozen video is perfect: read it beside the real row. VBench applies it "
        "to static scenes only, after a filter; here every clip counts. Depends on the frame rate."
    )
    source = "VBench, vbench/temporal_flickering.py (Vchitect/VBench@45e79ec)"

    def features(self, need: str, batch: Batch) -> torch.Tensor:
        """Mean absolute RGB difference of each pair in levels, (N,); sums of integers, hence exact."""
        import torch

        pairs = batch.windows
        # Difference of unsigned bytes without a wider copy: max - min.
        difference = torch.maximum(pairs[:, 0], pairs[:, 1]) - torch.minimum(pairs[:, 0], pairs[:, 1])
        return difference.flatten(1).sum(dim=1, dtype=torch.int64).double() / difference[0].numel()

    def score(self, rows: Mapping[str, Rows], clip: ClipContext) -> ClipScore:
        """The clip's score in 0..1, and its value at each pair of frames."""
        error = rows["pairs"][:, 0]
        if not len(error):
            return ClipScore(values={self.name: Missing("too_short", "one frame has no neighbour")})
        value = (255.0 - float(error.mean())) / 255.0
        return ClipScore(values={self.name: value}, curves={self.name: (255.0 - error) / 255.0})
