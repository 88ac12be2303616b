"""Differences and how well they are known: an interval and a probability from the bootstrap over speakers.

The bootstrap gives the standard error of the difference; interval and probability are those of Student's t with one
degree of freedom less than there are speakers. A percentile interval of eight speakers is too narrow (the bootstrap
leaves out the factor S / (S - 1), and a normal tail is too thin for so few), and its probabilities end at one over the
number of resamples, which no correction for many comparisons leaves standing. Runs, comparisons and the gate all judge
by this one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from liveact_eval.measure.intervals import Interval, StatisticsConfig, Verdict, draw_weights, verdict_of
from liveact_eval.metrics.base import Output

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A difference and how well it is known."""

    difference: float
    error: float | None
    """Standard error; `None` for fewer than two speakers."""
    freedom: int
    """Degrees of freedom: speakers less one."""
    n: int
    """Clips."""

    @property
    def p(self) -> float | None:
        """Two-sided probability of a difference as large where there is none."""
        if self.error is None:
            return None
        from scipy.special import stdtr

        return float(2 * stdtr(self.freedom, -abs(self.difference) / self.error))

    def interval(self, confidence: float) -> tuple[float, float] | None:
        """Two-sided interval at that level."""
        if self.error is None:
            return None
        from scipy.special import stdtrit

        half = float(stdtrit(self.freedom, (1 + confidence) / 2)) * self.error
        return self.difference - half, self.difference + half


@dataclass(frozen=True)
class Resampling:
    """Bootstrap samples of speakers; the same speakers give the same samples, whatever is compared."""

    config: StatisticsConfig = field(default_factory=StatisticsConfig)
    _known: dict[tuple[str, ...], Floats | None] = field(default_factory=dict, repr=False)

    def weights(self, speakers: Sequence[str]) -> Floats | None:
        """(resamples, clips) how often each clip is taken; `None` for fewer than two speakers."""
        key = tuple(speakers)
        if key not in self._known:
            drawn = draw_weights(speakers, self.config)
            self._known[key] = None if drawn is None else drawn.astype(np.float64)
        return self._known[key]

    def mean_difference(self, a: Floats, b: Floats, speakers: Sequence[str], digits: int) -> Estimate:
        """Mean over clips of a - b, both (clips,) of the same clips; `digits`: see `from_draws`."""
        apart = a - b
        weights = self.weights(speakers)
        draws = None if weights is None else weights @ apart / weights.sum(axis=1)
        return from_draws(float(apart.mean()), draws, speakers, digits)


def from_draws(difference: float, draws: Floats | None, speakers: Sequence[str], digits: int) -> Estimate:
    """The estimate behind bootstrap draws of a difference.

    Args:
        difference: of all clips.
        draws: (resamples,) of bootstrap samples; those that are not finite are left out; `None`: there are none.
        speakers: of each clip.
        digits: decimals that the metric is shown with. The error of rounding to them is added, so that what is the
            same in all clips, or differs in digits that nobody sees, is not known without any error.
    """
    count = len(set(speakers))
    finite = np.zeros(0) if draws is None else draws[np.isfinite(draws)]
    error = None
    if count >= 2 and len(finite) >= 2:
        spread = float(finite.std()) * math.sqrt(count / (count - 1))
        error = math.hypot(spread, resolution(digits, count))
    return Estimate(difference=difference, error=error, freedom=max(count - 1, 0), n=len(speakers))


def resolution(digits: int, speakers: int) -> float:
    """Standard error that rounding to so many decimals alone would bring to a mean over speakers."""
    return 10.0**-digits / math.sqrt(12 * speakers)


def judged(
    difference: float,
    draws: Floats | None,
    speakers: Sequence[str],
    output: Output,
    config: StatisticsConfig,
) -> tuple[Interval | None, Verdict]:
    """Interval of a difference of two models, and what it says about the first, without a correction for others.

    Args:
        difference: on the clips that both have.
        draws: (resamples,) of the same bootstrap samples for both; `None` for fewer than two speakers.
        speakers: of each of these clips.
        output: what was measured: which way is better, and with how many decimals.
        config: level of the interval.
    """
    bounds = from_draws(difference, draws, speakers, output.digits).interval(config.confidence)
    interval = None if bounds is None else Interval(*bounds)
    return interval, verdict_of(interval, output.direction)
