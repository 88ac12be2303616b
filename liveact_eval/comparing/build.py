"""From runs to a comparison: values on the shared clips, paired differences, corrected verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from liveact_eval.comparing.columns import CONTROL, Column, columns_of
from liveact_eval.comparing.common import shared_clips
from liveact_eval.comparing.paired import CORRECTION, holm, verdict
from liveact_eval.comparing.rows import Row, make_row
from liveact_eval.comparing.runs import Run
from liveact_eval.comparing.schema import (
    ComparedColumn,
    Comparison,
    Difference,
)
from liveact_eval.errors import UserError, unknown_name
from liveact_eval.execution.entrants import REAL
from liveact_eval.measure.estimates import Estimate, Resampling
from liveact_eval.measure.intervals import StatisticsConfig
from liveact_eval.results.schema import MetricRecord


def compare_runs(
    runs: Sequence[Run],
    metrics: Sequence[str] = (),
    against: str | None = None,
    config: StatisticsConfig | None = None,
) -> Comparison:
    """Several runs in one table.

    Args:
        runs: at least one.
        metrics: names of metrics or of outputs; none: all that any run has a number of.
        against: model, or key of a column, that every other is compared with; `None`: each with each but `real`.
        config: bootstrap samples and level; `None`: as in a run.

    Raises:
        UserError: the runs cannot stand in one table, or a name is not known.
    """
    resampling = Resampling(config or StatisticsConfig())
    level = resampling.config.confidence
    shared = shared_clips(runs)
    columns, notes = columns_of(runs, shared.clips)
    speakers = {clip: runs[0].speakers.get(clip, clip) for clip in shared.clips}
    pairs = _pairs(columns, against)
    rows = []
    for key, title, record in _chosen(runs, metrics):
        row = make_row(key, title, record, columns, list(shared.clips), speakers, pairs, resampling)
        if any(item.value is not None for item in row.values):
            rows.append(row)
            notes += row.notes
    differences, tests = _differences(rows, [(a.key, b.key) for a, b in pairs], level)
    rivals = _rivals(columns)
    first = runs[0].results
    return Comparison(
        dataset=first.dataset,
        dataset_title=first.dataset_title,
        tier=first.tier,
        protocol=shared.protocol_id,
        clips=list(shared.clips),
        speakers=len(set(speakers.values())),
        runs=[run.label for run in runs],
        confidence=level,
        interval=f"percentile bootstrap over speakers, {resampling.config.resamples} resamples, "
        f"seed {resampling.config.seed}",
        difference_interval="Student's t with the standard error of that bootstrap, paired by clip",
        correction=f"{CORRECTION}, {tests} comparisons",
        columns=[
            ComparedColumn(
                key=column.key,
                title=column.title,
                model=column.model,
                kind=column.kind,
                runs=[run.label for run in column.runs],
                rival=column in rivals,
            )
            for column in columns
        ],
        metrics=[row.metric for row in rows],
        values=[value for row in rows for value in row.values],
        differences=differences,
        notes=notes + _left_out(runs, shared.clips),
    )


def _chosen(runs: Sequence[Run], names: Sequence[str]) -> list[tuple[str, str, MetricRecord]]:
    """(key, title, output), one for each recipe under which any run has the output."""
    found: dict[tuple[str, str], MetricRecord] = {}
    for run in runs:
        for metric in run.results.metrics:
            earlier = found.setdefault((metric.name, metric.recipe), metric)
            if (earlier.direction, earlier.unit) != (metric.direction, metric.unit):
                raise UserError(
                    f"{metric.name} ({metric.recipe}) is {earlier.direction!r} [{earlier.unit}] in one run and "
                    f"{metric.direction!r} [{metric.unit}] in {run.label}. Measure one of them again."
                )
    known = {metric.name for metric in found.values()} | {m.giver for m in found.values() if m.giver}
    for name in names:
        if name not in known:
            raise unknown_name("metric", name, known, hint="These are the metrics of the runs.")
    wanted = [m for m in found.values() if not names or m.name in names or m.giver in names]
    chosen = []
    for metric in sorted(wanted, key=lambda m: [known_m.name for known_m in wanted].index(m.name)):
        others = [m.recipe for m in wanted if m.name == metric.name and m.recipe != metric.recipe]
        own, shown = metric.recipe.split("+")[0], metric.recipe
        if all(other.split("+")[0] != own for other in others):
            shown = own
        key = f"{metric.name}@{metric.recipe}" if others else metric.name
        chosen.append((key, f"{metric.title} ({shown})" if others else metric.title, metric))
    return chosen


def _pairs(columns: Sequence[Column], against: str | None) -> list[tuple[Column, Column]]:
    if against is None:
        return list(combinations([column for column in columns if column.model != REAL], 2))
    found = [column for column in columns if against in (column.key, column.model)]
    if not found:
        raise unknown_name("column", against, {column.key for column in columns})
    if len(found) > 1:
        raise UserError(
            f"{against!r} stands in several columns: {', '.join(column.key for column in found)}. Name one of them."
        )
    return [(column, found[0]) for column in columns if column is not found[0]]


def _rivals(columns: Sequence[Column]) -> list[Column]:
    """Who competes for bold: models; among fewer than two of them, controls too. Real clips never do."""
    models = [column for column in columns if column.kind != CONTROL]
    return models if len(models) > 1 else [column for column in columns if column.model != REAL]


def _differences(
    rows: Sequence[Row], pairs: Sequence[tuple[str, str]], confidence: float
) -> tuple[list[Difference], int]:
    """Differences with verdicts, corrected over all that are scores, and how many these are."""
    flat = [(row.metric, pair, row.pairs[pair]) for pair in pairs for row in rows if pair in row.pairs]
    probabilities = {
        index: p
        for index, (metric, _, found) in enumerate(flat)
        if metric.direction != "none" and isinstance(found, Estimate) and (p := found.p) is not None
    }
    corrected = holm(probabilities)
    made = []
    for index, (metric, (a, b), found) in enumerate(flat):
        if isinstance(found, str):
            made.append(
                Difference(
                    metric=metric.key,
                    column=a,
                    other=b,
                    difference=None,
                    ci_low=None,
                    ci_high=None,
                    p=None,
                    p_corrected=None,
                    n=metric.n,
                    verdict=None,
                    reason=found,
                )
            )
            continue
        low, high = found.interval(confidence) or (None, None)
        p = corrected.get(index)
        made.append(
            Difference(
                metric=metric.key,
                column=a,
                other=b,
                difference=found.difference,
                ci_low=low,
                ci_high=high,
                p=found.p,
                p_corrected=p,
                n=found.n,
                verdict=verdict(found.difference, p, metric.direction, 1 - confidence),
            )
        )
    return made, len(probabilities)


def _left_out(runs: Sequence[Run], clips: Sequence[str]) -> list[str]:
    return [
        f"{run.label}: {len(run.results.clips) - len(clips)} of {len(run.results.clips)} clips are not in all runs and "
        "left out"
        for run in runs
        if len(run.results.clips) > len(clips)
    ]
