"""Subject consistency as VBench defines it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from liveact_eval.metrics._vbench_likeness import ConsistencyMetric
from liveact_eval.metrics.base import Output
from liveact_eval.metrics.registry import register

if TYPE_CHECKING:
    from torch import Tensor


@register
class SubjectConsistency(ConsistencyMetric):
    """By DINO features of frames that are resized, not cropped."""

    name = "subject_consistency"
    outputs = (
        Output(
            name="subject_consistency",
            title="Subject consistency",
            direction="up",
            digits=4,
            best=1.0,
            range=(0.0, 1.0),
        ),
    )
    networks = ("dino_vitb16",)
    recipe = "vbench-subject_consistency-dino_vitb16-frameweighted@1"
    summary = (
        "Likeness of each frame to the one before and to the first, by DINO features of the whole frame. A set's "
        "value is the mean over all frames: long videos weigh more. A frozen video is perfect."
    )
    source = "VBench, vbench/subject_consistency.py (Vchitect/VBench@45e79ec)"

    def prepare(self, frames: Tensor) -> Tensor:
        """Shorter side to 224, bilinear; see `dino_input`."""
        from liveact_eval.metrics._vbench_transforms import dino_input

        return dino_input(frames)
