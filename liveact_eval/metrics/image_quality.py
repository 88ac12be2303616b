"""Image quality and frame-wise quality: what papers may mean by them, from VBench's dimensions of single frames."""

from __future__ import annotations

import numpy as np

from liveact_eval.metrics._vbench_scores import FRAMEWISE
from liveact_eval.metrics.base import Output
from liveact_eval.metrics.composite import CompositeMetric, Floats
from liveact_eval.metrics.registry import register


@register
class ImageQuality(CompositeMetric):
    """Imaging quality as papers print it."""

    name = "image_quality"
    parts = ("imaging_quality",)
    outputs = (
        Output(
            name="image_quality",
            title="Image quality (I1, x100)",
            direction="up",
            digits=1,
            range=(0.0, 100.0),
        ),
    )
    recipe = "vbench-image_quality-I1-x100@1"
    summary = (
        'VBench\'s imaging quality times 100: one reading of the "image quality" of papers, which give no formula. '
        "The other is framewise_quality."
    )
    source = "VBench, vbench/imaging_quality.py (Vchitect/VBench@45e79ec)"

    def combine(self, values: Floats) -> Floats:
        """Imaging quality, times 100."""
        return 100 * values[..., 0]


@register
class FramewiseQuality(CompositeMetric):
    """The mean of the dimensions of single frames."""

    name = "framewise_quality"
    parts = FRAMEWISE
    outputs = (
        Output(
            name="framewise_quality",
            title="Frame-wise quality (I2, x100)",
            direction="up",
            digits=1,
            range=(0.0, 100.0),
        ),
    )
    recipe = "vbench-framewise_quality-I2-x100@1"
    summary = (
        'The mean of VBench\'s aesthetic and imaging quality, times 100: the other reading of the "image quality" of '
        "papers, which give no formula."
    )
    source = "Huang et al., VBench, CVPR 2024: frame-wise quality"

    def combine(self, values: Floats) -> Floats:
        """The plain mean, times 100."""
        mean: Floats = 100 * np.mean(values, axis=-1)
        return mean
