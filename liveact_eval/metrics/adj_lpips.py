"""Adj-LPIPS: flicker of the face, as LPIPS between neighbouring frames of smoothly aligned crops."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from liveact_eval.measure.needs import FrameNeed
from liveact_eval.metrics._drift import drift_of
from liveact_eval.metrics._drift_outputs import all_missing, drift_outputs, drift_values
from liveact_eval.metrics._lpips import SIDE, per_second, recipe
from liveact_eval.metrics.base import Batch, ClipContext, ClipScore, Metric, Missing, Output, Rows
from liveact_eval.metrics.registry import register

if TYPE_CHECKING:
    import torch


_AT_ONCE = 8
"""Pairs that come together: the first of them costs a pass more than the others."""


@register
class AdjLpips(Metric):
    """Mean over pairs of neighbouring frames."""

    name = "adj_lpips"
    outputs = (
        *drift_outputs("adj_lpips", "Adj-LPIPS", "down", digits=4, limits=(0.0, None)),
        Output(
            name="adj_lpips_per_s",
            title="Adj-LPIPS per second",
            direction="down",
            digits=3,
            range=(0.0, None),
        ),
    )
    needs = {"pairs": FrameNeed(region="face", size=(SIDE, SIDE), smooth=True, window=2, at_once=_AT_ONCE)}
    networks = ("lpips_alex",)
    recipe = recipe("alex")
    summary = (
        "How different neighbouring frames of the face look, on crops whose alignment is smoothed over time. A frozen "
        "video scores 0: read it beside the real row. Depends on the frame rate; `per_s` allows for it."
    )
    source = "Zhang et al., CVPR 2018; package lpips 0.1.4, version 0.1 heads on AlexNet"

    def features(self, need: str, batch: Batch) -> torch.Tensor:
        """(N,) distances; NaN where either frame has no face near."""
        import torch

        from liveact_eval.networks.lpips_net import neighbours

        network = batch.network(self.networks[0])
        # Windows of two at a hop of one: each picture is the second of one pair and the first of the next.
        pictures = torch.cat([batch.windows[:1, 0], batch.windows[:, 1]])
        return neighbours(network, pictures.to(next(network.parameters()).device)).cpu()

    def score(self, rows: Mapping[str, Rows], clip: ClipContext) -> ClipScore:
        """Mean over pairs and over those of the last window, and the curve."""
        curve = rows["pairs"][:, 0]
        why = None
        if not len(curve):
            why = Missing("too_short", "one frame has no neighbour")
        elif not np.isfinite(curve).any():
            why = Missing("no_face", f"no two neighbours with a face in {len(curve) + 1} frames")
        if why is not None:
            return ClipScore(values=all_missing(self.outputs, why))
        drift = drift_of(curve, clip.fps, frames=len(curve) + 1)
        total = drift.total
        rate = total if isinstance(total, Missing) else per_second(total, clip.fps)
        values = {**drift_values(self.name, drift), f"{self.name}_per_s": rate}
        return ClipScore(values=values, curves={self.name: curve})
