"""FVD by VideoMAE: how far windows of 16 frames are from the real ones, to a network that judges by motion."""

from __future__ import annotations

from typing import TYPE_CHECKING

from liveact_eval.metrics._fvd_clips import to_videomae_clips
from liveact_eval.metrics._network_batches import device_of
from liveact_eval.metrics.base import Batch, Output
from liveact_eval.metrics.fvd import I3DMetric
from liveact_eval.metrics.registry import register

if TYPE_CHECKING:
    import torch

_BATCH = 1
"""Windows per pass: one is 2048 tokens, 4 TFLOP and 0.2 GB of attention in ViT-g."""


@register
class FVDVideoMAE(I3DMetric):
    """Content-debiased FVD."""

    name = "fvd_videomae"
    frechet = "fvd_videomae"
    outputs = (
        Output(
            name="fvd_videomae",
            title="FVD (VideoMAE)",
            direction="down",
            digits=1,
            best=0.0,
            range=(0.0, None),
        ),
    )
    networks = ("videomae_g",)
    by_name_only = True
    framing = "stretch"
    recipe = "fvd-videomae2_g_ssv2-stretch-range01-16f-hop16-all@1"
    source = "Ge et al., CVPR 2024 (content-debiased FVD); Wang et al., CVPR 2023 (VideoMAE V2)"
    summary = (
        "FVD with features of VideoMAE V2 in place of I3D's, which see little but single frames: 1408 numbers for each "
        "window of 16 frames, stretched to a square. A network of a billion parameters: runs only by name."
    )

    def features(self, need: str, batch: Batch) -> torch.Tensor:
        """(N, 1408) features."""
        import torch

        network = batch.network(self.networks[0])
        place = device_of(network)
        parts = batch.windows.split(_BATCH)
        return torch.cat([network(to_videomae_clips(part.to(place))).cpu() for part in parts])
