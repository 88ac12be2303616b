"""Measured rows of speed beside the published ones: as Markdown and HTML show them."""

from __future__ import annotations

from collections.abc import Sequence

from liveact_eval.reproducing.benches import TimedRow, TimedValue

HEADING = "Speed measured here, beside what is printed"


def columns(rows: Sequence[TimedRow]) -> tuple[str, ...]:
    """Heads of the table, the first three for names; a published and a measured one for each quantity."""
    heads = ["", "benchmark", "size", "devices"]
    for value in rows[0].values:
        unit = f" [{value.unit}]" if value.unit else ""
        heads += [f"{value.column}{unit}, published", "measured"]
    return tuple(heads)


def entries(row: TimedRow) -> tuple[str, ...]:
    """One row as text."""
    cells = [row.model, f"{row.bench} ({row.system})", f"{row.size[0]}x{row.size[1]}"]
    cells.append(f"{row.devices}x {row.device}")
    for value in row.values:
        cells += ["–" if value.published is None else f"{value.published:g}", _measured(value)]
    return tuple(cells)


def lines_below(rows: Sequence[TimedRow]) -> tuple[str, ...]:
    """What was measured, under what conditions, in what these differ, and why numbers are missing; each once."""
    lines = [f"{value.column}: {value.title}" for row in rows for value in row.values]
    for row in rows:
        lines += [f"{row.bench}: {condition}" for condition in row.conditions]
        lines += [
            f"{row.bench}: {'some repeats lack' if value.n else 'no'} {value.column}: {value.reason}"
            for value in row.values
            if value.reason is not None
        ]
    lines.append(
        "Speed on other devices is another quantity: no cell above is filled, and no difference is taken"
    )
    return tuple(dict.fromkeys(lines))


def markdown_lines(rows: Sequence[TimedRow]) -> list[str]:
    """The table and what stands under it, unescaped; empty without rows."""
    if not rows:
        return []
    heads = columns(rows)
    lines = [
        "",
        f"{HEADING}:",
        "",
        _line(heads),
        "|:---|:---|:---|:---|" + "---:|" * (len(heads) - 4),
        *(_line(entries(row)) for row in rows),
    ]
    return [*lines, "", *(f"- {_escaped(line)}." for line in lines_below(rows))]


def _measured(value: TimedValue) -> str:
    if value.value is None or value.low is None or value.high is None:
        return "–"
    shown, low, high = (_number(at) for at in (value.value, value.low, value.high))
    return shown if low == high else f"{shown} ({low} to {high})"


def _number(value: float) -> str:
    """Two decimals where that says something, else three significant digits."""
    return f"{value:.2f}" if abs(value) >= 1 or value == 0 else f"{value:.3g}"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(map(_escaped, cells)) + " |"


def _escaped(text: str) -> str:
    return " ".join(text.split()).replace("\\", "\\\\").replace("|", "\\|")
