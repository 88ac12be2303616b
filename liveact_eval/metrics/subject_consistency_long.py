"""Subject consistency of videos of more than ten seconds, after VBench-Long."""

from __future__ import annotations

from typing import TYPE_CHECKING

from liveact_eval.metrics._vbench_long_likeness import LongConsistencyMetric
from liveact_eval.metrics._vbench_long_tables import SUBJECT
from liveact_eval.metrics.base import Output
from liveact_eval.metrics.registry import register
from liveact_eval.metrics.subject_consistency import SubjectConsistency

if TYPE_CHECKING:
    from torch import Tensor


@register
class SubjectConsistencyLong(LongConsistencyMetric):
    """By DINO features, within clips and from clip to clip."""

    name = "subject_consistency_long"
    outputs = (
        Output(
            name="subject_consistency_long",
            title="Subject consistency (long)",
            direction="up",
            digits=4,
            best=1.0,
            range=(0.0, 1.0),
        ),
        Output(
            name="subject_clip_to_clip",
            title="Subject, clip to clip",
            direction="up",
            digits=4,
            best=1.0,
            range=(0.0, 1.0),
        ),
    )
    networks = SubjectConsistency.networks
    table = SUBJECT
    recipe = "vbench_long-subject_consistency-2s-scenes35-clip2clip_by_dino_vitb16_not_dinov2@1"
    summary = (
        "For videos of more than 10 s: the mean of the consistency within clips of two seconds and of that of the "
        "first frames of all clips, brought onto one scale. DINO makes both, where VBench-Long takes DINOv2 for the "
        "second: not to be put beside its numbers."
    )
    source = "VBench-Long, vbench2_beta_long/subject_consistency.py (Vchitect/VBench@f946c2c)"

    def prepare(self, frames: Tensor) -> Tensor:
        """As for the short metric."""
        return SubjectConsistency().prepare(frames)
