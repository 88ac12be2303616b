"""Background consistency as VBench defines it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from liveact_eval.metrics._vbench_likeness import ConsistencyMetric
from liveact_eval.metrics.base import Output
from liveact_eval.metrics.registry import register

if TYPE_CHECKING:
    from torch import Tensor


@register
class BackgroundConsistency(ConsistencyMetric):
    """By CLIP features of the middle square."""

    name = "background_consistency"
    outputs = (
        Output(
            name="background_consistency",
            title="Background consistency",
            direction="up",
            digits=4,
            best=1.0,
            range=(0.0, 1.0),
        ),
    )
    networks = ("clip_vitb32",)
    recipe = "vbench-background_consistency-clip_vitb32-fp32-frameweighted@1"
    summary = (
        "Likeness of each frame to the one before and to the first, by CLIP features of the middle square; nothing "
        "is masked, the person counts too. A set's value is the mean over all frames. A frozen video is perfect."
    )
    source = "VBench, vbench/background_consistency.py (Vchitect/VBench@45e79ec)"

    def prepare(self, frames: Tensor) -> Tensor:
        """Shorter side to 224, bicubic, middle square; see `clip_input`."""
        from liveact_eval.metrics._vbench_transforms import clip_input

        return clip_input(frames)
