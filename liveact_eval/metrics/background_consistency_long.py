"""Background consistency of videos of more than ten seconds, after VBench-Long."""

from __future__ import annotations

from typing import TYPE_CHECKING

from liveact_eval.metrics._vbench_long_likeness import LongConsistencyMetric
from liveact_eval.metrics._vbench_long_tables import BACKGROUND
from liveact_eval.metrics.background_consistency import BackgroundConsistency
from liveact_eval.metrics.base import Output
from liveact_eval.metrics.registry import register

if TYPE_CHECKING:
    from torch import Tensor


@register
class BackgroundConsistencyLong(LongConsistencyMetric):
    """By CLIP features of the middle square, within clips and from clip to clip."""

    name = "background_consistency_long"
    outputs = (
        Output(
            name="background_consistency_long",
            title="Background consistency (long)",
            direction="up",
            digits=4,
            best=1.0,
            range=(0.0, 1.0),
        ),
        Output(
            name="background_clip_to_clip",
            title="Background, clip to clip",
            direction="up",
            digits=4,
            best=1.0,
            range=(0.0, 1.0),
        ),
    )
    networks = BackgroundConsistency.networks
    table = BACKGROUND
    recipe = "vbench_long-background_consistency-2s-scenes35-clip2clip_by_clip_vitb32_not_dreamsim@1"
    summary = (
        "For videos of more than 10 s: the mean of the consistency within clips of two seconds and of that of the "
        "first frames of all clips, brought onto one scale. CLIP makes both, where VBench-Long takes DreamSim for the "
        "second: not to be put beside its numbers."
    )
    source = "VBench-Long, vbench2_beta_long/background_consistency.py (Vchitect/VBench@f946c2c)"

    def prepare(self, frames: Tensor) -> Tensor:
        """As for the short metric."""
        return BackgroundConsistency().prepare(frames)
