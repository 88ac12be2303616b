"""The table as text cells with their marks: what Markdown and LaTeX have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from liveact_eval.comparing.schema import ComparedMetric, ComparedValue, Comparison
from liveact_eval.reporting.numbers import ARROWS, number

Mark = Literal["", "best", "second"]
MISSING = "–"


@dataclass(frozen=True)
class Cell:
    """One number as it is shown."""

    text: str
    """Fixed decimals, or a dash."""
    spread: str | None = None
    """What stands behind ±."""
    mark: Mark = ""
    """`best`: better than every rival beyond doubt; `second`: the best value of the rest."""


@dataclass(frozen=True)
class Sheet:
    """A table: headings, and rows of cells with theirs."""

    corner: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]


def sheet_of(comparison: Comparison) -> Sheet:
    """The main table: metrics are rows, columns are models."""
    mini = " (mini)" if comparison.tier == "mini" else ""
    rows = []
    for metric in comparison.metrics:
        marked = marks(comparison, metric)
        values = {value.column: value for value in comparison.values if value.metric == metric.key}
        cells = tuple(
            Cell(
                number(value.value, metric.digits),
                _spread(value, metric.digits),
                marked.get(column.key, "") if value.value is not None else "",
            )
            for column in comparison.columns
            for value in [values[column.key]]
        )
        rows.append((title_of(metric, ARROWS[metric.direction]), cells))
    return Sheet(
        corner=" ".join(f"{comparison.dataset_title}{mini}".split()),
        columns=tuple(" ".join(column.title.split()) for column in comparison.columns),
        rows=tuple(rows),
    )


def title_of(metric: ComparedMetric, arrow: str) -> str:
    """`PSNR [dB] ↑`."""
    unit = f" [{metric.unit}]" if metric.unit else ""
    return " ".join(f"{metric.title}{unit} {arrow}".split())


def marks(comparison: Comparison, metric: ComparedMetric) -> dict[str, Mark]:
    """Best and second best of a row, by column; nothing where no rival is better than all others beyond doubt."""
    if metric.direction == "none":
        return {}
    values = {
        value.column: value.value
        for value in comparison.values
        if value.metric == metric.key and value.value is not None
    }
    rivals = [column.key for column in comparison.columns if column.rival and column.key in values]
    won: dict[str, set[str]] = {key: set() for key in rivals}
    for item in comparison.differences:
        if item.metric == metric.key and item.column in won and item.other in won:
            if item.verdict == "better":
                won[item.column].add(item.other)
            elif item.verdict == "worse":
                won[item.other].add(item.column)
    best = [key for key in rivals if len(rivals) > 1 and len(won[key]) == len(rivals) - 1]
    if not best:
        return {}
    found: dict[str, Mark] = {best[0]: "best"}
    rest = [key for key in rivals if key != best[0]]
    if len(rest) > 1:
        sign = 1 if metric.direction == "up" else -1
        second = max(sign * values[key] for key in rest)
        found.update({key: "second" for key in rest if sign * values[key] == second})
    return found


def _spread(value: ComparedValue, digits: int) -> str | None:
    if value.value is None or value.ci_low is None or value.ci_high is None:
        return None
    return number(max(value.value - value.ci_low, value.ci_high - value.value), digits)


def conditions(comparison: Comparison) -> str:
    """One sentence that every table carries."""
    mini = " (mini)" if comparison.tier == "mini" else ""
    title = " ".join(comparison.dataset_title.split())
    return (
        f"{title}{mini}, protocol {comparison.protocol}, {len(comparison.clips)} clips of {comparison.speakers} "
        f"speakers that all runs share; ± is the {comparison.confidence:.0%} interval ({comparison.interval})."
    )


def rules(comparison: Comparison) -> str:
    """What differences, verdicts and marks are made of."""
    return (
        f"Differences: {comparison.difference_interval}; verdicts at {1 - comparison.confidence:.0%} after correction "
        f"({comparison.correction}), intervals are not corrected. Bold is better than every rival by such a verdict."
    )
