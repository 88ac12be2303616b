"""FID of the mini tier: how far drawn heads are from those of a model, to a network that knows drawn heads."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from liveact_eval.measure.needs import FrameNeed
from liveact_eval.metrics._frechet_metric import FrechetMetric
from liveact_eval.metrics._gaussian_collector import GaussianCollector
from liveact_eval.metrics._mini_frames import AT_ONCE, NETWORK, SIZE, SOURCE, read_frames
from liveact_eval.metrics.base import Batch, ClipContext, ClipScore, Collector, Missing, Output, Rows
from liveact_eval.metrics.registry import register


@register
class MiniFID(FrechetMetric):
    """Every frame, whole."""

    name = "mini_fid"
    frechet = "mini_fid"
    unit = "frames"
    outputs = (
        Output(name="mini_fid", title="FID (mini)", direction="down", digits=3, best=0.0, range=(0.0, None)),
    )
    needs = {"frames": FrameNeed(size=SIZE, at_once=AT_ONCE)}
    networks = (NETWORK,)
    truth = True
    recipe = "mini-fid@1"
    summary = (
        "Distance between the pictures of all videos and the real ones of the same clips, to the small network of "
        "this project. Drawn clips (talkers) only; never to be compared with FID."
    )
    source = f"Heusel et al., NeurIPS 2017, with another network: {SOURCE}"

    def collector(self, need: str) -> Collector:
        """Statistics of all frames."""
        return GaussianCollector()

    def features(self, need: str, batch: Batch) -> NDArray[np.float32]:
        """(N, 128) features."""
        return read_frames(batch)[0]

    def score(self, rows: Mapping[str, Rows], clip: ClipContext) -> ClipScore:
        """What the clip contributes."""
        if not len(rows["frames"]):
            return ClipScore(values={self.frechet: Missing("no_frames")})
        return ClipScore(values={}, parts={self.frechet: rows["frames"][0]})
