"""A metric of a whole set of videos against the set of real ones: there is no value of a single clip."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from liveact_eval.metrics.base import Metric

Floats = NDArray[np.float64]


class SetMetric(Metric):
    """A distance between the videos of a model and the real ones of the same clips.

    `score` gives in `ClipScore.parts` what a clip contributes, one flat vector by output name. The vectors of
    the real videos are those that the row `real` has.
    """

    resamples: ClassVar[int] = 200
    """Bootstrap samples at most: a distance of sets costs more than a mean."""

    @property
    def needs_real(self) -> bool:
        """There is no distance without real videos."""
        return True

    @abstractmethod
    def distances(
        self, output: str, real: Sequence[Floats], generated: Sequence[Floats], weights: Floats | None
    ) -> Floats:
        """Distances of bootstrap samples.

        Args:
            output: which of the metric's numbers.
            real: parts of the real clips.
            generated: parts of the same clips as made by a model.
            weights: (B, clips) how often each clip is taken on both sides; `None`: once each, B = 1.

        Returns:
            (B,); NaN where a sample has no distance.
        """

    @abstractmethod
    def floor(self, output: str, real: Sequence[Floats], speakers: Sequence[str]) -> float | None:
        """What two halves of the real set are apart: the value that no model can be expected to beat."""

    def interval(
        self, output: str, value: float, replicates: Floats, confidence: float
    ) -> tuple[float, float] | None:
        """Two-sided interval of a value from distances of bootstrap samples; by default their percentiles."""
        finite = replicates[np.isfinite(replicates)]
        if not len(finite):
            return None
        low, high = np.quantile(finite, [(1 - confidence) / 2, (1 + confidence) / 2])
        return float(low), float(high)

    def warning(self, output: str, value: float, parts: Sequence[Floats]) -> str | None:
        """What a reader should know about a value of so small a set, if anything."""
        return None
