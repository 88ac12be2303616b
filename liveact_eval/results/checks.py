"""Whether results that somebody else sends fit together: schema, names, counts, intervals."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator

from liveact_eval.results.schema import ResultRow, Results


def problems(results: Results) -> list[str]:
    """What does not fit, one sentence each; empty where nothing was found.

    Numbers are not computed again: that takes the videos and the metrics' networks.
    """
    return [*_names(results), *_rows(results), *_clip_values(results), *_comparisons(results)]


def _names(results: Results) -> Iterator[str]:
    lists = {
        "clips": results.clips,
        "models": [model.name for model in results.models],
        "metrics": [metric.name for metric in results.metrics],
    }
    for kind, names in lists.items():
        repeated = sorted(name for name, count in Counter(names).items() if count > 1)
        if repeated:
            yield f"{kind}: {', '.join(repeated)} more than once"
    known = {(model, metric) for model in lists["models"] for metric in lists["metrics"]}
    counted = Counter((row.model, row.metric) for row in results.rows)
    for model, metric in sorted(known - counted.keys()):
        yield f"rows: none for model {model}, metric {metric}"
    for model, metric in sorted(counted.keys() - known):
        yield f"rows: model {model}, metric {metric} is not among models and metrics"
    for (model, metric), count in sorted(counted.items()):
        if count > 1:
            yield f"rows: {count} for model {model}, metric {metric}"


def _rows(results: Results) -> Iterator[str]:
    metrics = {metric.name: metric for metric in results.metrics}
    for row in results.rows:
        where = f"row {row.model}, {row.metric}"
        metric = metrics.get(row.metric)
        if metric is not None and (row.recipe, row.unit, row.direction) != (
            metric.recipe,
            metric.unit,
            metric.direction,
        ):
            yield f"{where}: recipe, unit or direction is not that of the metric"
        if (row.dataset, row.protocol, row.tier) != (results.dataset, results.protocol, results.tier):
            yield f"{where}: dataset, protocol or tier is not that of the run"
        if row.n_total != len(results.clips):
            yield f"{where}: n_total is {row.n_total}; the run has {len(results.clips)} clips"
        if not 0 <= row.n <= row.n_total or row.n + sum(row.failures.values()) != row.n_total:
            yield f"{where}: n {row.n} and failures {sum(row.failures.values())} are not n_total {row.n_total}"
        yield from _value(row, where)


def _value(row: ResultRow, where: str) -> Iterator[str]:
    numbers = {"value": row.value, "ci_low": row.ci_low, "ci_high": row.ci_high}
    for field, number in numbers.items():
        if number is not None and not math.isfinite(number):
            yield f"{where}: {field} is {number}; expected a number or null"
    if row.value is None and not row.failures and row.value_reason is None:
        yield f"{where}: value is null without a reason"
    if (row.ci_low is None) != (row.ci_high is None):
        yield f"{where}: one end of the interval is null"
    elif row.ci_low is not None and row.ci_high is not None and row.ci_low > row.ci_high:
        yield f"{where}: ci_low {row.ci_low:g} is above ci_high {row.ci_high:g}"


def _clip_values(results: Results) -> Iterator[str]:
    clips = set(results.clips)
    with_number: dict[tuple[str, str], set[str]] = defaultdict(set)
    seen: Counter[tuple[str, str, str]] = Counter()
    for item in results.clip_values:
        seen[item.model, item.metric, item.clip] += 1
        if item.clip not in clips:
            yield f"clip_values: clip {item.clip} is not among the clips"
        if item.value is not None and item.reason is not None:
            yield f"clip_values: {item.model}, {item.metric}, {item.clip} has a value and a reason why it has none"
        # Of a distance of sets a clip has no value of its own, and no reason.
        if item.reason is None:
            with_number[item.model, item.metric].add(item.clip)
    for (model, metric, clip), count in seen.items():
        if count > 1:
            yield f"clip_values: {count} for model {model}, metric {metric}, clip {clip}"
    for row in results.rows:
        found = len(with_number[row.model, row.metric])
        if found != row.n:
            yield f"row {row.model}, {row.metric}: n is {row.n}; {found} clips have a number"


def _comparisons(results: Results) -> Iterator[str]:
    models = {model.name for model in results.models}
    metrics = {metric.name for metric in results.metrics}
    for item in results.comparisons:
        if {item.model, item.other} - models or item.metric not in metrics:
            yield f"comparisons: {item.model}, {item.other}, {item.metric} is not among models and metrics"
