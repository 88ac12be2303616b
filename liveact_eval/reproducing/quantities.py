"""What a column of a published table is here: which output of which metric, and in which unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from liveact_eval.cards.paper import PaperMetric

Part = Literal["", "total", "last"]
"""Which number of a cell that is printed as "Total / Last"."""

COST = frozenset({"fps", "ttff_s", "s_per_frame", "ms_per_frame", "tflops_per_frame"})
"""Quantities of speed and cost: a run of metrics over finished videos does not hold them."""

_LAST = {"csim": "csim_last", "adj_lpips": "adj_lpips_last"}
"""Outputs over the last part of a video."""

_OF_ONE = frozenset(
    {
        "aesthetic_quality",
        "background_consistency",
        "imaging_quality",
        "motion_smoothness",
        "subject_consistency",
        "temporal_flickering",
    }
)
"""Outputs from 0 to 1 that papers print in percent; composites are in percent here too."""

AMBIGUOUS = {
    "delta_e2000": "the paper does not say on which pixels, against which frame, and whether colours are averaged "
    "before or after; here these are delta_e_face and delta_e_frame, with pixel and colour readings"
}
"""Quantities with several readings here, none of which is known to be the paper's."""


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """An output of this project that is the quantity of a column."""

    output: str
    """Name of the output in results."""
    scale: float
    """Factor from the value here to the unit of the paper."""


def quantity_of(metric: PaperMetric, part: Part) -> Quantity | None:
    """The output that is the quantity of a column; `None` where this project has none."""
    if metric.key is None or metric.key in COST or metric.key in AMBIGUOUS:
        return None
    output = _LAST.get(metric.key) if part == "last" else metric.key
    if output is None:
        return None
    scale = 1.0
    if (metric.unit == "percent" and metric.key in _OF_ONE) or metric.unit == "1e-2":
        scale = 100.0
    return Quantity(output=output, scale=scale)
