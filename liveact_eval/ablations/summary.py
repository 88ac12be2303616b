"""From the readings of all units to the table, the curves, and what is found of the paper's findings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liveact_eval.ablations.intervals import (
    LEAST_SEEDS,
    LEAST_SPEAKERS,
    mean_interval,
    ratio_interval,
    unit_weights,
)
from liveact_eval.ablations.schema import FindingRecord, Found, Point, Row
from liveact_eval.ablations.study import Finding, Measure, Reading, Study
from liveact_eval.measure.intervals import Interval, StatisticsConfig
from liveact_eval.metrics.base import Missing
from liveact_eval.reporting.numbers import number

NOT_RUN = Missing("not_run", "the unit is not finished")
Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Table:
    """The readings of all units."""

    units: Sequence[tuple[str, str, int]]
    """(clip, speaker, seed) of each unit of a variant, in order."""
    readings: Mapping[tuple[str, str, int], Reading | Missing]
    """By variant, clip and seed; why there is none where that is known."""
    config: StatisticsConfig
    """How intervals are made."""

    @property
    def weights(self) -> NDArray[np.int64] | None:
        """See `unit_weights`."""
        return unit_weights(
            [speaker for _, speaker, _ in self.units], [seed for _, _, seed in self.units], self.config
        )

    def cells(self, variant: str, measure: str) -> list[float | Missing]:
        """What each unit of a variant says of a measure."""
        found: list[float | Missing] = []
        for clip, _, seed in self.units:
            reading = self.readings.get((variant, clip, seed), NOT_RUN)
            found.append(reading if isinstance(reading, Missing) else reading.values[measure])
        return found

    def values(self, variant: str, measure: str) -> Floats:
        """(units,) the numbers among them, NaN elsewhere."""
        cells = self.cells(variant, measure)
        return np.array([np.nan if isinstance(cell, Missing) else cell for cell in cells])


def interval_text(table: Table) -> str:
    """How intervals are made, or why there are none."""
    if table.weights is None:
        return f"none: they take {LEAST_SEEDS} seeds and {LEAST_SPEAKERS} speakers or more"
    return (
        "percentile bootstrap over speakers and over seeds, both drawn, "
        f"{table.config.resamples} resamples, seed {table.config.seed}"
    )


def rows_of(study: Study, table: Table, variants: Sequence[str], lacking: Mapping[str, str]) -> list[Row]:
    """The table: every measure of every variant.

    Args:
        study: the ablation.
        table: all readings.
        variants: names.
        lacking: why variants were not run, by name.
    """
    weights = table.weights
    rows = []
    for variant in variants:
        for measure in study.measures:
            if variant in lacking:
                rows.append(_empty(variant, measure, len(table.units), lacking[variant]))
                continue
            cells, values = table.cells(variant, measure.name), table.values(variant, measure.name)
            missing = [cell for cell in cells if isinstance(cell, Missing)]
            finite = values[np.isfinite(values)]
            interval = mean_interval(values, weights, table.config)
            rows.append(
                Row(
                    variant=variant,
                    measure=measure.name,
                    value=float(finite.mean()) if len(finite) else None,
                    ci_low=None if interval is None else interval.low,
                    ci_high=None if interval is None else interval.high,
                    n=len(finite),
                    n_total=len(cells),
                    reasons=dict(Counter(cell.reason for cell in missing)),
                    detail=missing[0].detail or None if missing else None,
                )
            )
    return rows


def points_of(study: Study, table: Table, variants: Sequence[str]) -> list[Point]:
    """The curves of every variant, point by point."""
    weights = table.weights
    points = []
    for variant in variants:
        readings = [table.readings.get((variant, clip, seed)) for clip, _, seed in table.units]
        for curve in study.curves:
            made = [
                r.curves.get(curve.name) if r is not None and not isinstance(r, Missing) else None
                for r in readings
            ]
            x = next((c.x for c in made if c is not None), ())
            for index, place in enumerate(x):
                values = np.array(
                    [np.nan if c is None or c.y[index] is None else c.y[index] for c in made], np.float64
                )
                finite = values[np.isfinite(values)]
                interval = mean_interval(values, weights, table.config)
                points.append(
                    Point(
                        variant=variant,
                        curve=curve.name,
                        x=place,
                        value=float(finite.mean()) if len(finite) else None,
                        ci_low=None if interval is None else interval.low,
                        ci_high=None if interval is None else interval.high,
                        n=len(finite),
                    )
                )
    return points


def finding_of(finding: Finding, study: Study, table: Table, titles: Mapping[str, str]) -> FindingRecord:
    """What was found of a finding of the paper.

    Args:
        finding: what the paper says.
        study: the ablation.
        table: all readings.
        titles: of the variants, by name.
    """
    measure = next(m for m in study.measures if m.name == finding.measure)
    value, interval, n = _measured(finding, table)
    found = verdict(interval, finding)
    test = _test(finding, measure, titles)
    return FindingRecord(
        says=finding.says,
        source=finding.source,
        test=test,
        found=found,
        value=value,
        ci_low=None if interval is None else interval.low,
        ci_high=None if interval is None else interval.high,
        n=n,
        sentence=f"{finding.says} As found: {found}. {_numbers(value, interval, n, finding, measure, table)}",
    )


def verdict(interval: Interval | None, finding: Finding) -> Found:
    """What an interval says: it is on the claimed side of the bound, on the other, or on both."""
    if interval is None:
        return "cannot tell"
    low, high = interval.low - finding.bound, interval.high - finding.bound
    if finding.relation == ">":
        low, high = -high, -low
    # Now the claim is that the number is below zero.
    if high < 0:
        return "holds"
    return "does not hold" if low >= 0 else "cannot tell"


def _measured(finding: Finding, table: Table) -> tuple[float | None, Interval | None, int]:
    """Value, interval and units of the side of the inequality that is measured."""
    a, weights = table.values(finding.variant, finding.measure), table.weights
    if finding.form == "value":
        finite = a[np.isfinite(a)]
        value = float(finite.mean()) if len(finite) else None
        return value, mean_interval(a, weights, table.config), len(finite)
    if finding.other is None:
        raise ValueError(f"the finding {finding.says!r} compares with nothing")
    b = table.values(finding.other, finding.measure)
    both = np.isfinite(a) & np.isfinite(b)
    n = int(both.sum())
    if not n:
        return None, None, 0
    if finding.form == "difference":
        return float((a - b)[both].mean()), mean_interval(a - b, weights, table.config), n
    below = float(b[both].mean())
    ratio = float(a[both].mean()) / below if below else None
    return ratio, ratio_interval(a, b, weights, table.config), n


def _test(finding: Finding, measure: Measure, titles: Mapping[str, str]) -> str:
    a = f"{measure.title} of {titles[finding.variant]}"
    b = "" if finding.other is None else titles[finding.other]
    side = {"value": a, "difference": f"{a} less that of {b}", "ratio": f"{a} by that of {b}"}[finding.form]
    unit = f" {measure.unit}" if measure.unit and finding.form != "ratio" else ""
    return f"{side} {finding.relation} {finding.bound:g}{unit}"


def _numbers(
    value: float | None,
    interval: Interval | None,
    n: int,
    finding: Finding,
    measure: Measure,
    table: Table,
) -> str:
    if value is None:
        cells = table.cells(finding.variant, finding.measure)
        if finding.other is not None:
            cells += table.cells(finding.other, finding.measure)
        reasons = sorted({cell.reason for cell in cells if isinstance(cell, Missing)})
        return f"Nothing was measured ({', '.join(reasons)})."
    digits = 3 if finding.form == "ratio" else measure.digits + 1
    unit = f" {measure.unit}" if measure.unit and finding.form != "ratio" else ""
    what = {"value": "Measured", "difference": "Paired difference", "ratio": "Ratio"}[finding.form]
    text = f"{what} {number(value, digits)}{unit}"
    if interval is None:
        return f"{text} (n = {n}), without an interval."
    ends = f"{number(interval.low, digits)} to {number(interval.high, digits)}"
    return f"{text}, {table.config.confidence:.0%} interval {ends} (n = {n})."


def _empty(variant: str, measure: Measure, units: int, why: str) -> Row:
    return Row(
        variant=variant,
        measure=measure.name,
        value=None,
        ci_low=None,
        ci_high=None,
        n=0,
        n_total=units,
        reasons={"not_available": units},
        detail=why,
    )
