"""What a curve of values over levels says: does the metric follow the distortion, and from where to where."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from liveact_eval.measure.intervals import Interval, StatisticsConfig, draw_weights, percentiles

Floats = NDArray[np.float64]
Shape = Literal["monotone", "not monotone", "flat", "missing"]
Trend = Literal["up", "down", "none"]

SMALL_STEP = 0.02
"""A step of less than this share of the curve's range is none, however sure it is."""
SMALL_STEP_ALONE = 0.05
"""The same where there is no interval: one speaker, or a metric of whole sets."""
EXACT = 1e-9
"""Curves whose range is below this share of their size do not move: that is rounding."""
FEWEST_LEVELS = 3
"""A curve needs values at so many levels, level 0 among them."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What a curve says."""

    shape: Shape
    """`monotone`: all steps that count go one way; `flat`: there is none."""
    trend: Trend
    """Which way it goes, by its steps or, where they disagree, by its last level."""
    correlation: float | None
    """Spearman's of value and level in each clip, mean over clips; `None`: nothing moves, or no value."""
    interval: Interval | None
    """Of the correlation, over speakers; `None` for fewer than two."""
    dead_until: int | None
    """Last level that cannot be told from level 0, where there is one before the curve moves."""
    saturated_from: int | None
    """Level from which on it does not move any more, where there is one before the last."""
    change: tuple[float | None, ...]
    """Mean difference from level 0 over the clips that have both, by level; 0 at level 0."""


def read_curve(
    table: Floats, speakers: Sequence[str], config: StatisticsConfig, *, alone: bool = False
) -> Reading:
    """Read the curve of one metric over one distortion.

    Args:
        table: (levels + 1, clips) values, NaN where there is none; row 0 is the clip as it is.
        speakers: speaker of each clip.
        config: how intervals are made.
        alone: columns are no clips but values of the whole set: there is no interval.
    """
    known = [k for k in range(len(table)) if np.isfinite(table[[0, k]]).all(axis=0).any()]
    if not len(table) or 0 not in known or len(known) < FEWEST_LEVELS:
        return _nothing("missing", [None] * len(table))
    change = [float(np.nanmean(table[k] - table[0])) if k in known else None for k in range(len(table))]
    seen = [value for value in change if value is not None]
    span, size = max(seen) - min(seen), float(np.nanmax(np.abs(table)))
    if span <= EXACT * max(size, 1.0):
        return _nothing("flat", change)

    def move(a: int, b: int) -> int:
        """Sign of the step from level a to level b; 0: none that counts."""
        return _sign(table[b] - table[a], speakers, config, span, alone=alone)

    steps = [move(a, b) for a, b in itertools.pairwise(known)]
    away = [move(0, k) for k in known[1:]]
    correlation, interval = _correlation(table, speakers, config, alone=alone)
    signs = set(steps) - {0}
    if not signs and not any(away):
        return _nothing("flat", change, correlation, interval)
    # Steps may each be too small to be sure of, and together be plain.
    signs = signs or (set(away) - {0})
    last = change[known[-1]] or 0.0
    direction = signs.pop() if len(signs) == 1 else int(np.sign(last))
    one_way = not signs
    moving = [i for i, sign in enumerate(away) if sign]
    dead = known[moving[0]] if moving and moving[0] > 0 else None
    ending = len(steps)
    while ending > 0 and steps[ending - 1] == 0:
        ending -= 1
    saturated = known[ending] if one_way and 0 < ending < len(steps) else None
    return Reading(
        shape="monotone" if one_way else "not monotone",
        trend="up" if direction > 0 else "down" if direction < 0 else "none",
        correlation=correlation,
        interval=interval,
        dead_until=dead,
        saturated_from=saturated,
        change=tuple(change),
    )


def _sign(
    differences: Floats, speakers: Sequence[str], config: StatisticsConfig, span: float, *, alone: bool
) -> int:
    """The sign of the mean difference, if it is beyond its interval and not small beside the curve's range."""
    good = np.isfinite(differences)
    if not good.any():
        return 0
    own = differences[good]
    mean = float(own.mean())
    weights = None if alone else draw_weights([s for s, g in zip(speakers, good, strict=True) if g], config)
    if weights is None:
        return int(np.sign(mean)) if abs(mean) >= SMALL_STEP_ALONE * span else 0
    interval = percentiles((weights @ own) / weights.sum(axis=1), config)
    sure = interval is not None and not interval.low <= 0 <= interval.high
    return int(np.sign(mean)) if sure and abs(mean) >= SMALL_STEP * span else 0


def _correlation(
    table: Floats, speakers: Sequence[str], config: StatisticsConfig, *, alone: bool
) -> tuple[float | None, Interval | None]:
    """Mean over clips of the rank correlation of value and level, and its interval over speakers."""
    found = {i: value for i, of in enumerate(table.T) if (value := spearman(of)) is not None}
    if not found:
        return None, None
    values = np.array(list(found.values()))
    weights = None if alone else draw_weights([speakers[i] for i in found], config)
    interval = None if weights is None else percentiles((weights @ values) / weights.sum(axis=1), config)
    return float(values.mean()), interval


def spearman(values: Floats) -> float | None:
    """Rank correlation of values with their places, leaving NaN out; 0 where they are all equal.

    `None` for fewer than three values.
    """
    from scipy.stats import rankdata

    good = np.flatnonzero(np.isfinite(values))
    if len(good) < FEWEST_LEVELS:
        return None
    ranks = rankdata(values[good])
    if ranks.std() == 0:
        return 0.0
    return float(np.clip(np.corrcoef(ranks, np.arange(len(good)))[0, 1], -1, 1))


def _nothing(
    shape: Shape,
    change: Sequence[float | None],
    correlation: float | None = None,
    interval: Interval | None = None,
) -> Reading:
    return Reading(
        shape=shape,
        trend="none",
        correlation=correlation,
        interval=interval,
        dead_until=None,
        saturated_from=None,
        change=tuple(change),
    )
