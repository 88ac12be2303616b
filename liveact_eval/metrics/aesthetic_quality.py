"""Aesthetic quality as VBench defines it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from liveact_eval.measure.needs import FrameNeed
from liveact_eval.metrics._network_batches import device_of, encode
from liveact_eval.metrics.base import Batch, ClipContext, ClipScore, Metric, Missing, Output, Rows
from liveact_eval.metrics.registry import register

if TYPE_CHECKING:
    from torch import Tensor

_BATCH = 8


@register
class AestheticQuality(Metric):
    """LAION's aesthetic mark of each frame, mean over frames; mean over clips."""

    name = "aesthetic_quality"
    outputs = (
        Output(
            name="aesthetic_quality", title="Aesthetic quality", direction="up", digits=4, range=(None, None)
        ),
    )
    needs = {"frames": FrameNeed()}
    networks = ("clip_vitl14", "aesthetic")
    recipe = "vbench-aesthetic_quality-clip_vitl14-fp32-laion_linear@1"
    summary = (
        "How much people would like single frames, as LAION's linear head on CLIP ViT-L/14 marks their middle "
        "square, by ten. It judges the picture, not the avatar: read it beside the real row."
    )
    source = "VBench, vbench/aesthetic_quality.py (Vchitect/VBench@45e79ec); LAION-AI/aesthetic-predictor"

    def features(self, need: str, batch: Batch) -> Tensor:
        """Marks of frames, of about 0.1..1, (N,)."""
        from liveact_eval.metrics._vbench_transforms import clip_input
        from liveact_eval.networks.aesthetic import aesthetic_score

        tower, head = (batch.network(name) for name in self.networks)
        return encode(
            lambda part: aesthetic_score(head, tower(clip_input(part))),
            batch.windows[:, 0],
            size=_BATCH,
            device=device_of(tower),
        )

    def score(self, rows: Mapping[str, Rows], clip: ClipContext) -> ClipScore:
        """The clip's score, and its value at each frame."""
        marks = rows["frames"][:, 0]
        if not len(marks):
            return ClipScore(values={self.name: Missing("no_frames")})
        return ClipScore(values={self.name: float(marks.mean())}, curves={self.name: marks})
