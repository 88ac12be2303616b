"""Intervals of values: a bootstrap over speakers of any statistic that merges by addition. Differences: `estimates`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from liveact_eval.metrics.base import Direction

Floats = NDArray[np.float64]
Result = Callable[[Floats], Floats]
Verdict = Literal["better", "worse", "cannot tell"]


class StatisticsConfig(BaseModel):
    """How intervals are made."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    resamples: int = Field(default=2000, ge=100, le=100_000)
    """Bootstrap samples."""
    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    """Two-sided level of the intervals."""
    seed: int = Field(default=0, ge=0, lt=2**32)
    """Seed of the resampling."""


@dataclass(frozen=True)
class Interval:
    """A two-sided interval."""

    low: float
    high: float


def draw_weights(speakers: Sequence[str], config: StatisticsConfig) -> NDArray[np.int64] | None:
    """How often each clip is in each bootstrap sample, (resamples, clips): speakers are drawn, not clips.

    Clips of one speaker are alike, so that drawing clips would make the interval too narrow. `None` for
    fewer than two speakers: nothing can be said about a population from one.
    """
    names = sorted(set(speakers))
    if len(names) < 2:
        return None
    stream = np.random.RandomState(config.seed)
    drawn = stream.randint(0, len(names), size=(config.resamples, len(names)))
    counts = np.stack([np.bincount(row, minlength=len(names)) for row in drawn])
    return np.asarray(counts[:, [names.index(speaker) for speaker in speakers]], dtype=np.int64)


def interval_of(
    parts: Floats, result: Result, weights: NDArray[np.int64] | None, config: StatisticsConfig
) -> Interval | None:
    """Interval of a statistic.

    Args:
        parts: additive statistics, (clips, d).
        result: from merged statistics (..., d) to values (...).
        weights: from `draw_weights` for the same clips.
        config: level of the interval.
    """
    if weights is None or not len(parts):
        return None
    return percentiles(result(weights.astype(np.float64) @ parts), config)


def verdict_of(interval: Interval | None, direction: Direction) -> Verdict:
    """What the interval of a difference says about the first of the two."""
    if interval is None or direction == "none" or interval.low <= 0 <= interval.high:
        return "cannot tell"
    higher = interval.low > 0
    return "better" if higher == (direction == "up") else "worse"


def percentiles(values: Floats, config: StatisticsConfig) -> Interval | None:
    """The percentile interval of bootstrap values; those that are not finite are left out."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return None
    tail = (1 - config.confidence) / 2
    low, high = np.quantile(finite, [tail, 1 - tail])
    return Interval(float(low), float(high))
