"""What FID and FVD have in common: a Fréchet distance of sets of videos, its floor, its interval and its warnings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from liveact_eval.errors import UserError
from liveact_eval.metrics._frechet import GaussianStatistics, merge
from liveact_eval.metrics._frechet_resampling import FrechetResampler
from liveact_eval.metrics._gaussian_collector import unpack
from liveact_eval.metrics._small_sets import centred_interval, warnings_of
from liveact_eval.metrics.set_metric import SetMetric

Floats = NDArray[np.float64]
SPLITS = 10
"""Random halves of the real set that are averaged for the floor."""


class FrechetMetric(SetMetric):
    """Parts of clips are rows of a `GaussianCollector`; the output `frechet` is the distance."""

    frechet: ClassVar[str]
    """Name of the output that is the Fréchet distance."""
    unit: ClassVar[str]
    """What a feature is taken from, in warnings: frames, windows."""

    def distances(
        self, output: str, real: Sequence[Floats], generated: Sequence[Floats], weights: Floats | None
    ) -> Floats:
        """See `SetMetric.distances`."""
        try:
            resampler = FrechetResampler(_statistics(real), _statistics(generated))
        except UserError:
            # Fewer than two features in all: there is no covariance, and so no distance.
            return np.full(1 if weights is None else len(weights), np.nan)
        return resampler.values(weights, weights)

    def floor(self, output: str, real: Sequence[Floats], speakers: Sequence[str]) -> float | None:
        """Distance between halves of the real set that share no speaker, mean over random splits."""
        halves = split_halves(speakers, SPLITS)
        if halves is None:
            return None
        statistics = _statistics(real)
        try:
            values = FrechetResampler(statistics, statistics).values(*halves)
        except UserError:
            return None
        finite = values[np.isfinite(values)]
        return float(finite.mean()) if len(finite) else None

    def interval(
        self, output: str, value: float, replicates: Floats, confidence: float
    ) -> tuple[float, float] | None:
        """The spread of the bootstrap samples around the value; see `centred_interval`."""
        if not np.isfinite(replicates).any():
            return None
        found = centred_interval(value, replicates, confidence)
        return found.low, found.high

    def warning(self, output: str, value: float, parts: Sequence[Floats]) -> str | None:
        """That a set is small, where it is."""
        whole = merge(_statistics(parts))
        found = warnings_of(
            samples=whole.n, videos=len(parts), dimensions=len(whole.mean), value=value, floor=None
        )
        return f"{whole.n} {self.unit}; {' '.join(found)}".rstrip(". ") if found else None


def _statistics(parts: Sequence[Floats]) -> list[GaussianStatistics]:
    return [unpack(part)[0] for part in parts]


def split_halves(speakers: Sequence[str], splits: int) -> tuple[Floats, Floats] | None:
    """Weights (splits, clips) of two halves without a speaker in common; `None` for fewer than two speakers."""
    names = sorted(set(speakers))
    if len(names) < 2:
        return None
    stream = np.random.RandomState(0)
    index = np.array([names.index(speaker) for speaker in speakers])
    halves = []
    for _ in range(splits):
        first = np.isin(index, stream.permutation(len(names))[: len(names) // 2])
        halves.append(first)
    chosen = np.stack(halves).astype(np.float64)
    return chosen, 1 - chosen
