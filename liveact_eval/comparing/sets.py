"""Set metrics of a comparison: distances on the shared clips, from what the journals of the runs hold."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from liveact_eval.comparing.columns import Column
from liveact_eval.execution.entrants import REAL
from liveact_eval.measure.estimates import Resampling
from liveact_eval.metrics.registry import shipped
from liveact_eval.metrics.set_metric import SetMetric
from liveact_eval.results.schema import MetricRecord

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Distances:
    """A column's distance from the real clips."""

    value: float | None
    draws: Floats | None = None
    """(resamples,) distances of bootstrap samples; `None` where there are none."""
    interval: tuple[float, float] | None = None
    reason: str | None = None
    """Why there is no value, or none that can be compared."""


class SetRow:
    """A set metric over the columns of a table.

    Args:
        record: the output.
        resampling: bootstrap samples; a set metric takes fewer of them than means do.
    """

    def __init__(self, record: MetricRecord, resampling: Resampling) -> None:
        self.record = record
        metric = shipped().get(record.giver or record.name)
        # Another version of this package, or a plugin that is not here, computes something else.
        known = isinstance(metric, SetMetric) and record.recipe.split("+")[0] == metric.recipe
        self._metric = metric if known and isinstance(metric, SetMetric) else None
        self._config = resampling.config
        self._resampling = resampling
        if self._metric is not None:
            fewer = min(resampling.config.resamples, self._metric.resamples)
            self._resampling = Resampling(resampling.config.model_copy(update={"resamples": fewer}))

    def clips(self, column: Column, shared: Sequence[str]) -> list[str]:
        """Shared clips of which both the column and the real clips of its run have a part.

        Where there are no parts to use: all, if these are all that the number in the results is of.
        """
        if self._unusable(column) is not None:
            return list(shared) if self._stated(column, shared) is not None else []
        own, real = self._parts(column)
        return [clip for clip in shared if clip in own and clip in real]

    def distances(self, column: Column, clips: Sequence[str], speakers: Sequence[str]) -> Distances:
        """The distance over these clips; of the real row, that of its halves."""
        reason = self._unusable(column)
        if reason is not None or self._metric is None:
            stated = self._stated(column, clips)
            return Distances(value=None, reason=reason) if stated is None else replace(stated, reason=reason)
        own, real = self._parts(column)
        against, generated = [real[clip] for clip in clips], [own[clip] for clip in clips]
        value = self._value(column.model, against, generated, speakers)
        if value is None:
            return Distances(value=None, reason="too_few_clips")
        weights = self._resampling.weights(speakers)
        if weights is None or column.model == REAL:
            return Distances(value=value)
        draws = self._metric.distances(self.record.name, against, generated, weights)
        interval = self._metric.interval(self.record.name, value, draws, self._config.confidence)
        return Distances(value=value, draws=draws, interval=interval)

    def _stated(self, column: Column, clips: Sequence[str]) -> Distances | None:
        """The number in the results, if it is of just these clips."""
        run = column.giver(self.record.name, self.record.recipe)
        row = None if run is None else run.rows.get((column.model, self.record.name))
        if run is None or row is None or row.value is None:
            return None
        if row.n != len(clips) or list(clips) != run.results.clips:
            return None
        ends = None if row.ci_low is None or row.ci_high is None else (row.ci_low, row.ci_high)
        return Distances(value=row.value, interval=ends)

    def _unusable(self, column: Column) -> str | None:
        """Why there can be no distance, as a code; `None` where there can."""
        run = column.giver(self.record.name, self.record.recipe)
        row = None if run is None else run.rows.get((column.model, self.record.name))
        if run is None or row is None:
            return "not_measured"
        if row.value is None:
            return row.value_reason or "not_measured"
        if self._metric is None:
            return "metric_not_here"
        own, real = self._parts(column)
        if not own or not real:
            return "no_journal"
        # The parts must give the number in the results, over all clips of the run: else they are of another state.
        clips = [clip for clip in run.results.clips if clip in own and clip in real]
        spoken = [run.speakers[clip] for clip in clips]
        found = self._value(
            column.model, [real[clip] for clip in clips], [own[clip] for clip in clips], spoken
        )
        agrees = found is not None and math.isclose(found, row.value, rel_tol=1e-6, abs_tol=1e-9)
        return None if agrees else "journal_differs"

    def _value(
        self, model: str, real: list[Floats], generated: list[Floats], speakers: Sequence[str]
    ) -> float | None:
        if self._metric is None or not real:
            return None
        if model == REAL:
            return self._metric.floor(self.record.name, real, speakers)
        value = float(self._metric.distances(self.record.name, real, generated, None)[0])
        return value if math.isfinite(value) else None

    def _parts(self, column: Column) -> tuple[Mapping[str, Floats], Mapping[str, Floats]]:
        run = column.giver(self.record.name, self.record.recipe)
        if run is None:
            return {}, {}
        record = run.metrics[self.record.name]
        return run.set_parts(column.model, record), run.set_parts(REAL, record)
