"""FVD of faces: how far windows of 16 frames of the face are from the real ones of the same moments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from liveact_eval.measure.needs import FrameNeed
from liveact_eval.metrics._face_sets import FacePairs, FaceSetMetric, both_sides, missing_part
from liveact_eval.metrics._frechet_metric import FrechetMetric
from liveact_eval.metrics._fvd_clips import HOP, SIDE, WINDOW, to_i3d_range
from liveact_eval.metrics._network_batches import device_of, encode
from liveact_eval.metrics.base import Batch, ClipContext, ClipScore, Collector, Missing, Output, Rows
from liveact_eval.metrics.registry import register

if TYPE_CHECKING:
    import torch

_BATCH = 4


@register
class FVDFace(FaceSetMetric, FrechetMetric):
    """The box of the followed face, resized by area."""

    name = "fvd_face"
    frechet = "fvd_face"
    unit = "windows"
    outputs = (
        Output(name="fvd_face", title="FVD face", direction="down", digits=1, best=0.0, range=(0.0, None)),
    )
    needs = {
        "windows": FrameNeed(region="box_area", size=(SIDE, SIDE), window=WINDOW, hop=HOP, paired=True),
    }
    networks = ("i3d_script",)
    recipe = "fvd-facebox_area-yunet-16f-hop16-bothfaces-range11@1"
    source = "Unterthiner et al., 2018; I3D TorchScript of StyleGAN-V; crops as in LatentSync"
    summary = (
        "FVD of the faces alone: the box of the face in each frame, resized by area to 224x224, in -1..1 (LatentSync, "
        "whose crops these are, feeds 0..1). Windows count where both videos show a face in all their frames."
    )

    def collector(self, need: str) -> Collector:
        """Statistics of the windows of both videos."""
        return FacePairs()

    def features(self, need: str, batch: Batch) -> torch.Tensor:
        """(N, 800) logits of a window and of the real one beside it; NaN where either lacks a face."""
        network = batch.network(self.networks[0])

        def embed(windows: torch.Tensor) -> torch.Tensor:
            return encode(network, to_i3d_range(windows), size=_BATCH, device=device_of(network))

        return both_sides(batch, self.networks[0], embed)

    def score(self, rows: Mapping[str, Rows], clip: ClipContext) -> ClipScore:
        """What the clip contributes."""
        short = Missing("too_short", f"fewer than {WINDOW} frames")
        missing = missing_part(rows["windows"], short, self.unit)
        if missing is not None:
            return ClipScore(values={self.frechet: missing})
        return ClipScore(values={}, parts={self.frechet: rows["windows"][0]})
