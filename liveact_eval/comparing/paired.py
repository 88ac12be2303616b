"""Verdicts of many comparisons at once: Holm's correction of their probabilities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from liveact_eval.measure.intervals import Verdict
from liveact_eval.metrics.base import Direction

CORRECTION: Literal["Holm"] = "Holm"


def holm(probabilities: Mapping[int, float]) -> dict[int, float]:
    """Probabilities corrected for their number by Holm's step-down method, by the same keys."""
    count, floor = len(probabilities), 0.0
    corrected: dict[int, float] = {}
    for rank, (key, p) in enumerate(sorted(probabilities.items(), key=lambda item: (item[1], item[0]))):
        floor = max(floor, min(1.0, (count - rank) * p))
        corrected[key] = floor
    return corrected


def verdict(difference: float, p: float | None, direction: Direction, level: float) -> Verdict | None:
    """What a corrected probability says about the first of the two; `None` for what is not a score."""
    if direction == "none":
        return None
    if p is None or p > level or difference == 0:
        return "cannot tell"
    return "better" if (difference > 0) == (direction == "up") else "worse"
