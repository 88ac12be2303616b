"""The quality score of VBench's leaderboard."""

from __future__ import annotations

from liveact_eval.metrics._vbench_scores import QUALITY, extent, normalised_mean
from liveact_eval.metrics.base import Output
from liveact_eval.metrics.composite import CompositeMetric, Floats
from liveact_eval.metrics.registry import register


@register
class VbenchQuality(CompositeMetric):
    """All seven dimensions that need no prompt."""

    name = "vbench_quality"
    parts = QUALITY
    outputs = (
        Output(
            name="vbench_quality",
            title="VBench quality (x100)",
            direction="up",
            digits=1,
            range=extent(QUALITY),
        ),
    )
    recipe = "vbench-quality-leaderboard-x100@1"
    summary = (
        "The quality score of VBench's leaderboard: its seven dimensions without a prompt, normalised and weighted, "
        "times 100. Flickering counts on every clip here, not on static scenes alone."
    )
    source = "VBench, scripts/cal_final_score.py (Vchitect/VBench@45e79ec)"

    def combine(self, values: Floats) -> Floats:
        """Normalised and weighted, times 100."""
        return 100 * normalised_mean(values, self.parts)
