"""Imaging quality as VBench defines it."""

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
_SCALE = 100


@register
class ImagingQuality(Metric):
    """MUSIQ of each frame, mean over frames; mean over clips."""

    name = "imaging_quality"
    outputs = (
        Output(name="imaging_quality", title="Imaging quality", direction="up", digits=4, range=(None, None)),
    )
    needs = {"frames": FrameNeed()}
    networks = ("musiq",)
    recipe = "vbench-imaging_quality-musiq_spaq-longer512@1"
    summary = (
        "Distortion of single frames (blur, noise, exposure) as MUSIQ marks it, by 100; the longer side is brought "
        "down to 512 first. Needs no reference; read it beside the real row."
    )
    source = "VBench, vbench/imaging_quality.py (Vchitect/VBench@45e79ec)"

    def features(self, need: str, batch: Batch) -> Tensor:
        """Marks of whole frames on a scale of about 0..100, (N,)."""
        from liveact_eval.metrics._vbench_transforms import imaging_input

        network = batch.network(self.networks[0])
        return encode(
            lambda part: network(imaging_input(part)),
            batch.windows[:, 0],
            size=_BATCH,
            device=device_of(network),
        )

    def score(self, rows: Mapping[str, Rows], clip: ClipContext) -> ClipScore:
        """The clip's score in about 0..1, and its value at each frame."""
        marks = rows["frames"][:, 0] / _SCALE
        if not len(marks):
            return ClipScore(values={self.name: Missing("no_frames")})
        return ClipScore(values={self.name: float(marks.mean())}, curves={self.name: marks})
