"""Values, intervals and comparisons of set metrics: distances to the real clips, resampled by speaker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liveact_eval.execution.entrants import REAL
from liveact_eval.execution.plan import Plan
from liveact_eval.measure.estimates import judged
from liveact_eval.measure.intervals import Interval, StatisticsConfig, draw_weights
from liveact_eval.metrics.base import Output
from liveact_eval.metrics.set_metric import SetMetric
from liveact_eval.results.schema import Comparison

Floats = NDArray[np.float64]
Parts = Mapping[str, tuple[str, Floats]]
"""Speaker and contribution of each clip that has one."""


@dataclass(frozen=True, kw_only=True)
class SetValue:
    """What a set metric says about a model."""

    value: float | None
    interval: Interval | None = None
    note: str | None = None
    """What a reader should know about it."""
    reason: str | None = None
    """Why there is no value."""


def set_value(plan: Plan, metric: SetMetric, output: Output, model: str, own: Parts, real: Parts) -> SetValue:
    """Distance of a model's clips from the real ones of the same ids; for the real row itself, the floor."""
    if not real:
        return SetValue(value=None, reason="no_reference")
    if model == REAL:
        speakers, parts = _columns(real, list(real))
        floor = metric.floor(output.name, parts, speakers)
        if floor is None:
            return SetValue(value=None, reason="too_few_clips")
        note = "halves of the real set against each other: the floor, which no model can be expected to beat"
        return SetValue(value=floor, note=note)
    common = [clip for clip in own if clip in real]
    if not common:
        return SetValue(value=None, reason="no_reference")
    speakers, generated = _columns(own, common)
    _, against = _columns(real, common)
    value = float(metric.distances(output.name, against, generated, None)[0])
    if not np.isfinite(value):
        return SetValue(value=None, reason="too_few_clips")
    config = _config(plan, metric)
    weights = draw_weights(speakers, config)
    interval = None
    if weights is not None:
        drawn = metric.distances(output.name, against, generated, weights.astype(np.float64))
        bounds = metric.interval(output.name, value, drawn, config.confidence)
        interval = None if bounds is None else Interval(*bounds)
    return SetValue(value=value, interval=interval, note=metric.warning(output.name, value, generated))


def set_comparison(
    plan: Plan, metric: SetMetric, output: Output, names: tuple[str, str], a: Parts, b: Parts, real: Parts
) -> Comparison | None:
    """Both models on the clips that both and the real row have, resampled together.

    The real row has no distance from itself and is compared with nothing.
    """
    common = [clip for clip in a if clip in b and clip in real]
    if REAL in names or not common:
        return None
    speakers, of_a = _columns(a, common)
    of_b, against = _columns(b, common)[1], _columns(real, common)[1]
    whole = [metric.distances(output.name, against, parts, None)[0] for parts in (of_a, of_b)]
    difference = float(whole[0] - whole[1])
    if not np.isfinite(difference):
        return None
    config = _config(plan, metric)
    weights = draw_weights(speakers, config)
    draws = None
    if weights is not None:
        drawn = [
            metric.distances(output.name, against, parts, weights.astype(np.float64))
            for parts in (of_a, of_b)
        ]
        draws = drawn[0] - drawn[1]
    interval, verdict = judged(difference, draws, speakers, output, config)
    return Comparison(
        metric=output.name,
        model=names[0],
        other=names[1],
        difference=difference,
        ci_low=interval.low if interval is not None else None,
        ci_high=interval.high if interval is not None else None,
        n=len(common),
        verdict=verdict,
    )


def _config(plan: Plan, metric: SetMetric) -> StatisticsConfig:
    """Intervals of set metrics take fewer resamples than those of means."""
    config = plan.config.statistics
    return config.model_copy(update={"resamples": min(config.resamples, metric.resamples)})


def _columns(parts: Parts, clips: list[str]) -> tuple[list[str], list[Floats]]:
    """Speakers and contributions of these clips."""
    return [parts[clip][0] for clip in clips], [parts[clip][1] for clip in clips]
