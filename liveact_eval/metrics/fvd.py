"""FVD: how far windows of 16 frames are from the real ones, to a network that knows actions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from liveact_eval.measure.needs import FrameNeed
from liveact_eval.metrics._frechet_metric import FrechetMetric
from liveact_eval.metrics._fvd_clips import HOP, WINDOW, Framing, to_i3d_clips
from liveact_eval.metrics._gaussian_collector import GaussianCollector
from liveact_eval.metrics._network_batches import device_of
from liveact_eval.metrics.base import Batch, ClipContext, ClipScore, Collector, Missing, Output, Rows
from liveact_eval.metrics.registry import register

if TYPE_CHECKING:
    import torch

_BATCH = 4


class I3DMetric(FrechetMetric):
    """Logits of windows that do not overlap."""

    needs = {"windows": FrameNeed(window=WINDOW, hop=HOP)}
    unit = "windows"
    networks = ("i3d_script",)
    framing: ClassVar[Framing]
    source = "Unterthiner et al., 2018; I3D TorchScript of StyleGAN-V"

    def collector(self, need: str) -> Collector:
        """Statistics of all windows."""
        return GaussianCollector()

    def features(self, need: str, batch: Batch) -> torch.Tensor:
        """(N, 400) logits."""
        import torch

        network = batch.network(self.networks[0])
        parts = batch.windows.split(_BATCH)
        place = device_of(network)
        return torch.cat([network(to_i3d_clips(part.to(place), self.framing)).cpu() for part in parts])

    def score(self, rows: Mapping[str, Rows], clip: ClipContext) -> ClipScore:
        """What the clip contributes."""
        if not len(rows["windows"]):
            return ClipScore(values={self.frechet: Missing("too_short", f"fewer than {WINDOW} frames")})
        return ClipScore(values={}, parts={self.frechet: rows["windows"][0]})


@register
class FVD(I3DMetric):
    """The shorter side to 224, then the middle."""

    name = "fvd"
    frechet = "fvd"
    outputs = (Output(name="fvd", title="FVD", direction="down", digits=1, best=0.0, range=(0.0, None)),)
    framing = "shorter_center"
    recipe = "fvd-shorter_center-16f-hop16-all@1"
    summary = (
        "Distance between windows of 16 frames of all videos and the real ones of the same clips, at the "
        "protocol's frame rate. Blind to slow drift; compare values of equal sets only."
    )


@register
class FVDStretch(I3DMetric):
    """Straight to a square."""

    name = "fvd_stretch"
    frechet = "fvd_stretch"
    outputs = (
        Output(
            name="fvd_stretch", title="FVD (stretch)", direction="down", digits=1, best=0.0, range=(0.0, None)
        ),
    )
    framing = "stretch"
    recipe = "fvd-stretch-16f-hop16-all@1"
    summary = "FVD with pictures stretched to a square, as the original TensorFlow script does."
