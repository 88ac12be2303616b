"""Human Fidelity as VBench-2.0 defines it: the mean of anatomy, clothes and identity."""

from __future__ import annotations

import numpy as np

from liveact_eval.metrics._human_fidelity import RECIPE
from liveact_eval.metrics.base import Output
from liveact_eval.metrics.composite import CompositeMetric, Floats
from liveact_eval.metrics.registry import register


@register
class HumanFidelity(CompositeMetric):
    """The plain mean of the three dimensions, times 100."""

    name = "human_fidelity"
    parts = ("human_anatomy", "human_clothes", "human_identity")
    outputs = (
        Output(
            name="human_fidelity",
            title="Human fidelity (x100)",
            direction="up",
            digits=1,
            best=100.0,
            range=(0.0, 100.0),
        ),
    )
    by_name_only = True
    recipe = RECIPE
    summary = (
        "The plain mean of VBench-2.0's human anatomy, human clothes and human identity, times 100, as papers print "
        "it; missing where one of them is. Modern avatars lie between 96 and 100: read the counts. Only by name."
    )
    source = "VBench-2.0, scripts/cal_final_score.py (Vchitect/VBench@42fcf59)"

    def combine(self, values: Floats) -> Floats:
        """The plain mean, times 100."""
        mean: Floats = 100 * np.mean(values, axis=-1)
        return mean
