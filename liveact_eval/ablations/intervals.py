"""Intervals over clips and seeds: speakers are drawn, and seeds are drawn, each with all that belongs to them.

A clip's videos of several seeds are alike, and so are videos of one seed, which begin with the same noise: drawing
units one by one would make intervals too narrow. Both factors are drawn with replacement and independently (the
bootstrap for crossed factors; Owen, The pigeonhole bootstrap, Annals of Applied Statistics 1(2), 2007).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from liveact_eval.measure.intervals import Interval, StatisticsConfig, percentiles

LEAST_SEEDS, LEAST_SPEAKERS = 3, 2
"""Fewer give no interval: nothing can be said about what was not varied."""
Floats = NDArray[np.float64]


def unit_weights(
    speakers: Sequence[str], seeds: Sequence[int], config: StatisticsConfig
) -> NDArray[np.int64] | None:
    """How often each unit is in each bootstrap sample, (resamples, units).

    Args:
        speakers: of each unit.
        seeds: of each unit.
        config: number of samples, and seed of the drawing.

    Returns:
        `None` where there are fewer than two speakers or three seeds.
    """
    names, numbers = sorted(set(speakers)), sorted(set(seeds))
    if len(names) < LEAST_SPEAKERS or len(numbers) < LEAST_SEEDS:
        return None
    stream = np.random.RandomState(config.seed)
    of_speakers = _counts(stream, config.resamples, len(names))
    of_seeds = _counts(stream, config.resamples, len(numbers))
    columns = [names.index(speaker) for speaker in speakers], [numbers.index(seed) for seed in seeds]
    return np.asarray(of_speakers[:, columns[0]] * of_seeds[:, columns[1]], np.int64)


def mean_interval(
    values: Floats, weights: NDArray[np.int64] | None, config: StatisticsConfig
) -> Interval | None:
    """Interval of the mean over the units that have a value.

    Args:
        values: (units,), NaN where there is none.
        weights: see `unit_weights`.
        config: level.
    """
    if weights is None or not np.isfinite(values).any():
        return None
    return percentiles(_means(values, weights), config)


def ratio_interval(
    above: Floats, below: Floats, weights: NDArray[np.int64] | None, config: StatisticsConfig
) -> Interval | None:
    """Interval of a ratio of means over the units that have both values; as `mean_interval`."""
    both = np.isfinite(above) & np.isfinite(below)
    if weights is None or not both.any():
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        drawn = _means(np.where(both, above, np.nan), weights) / _means(
            np.where(both, below, np.nan), weights
        )
    return percentiles(drawn, config)


def _means(values: Floats, weights: NDArray[np.int64]) -> Floats:
    there = np.isfinite(values)
    drawn = weights[:, there].astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        # A sample may hold no unit with a value: it says nothing, and `percentiles` leaves it out.
        return np.asarray(drawn @ values[there] / drawn.sum(axis=1))


def _counts(stream: np.random.RandomState, resamples: int, number: int) -> NDArray[np.int64]:
    drawn = stream.randint(0, number, size=(resamples, number))
    return np.stack([np.bincount(row, minlength=number) for row in drawn])
