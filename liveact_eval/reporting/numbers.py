"""How numbers look: the same everywhere."""

from __future__ import annotations

from liveact_eval.results.schema import Comparison, MetricRecord, ResultRow, Results

ARROWS = {"up": "↑", "down": "↓", "none": ""}


def heading(metric: MetricRecord) -> str:
    """Title, unit and arrow: `PSNR [dB] ↑`."""
    unit = f" [{metric.unit}]" if metric.unit else ""
    return f"{metric.title}{unit} {ARROWS[metric.direction]}".rstrip()


def number(value: float | None, digits: int) -> str:
    """A value with fixed decimals; a dash where there is none."""
    if value is None:
        return "–"
    text = f"{value:.{digits}f}"
    # Rounding may leave a minus before zeros, which reads as a number that it is not.
    return text.lstrip("-") if float(text) == 0 else text


def half_width(row: ResultRow) -> float | None:
    """The larger of the two distances from the value to its interval's ends."""
    if row.value is None or row.ci_low is None or row.ci_high is None:
        return None
    return max(row.value - row.ci_low, row.ci_high - row.value)


def rows_by_metric(results: Results) -> dict[str, dict[str, ResultRow]]:
    """Rows by metric and model."""
    found: dict[str, dict[str, ResultRow]] = {metric.name: {} for metric in results.metrics}
    for row in results.rows:
        found[row.metric][row.model] = row
    return found


def best_model(results: Results, metric: MetricRecord, *, among: list[str]) -> str | None:
    """The model that is better than every other by the paired interval; `None` if that cannot be told."""
    rows = {row.model: row for row in results.rows if row.metric == metric.name and row.value is not None}
    candidates = [model for model in among if model in rows]
    if metric.direction == "none" or len(candidates) < 2:
        return None
    for model in candidates:
        others = [other for other in candidates if other != model]
        if all(verdict(results.comparisons, metric.name, model, other) == "better" for other in others):
            return model
    return None


def verdict(comparisons: list[Comparison], metric: str, model: str, other: str) -> str:
    """What the paired comparison says about `model` against `other`."""
    turned = {"better": "worse", "worse": "better", "cannot tell": "cannot tell"}
    for found in comparisons:
        if found.metric != metric:
            continue
        if (found.model, found.other) == (model, other):
            return found.verdict
        if (found.model, found.other) == (other, model):
            return turned[found.verdict]
    return "cannot tell"


def conditions(results: Results) -> str:
    """One line that every table carries: protocol, number of clips, how the intervals were made."""
    mini = " (mini)" if results.tier == "mini" else ""
    speakers = max((row.n_speakers for row in results.rows), default=0)
    count = len(results.clips)
    title = " ".join(results.dataset_title.split())
    return (
        f"{title}{mini}, protocol {results.protocol}, n = {count}/{count} clips unless noted, "
        f"{speakers} speakers; "
        f"± is the {results.confidence:.0%} interval ({results.interval})"
    )
