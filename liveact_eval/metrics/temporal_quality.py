"""Temporal quality: what papers may mean by it, from VBench's temporal dimensions."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from liveact_eval.metrics._vbench_scores import TEMPORAL, TEMPORAL_A4, extent, normalised_mean
from liveact_eval.metrics.base import Output
from liveact_eval.metrics.composite import CompositeMetric, Floats
from liveact_eval.metrics.registry import register

_SOURCE = "VBench, scripts/cal_final_score.py (Vchitect/VBench@45e79ec); grouping of Huang et al., CVPR 2024"
_NO_FORMULA = "Papers give no formula: never to be put beside a paper's column as if it were the same."


class _Normalised(CompositeMetric):
    """The leaderboard's mean of some dimensions, times 100."""

    parts: ClassVar[tuple[str, ...]] = TEMPORAL
    source = _SOURCE

    def combine(self, values: Floats) -> Floats:
        """Normalised and weighted as on the leaderboard, times 100."""
        return 100 * normalised_mean(values, self.parts)


@register
class TemporalQuality(_Normalised):
    """The five temporal dimensions, normalised and weighted."""

    name = "temporal_quality"
    outputs = (
        Output(
            name="temporal_quality",
            title="Temporal quality (A5, x100)",
            direction="up",
            digits=1,
            range=extent(TEMPORAL),
        ),
    )
    recipe = "vbench-temporal_quality-A5-x100@1"
    summary = (
        "VBench's five temporal dimensions, normalised and weighted as on its leaderboard, times 100. Dynamic "
        "degree has half a weight and yet makes most of the spread: portraits that stand still are near 86, moving "
        f"ones near 97. {_NO_FORMULA}"
    )


@register
class TemporalQualityA4(_Normalised):
    """The same without temporal flickering."""

    name = "temporal_quality_a4"
    parts = TEMPORAL_A4
    outputs = (
        Output(
            name="temporal_quality_a4",
            title="Temporal quality (A4, x100)",
            direction="up",
            digits=1,
            range=extent(TEMPORAL_A4),
        ),
    )
    recipe = "vbench-temporal_quality-A4-x100@1"
    summary = (
        "Temporal quality of the four dimensions that VBench supports for videos of one's own, times 100: without "
        f"temporal flickering, which rewards standstill. {_NO_FORMULA}"
    )


@register
class TemporalQualityB5(CompositeMetric):
    """The plain mean of the five."""

    name = "temporal_quality_b5"
    parts = TEMPORAL
    outputs = (
        Output(
            name="temporal_quality_b5",
            title="Temporal quality (B5, x100)",
            direction="up",
            digits=1,
            best=100.0,
            range=(0.0, 100.0),
        ),
    )
    recipe = "vbench-temporal_quality-B5-x100@1"
    summary = f"The plain mean of the five raw temporal dimensions of VBench, times 100. {_NO_FORMULA}"
    source = _SOURCE

    def combine(self, values: Floats) -> Floats:
        """The plain mean, times 100."""
        mean: Floats = 100 * np.mean(values, axis=-1)
        return mean
