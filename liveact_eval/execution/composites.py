"""Values, intervals and comparisons of composites: of the rows of their parts, all resampled together.

One draw of speakers serves all parts, so that what is common to them in a clip stays together in the interval. Each
part takes those of its clips that have a number, as its own row does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from liveact_eval.execution.cells import Cell, Cells
from liveact_eval.measure.estimates import judged
from liveact_eval.measure.intervals import Interval, StatisticsConfig, draw_weights, percentiles
from liveact_eval.metrics.base import Metric, Output, merge
from liveact_eval.metrics.composite import CompositeMetric
from liveact_eval.results.schema import Comparison

Floats = NDArray[np.float64]
PART_MISSING = "part_missing"


@dataclass(frozen=True)
class Part:
    """A part of a composite for one model."""

    output: str
    """Name of the output."""
    metric: Metric
    """What gives it."""
    cells: Cells
    """Its values by clip."""

    @property
    def good(self) -> list[str]:
        """Clips that have a number."""
        return [clip for clip, cell in self.cells.items() if cell.statistics is not None]

    def speakers(self, clips: Sequence[str]) -> list[str]:
        """Who speaks in them."""
        return [self.cells[clip].speaker for clip in clips]

    def statistics(self, clips: Sequence[str]) -> Floats:
        """(clips, d) additive; zeros where a clip has no number."""
        found = [self.cells[clip].statistics for clip in clips]
        width = next(len(row) for row in found if row is not None)
        return np.stack([np.zeros(width) if row is None else row for row in found])

    @property
    def reasons(self) -> Counter[str]:
        """Why clips have no number, counted."""
        return Counter(cell.reason or "unknown" for cell in self.cells.values() if cell.statistics is None)


@dataclass(frozen=True, kw_only=True)
class CompositeValue:
    """What a composite says about a model."""

    value: float | None
    interval: Interval | None = None
    n: int
    """Clips of the part that has the fewest."""
    n_speakers: int
    """Speakers among them."""
    failures: Mapping[str, int]
    """The other clips of that part, by its reason."""
    reason: str | None = None
    """Why there is no value."""
    note: str | None = None
    """Which parts are missing, and why."""


def composite_cells(metric: CompositeMetric, parts: Sequence[Part]) -> dict[str, Cell]:
    """The composite of each clip's own values; where a part is missing, that part's reason."""
    found = {}
    for clip, first in parts[0].cells.items():
        cells = [part.cells[clip] for part in parts]
        values = [cell.value for cell in cells if cell.value is not None]
        value, detail = None, None
        if len(values) == len(cells):
            value, reason = float(metric.combine(np.array(values))), None
            if not np.isfinite(value):
                value, reason = None, "not_finite"
        else:
            lacking = next(cell for cell in cells if cell.value is None)
            reason, detail = lacking.reason or PART_MISSING, lacking.detail
        found[clip] = Cell(first.speaker, value, None, reason, detail)
    return found


def composite_value(
    metric: CompositeMetric, parts: Sequence[Part], config: StatisticsConfig
) -> CompositeValue:
    """The composite of the values that stand in the rows of its parts."""
    least = min(parts, key=lambda part: len(part.good))
    failures = dict(least.reasons.most_common())
    n, n_speakers = len(least.good), len(set(least.speakers(least.good)))
    absent = [part for part in parts if not part.good]
    if absent:
        return CompositeValue(
            value=None, n=0, n_speakers=0, failures=failures, reason=PART_MISSING, note=_named(absent)
        )
    value = float(metric.combine(_merged(parts, [part.good for part in parts])))
    if not np.isfinite(value):
        return CompositeValue(value=None, n=n, n_speakers=n_speakers, failures=failures, reason="not_finite")
    drawn = _draws(metric, parts, [part.good for part in parts], config)
    interval = None if drawn is None else percentiles(drawn, config)
    return CompositeValue(value=value, interval=interval, n=n, n_speakers=n_speakers, failures=failures)


def composite_comparison(
    metric: CompositeMetric,
    output: Output,
    names: tuple[str, str],
    a: Sequence[Part],
    b: Sequence[Part],
    config: StatisticsConfig,
) -> Comparison | None:
    """Each part on the clips that both models have, resampled together; `None` if a part has no such clips."""
    common = [
        [clip for clip in of_a.good if of_b.cells[clip].statistics is not None]
        for of_a, of_b in zip(a, b, strict=True)
    ]
    if not all(common):
        return None
    difference = float(metric.combine(_merged(a, common)) - metric.combine(_merged(b, common)))
    if not np.isfinite(difference):
        return None
    drawn_a, drawn_b = (_draws(metric, parts, common, config) for parts in (a, b))
    draws = None if drawn_a is None or drawn_b is None else drawn_a - drawn_b
    # A composite is known no better than the part that the fewest speakers have.
    spoken = [part.speakers(clips) for part, clips in zip(a, common, strict=True)]
    fewest = min(spoken, key=lambda speakers: len(set(speakers)))
    interval, verdict = judged(difference, draws, fewest, output, config)
    return Comparison(
        metric=output.name,
        model=names[0],
        other=names[1],
        difference=difference,
        ci_low=interval.low if interval is not None else None,
        ci_high=interval.high if interval is not None else None,
        n=min(len(clips) for clips in common),
        verdict=verdict,
    )


def _named(absent: Sequence[Part]) -> str:
    """Which parts no clip has a number of, by the reasons."""
    by_reason: dict[str, list[str]] = {}
    for part in absent:
        by_reason.setdefault(", ".join(part.reasons), []).append(part.output)
    return "; ".join(
        f"{', '.join(names)} {'is' if len(names) == 1 else 'are'} missing ({reasons})"
        for reasons, names in by_reason.items()
    )


def _merged(parts: Sequence[Part], clips: Sequence[Sequence[str]]) -> Floats:
    """(len(parts),) the value of each part over its clips."""
    found = [part.metric.result(merge(part.statistics(own))) for part, own in zip(parts, clips, strict=True)]
    return np.stack(found)


def _draws(
    metric: CompositeMetric, parts: Sequence[Part], clips: Sequence[Sequence[str]], config: StatisticsConfig
) -> Floats | None:
    """The composite in each bootstrap sample of speakers, (resamples,); NaN where a part has no clip in it.

    Speakers are drawn once, from those that any part has a clip of. `None` where a part has fewer than two.
    """
    if any(len(set(part.speakers(own))) < 2 for part, own in zip(parts, clips, strict=True)):
        return None
    counted = set(chain.from_iterable(clips))
    union = [clip for clip in parts[0].cells if clip in counted]
    weights = draw_weights(parts[0].speakers(union), config)
    if weights is None:
        return None
    columns = []
    for part, own in zip(parts, clips, strict=True):
        statistics = part.statistics(union)
        statistics[~np.isin(union, list(own))] = 0
        columns.append(part.metric.result(weights.astype(np.float64) @ statistics))
    return metric.combine(np.stack(columns, axis=-1))
