"""One row of a comparison: the values of all columns on the clips that they share, and their paired estimates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from liveact_eval.comparing.columns import Column
from liveact_eval.comparing.schema import ComparedMetric, ComparedValue
from liveact_eval.comparing.sets import Distances, SetRow
from liveact_eval.execution.entrants import REAL
from liveact_eval.measure.estimates import Estimate, Resampling, from_draws
from liveact_eval.measure.intervals import percentiles
from liveact_eval.results.schema import MetricRecord

Floats = NDArray[np.float64]


@dataclass
class Row:
    """Numbers of one output under one recipe."""

    metric: ComparedMetric
    values: list[ComparedValue] = field(default_factory=list)
    pairs: dict[tuple[str, str], Estimate | str] = field(default_factory=dict)
    """What is known of each pair of columns, or why nothing is."""
    notes: list[str] = field(default_factory=list)


def make_row(
    key: str,
    title: str,
    record: MetricRecord,
    columns: Sequence[Column],
    shared: list[str],
    speakers: dict[str, str],
    pairs: Sequence[tuple[Column, Column]],
    resampling: Resampling,
) -> Row:
    """All numbers of one output under one recipe.

    Args:
        key: name of the row.
        title: its heading.
        record: the output; its recipe decides which runs have it.
        columns: all columns of the table.
        shared: clips of the comparison.
        speakers: who speaks in them.
        pairs: columns to compare.
        resampling: bootstrap samples.
    """
    as_set = _is_set(columns, record)
    set_row = SetRow(record, resampling) if as_set else None
    has = {
        column.key: set_row.clips(column, shared) if set_row else list(_values(column, record, shared))
        for column in columns
    }
    having = [column for column in columns if has[column.key]]
    common = [clip for clip in shared if all(clip in has[column.key] for column in having)] if having else []
    spoken = [speakers[clip] for clip in common]
    metric = ComparedMetric(
        key=key,
        metric=record.name,
        title=title,
        direction=record.direction,
        unit=record.unit,
        digits=record.digits,
        recipe=record.recipe,
        n=len(common),
    )
    row = Row(metric)
    row.notes += _narrowed(title, shared, common, having, has)
    found = {
        column.key: set_row.distances(column, common, spoken)
        if set_row
        else _mean(column, record, common, spoken, shared, resampling)
        for column in columns
    }
    for column in columns:
        own = found[column.key]
        low, high = own.interval if own.interval is not None else (None, None)
        there = own.value is not None
        row.values.append(
            ComparedValue(
                metric=key,
                column=column.key,
                value=own.value,
                ci_low=low,
                ci_high=high,
                n=len(common) if there else 0,
                n_total=len(shared),
                n_speakers=len(set(spoken)) if there else 0,
                reason=own.reason,
            )
        )
    for a, b in pairs:
        one, two = found[a.key], found[b.key]
        if one.value is None or two.value is None or (set_row and REAL in (a.model, b.model)):
            continue
        if one.reason or two.reason:
            row.pairs[a.key, b.key] = one.reason or two.reason or ""
        elif set_row:
            draws = None if one.draws is None or two.draws is None else one.draws - two.draws
            row.pairs[a.key, b.key] = from_draws(one.value - two.value, draws, spoken, record.digits)
        else:
            of_a, of_b = (_array(column, record, common) for column in (a, b))
            row.pairs[a.key, b.key] = resampling.mean_difference(of_a, of_b, spoken, record.digits)
    return row


def _is_set(columns: Sequence[Column], record: MetricRecord) -> bool:
    """Whether clips have no values of their own though there is a number."""
    for column in columns:
        run = column.giver(record.name, record.recipe)
        if run is not None and (row := run.rows.get((column.model, record.name))) is not None:
            cells = run.cells.get((column.model, record.name), {}).values()
            if row.value is not None and all(cell.value is None for cell in cells):
                return True
    return False


def _values(column: Column, record: MetricRecord, clips: Sequence[str]) -> dict[str, float]:
    run = column.giver(record.name, record.recipe)
    cells = {} if run is None else run.cells.get((column.model, record.name), {})
    return {clip: value for clip in clips if clip in cells and (value := cells[clip].value) is not None}


def _array(column: Column, record: MetricRecord, clips: Sequence[str]) -> Floats:
    values = _values(column, record, clips)
    return np.array([values[clip] for clip in clips])


def _mean(
    column: Column,
    record: MetricRecord,
    common: Sequence[str],
    speakers: Sequence[str],
    shared: Sequence[str],
    resampling: Resampling,
) -> Distances:
    """Mean over clips, in the form that distances have."""
    run = column.giver(record.name, record.recipe)
    if run is None or (column.model, record.name) not in run.rows:
        return Distances(value=None, reason="not_measured")
    row = run.rows[column.model, record.name]
    if not _values(column, record, shared):
        return Distances(value=None, reason=row.value_reason or "not_measured")
    if not common:
        return Distances(value=None, reason="no_common_clip")
    everything = list(_values(column, record, run.results.clips).values())
    if row.value is None or not np.isclose(np.mean(everything), row.value, rtol=1e-6, atol=1e-9):
        # Whatever merges otherwise than by a mean cannot be narrowed to other clips from their values.
        if row.value is not None and list(common) == run.results.clips:
            interval = None if row.ci_low is None or row.ci_high is None else (row.ci_low, row.ci_high)
            return Distances(value=row.value, interval=interval, reason="not_a_mean")
        return Distances(value=None, reason="not_a_mean")
    values = _array(column, record, common)
    weights = resampling.weights(speakers)
    bounds = None
    if weights is not None:
        bounds = percentiles(weights @ values / weights.sum(axis=1), resampling.config)
    interval = None if bounds is None else (bounds.low, bounds.high)
    return Distances(value=float(values.mean()), interval=interval)


def _narrowed(
    title: str,
    shared: Sequence[str],
    common: Sequence[str],
    having: Sequence[Column],
    has: dict[str, list[str]],
) -> list[str]:
    """Whose missing values cost the row clips."""
    if len(common) == len(shared) or not having:
        return []
    lacking = [
        f"{column.title} lacks {len(shared) - len(has[column.key])}"
        for column in having
        if len(has[column.key]) < len(shared)
    ]
    return [
        f"{title}: n = {len(common)}/{len(shared)} clips that all columns with a number have ({', '.join(lacking)})"
    ]
