"""Plots as SVG that is part of the page: they follow its colours and are there without JavaScript."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from liveact_eval.html_report.board import Board, Entrant, TableRow
from liveact_eval.html_report.source import Curve
from liveact_eval.reporting.numbers import number

if TYPE_CHECKING:
    from markupsafe import Markup

_WIDTH, _LEFT, _RIGHT = 320, 96, 14
_ROW = 20
_CURVE_HEIGHT = 120
_COST_HEIGHT = 180
_MOST_POINTS = 160
_LONGEST_LABEL = 15


def interval_plots(board: Board) -> list[tuple[str, Markup]]:
    """Per metric its heading and a plot: one mark per model with its interval."""
    return [(row.heading, _intervals(board.entrants, row)) for row in board.rows]


def curve_plots(board: Board) -> list[tuple[str, Markup]]:
    """Per curve its name and a plot: the mean over clips of each model, over time."""
    names = dict.fromkeys(name for source in board.sources for name in source.curves)
    found = []
    for name in names:
        lines = [_mean_curve(_clips(board, entrant, name)) for entrant in board.entrants]
        if any(line is not None for line in lines):
            found.append((name, _curves(board.entrants, lines)))
    return found


def cost_plots(board: Board) -> list[tuple[str, Markup]]:
    """Per metric with a direction: quality against the wall time of a clip, where a model was run here."""
    priced = [
        n for n, e in enumerate(board.entrants) if e.seconds_per_clip is not None and e.kind != "control"
    ]
    if not priced:
        return []
    return [
        (row.heading, _cost(board.entrants, row, priced))
        for row in board.rows
        if row.record.direction != "none" and any(row.cells[n].value is not None for n in priced)
    ]


def _intervals(entrants: Sequence[Entrant], row: TableRow) -> Markup:
    found = [entrant.row(row.record.name, row.record.recipe) for entrant in entrants]
    ends = [
        end
        for one in found
        if one is not None and one.value is not None
        for end in (one.value, one.ci_low, one.ci_high)
        if end is not None
    ]
    low, high = _widened(min(ends), max(ends))
    height = _ROW * len(entrants) + 26
    parts = [_axis(low, high, _LEFT, _WIDTH - _RIGHT, height - 20, row.record.digits)]
    for place, (entrant, one) in enumerate(zip(entrants, found, strict=True)):
        y = _ROW * place + 12
        parts.append(_text(_LEFT - 8, y + 4, _shortened(entrant.title), "end"))
        if one is None or one.value is None:
            reason = "" if one is None else one.value_reason or ""
            parts.append(_text(_LEFT + 4, y + 4, f"– {reason}", "start", "faint"))
            continue
        x = _scaled(one.value, low, high, _LEFT, _WIDTH - _RIGHT)
        if one.ci_low is not None and one.ci_high is not None:
            left = _scaled(one.ci_low, low, high, _LEFT, _WIDTH - _RIGHT)
            right = _scaled(one.ci_high, low, high, _LEFT, _WIDTH - _RIGHT)
            parts.append(
                _raw('<path class="stroke c{}" d="M{:.1f} {}H{:.1f}M{:.1f} {}v8M{:.1f} {}v8"/>').format(
                    entrant.colour, left, y, right, left, y - 4, right, y - 4
                )
            )
        parts.append(_mark(place, x, y, entrant.colour))
    return _svg(_WIDTH, height, parts, f"{row.heading}: values with intervals")


def _curves(entrants: Sequence[Entrant], lines: Sequence[tuple[float, list[float | None]] | None]) -> Markup:
    values = [v for line in lines if line is not None for v in line[1] if v is not None]
    low, high = _widened(min(values), max(values)) if values else (0.0, 1.0)
    seconds = max((len(line[1]) / line[0] for line in lines if line is not None), default=1.0)
    left, right, bottom = 52, _WIDTH - _RIGHT, _CURVE_HEIGHT - 20
    parts = [_axis(0.0, seconds, left, right, bottom, 1, unit=" s")]
    for end, height in ((high, 10), (low, bottom)):
        parts.append(_text(left - 6, height + 3, _tick(end, high - low), "end", "faint"))
    for entrant, line in zip(entrants, lines, strict=True):
        if line is None:
            continue
        fps, points = line
        path, pen = [], "M"
        for n, value in enumerate(points):
            if value is None:
                pen = "M"
                continue
            x = _scaled(n / fps, 0.0, seconds, left, right)
            path.append(f"{pen}{x:.1f} {_scaled(value, low, high, bottom, 10):.1f}")
            pen = "L"
        parts.append(
            _raw('<path class="line c{} dash{}" d="{}"/>').format(
                entrant.colour, entrant.colour, "".join(path)
            )
        )
    return _svg(_WIDTH, _CURVE_HEIGHT, parts, "mean over clips, over time")


def _cost(entrants: Sequence[Entrant], row: TableRow, priced: Sequence[int]) -> Markup:
    seconds = [entrants[n].seconds_per_clip or 0.0 for n in priced]
    points = [(n, s, row.cells[n].value) for n, s in zip(priced, seconds, strict=True)]
    values = [value for _, _, value in points if value is not None]
    low, high = _widened(min(values), max(values))
    left, right, bottom = 52, _WIDTH - _RIGHT, _COST_HEIGHT - 24
    parts = [_axis(0.0, max(seconds) * 1.1, left, right, bottom, 1, unit=" s")]
    for end, height in ((high, 10), (low, bottom)):
        parts.append(_text(left - 6, height + 3, _tick(end, high - low), "end", "faint"))
    for n, second, value in points:
        if value is None:
            continue
        x = _scaled(second, 0.0, max(seconds) * 1.1, left, right)
        y = _scaled(value, low, high, bottom, 10)
        parts.append(_mark(n, x, y, entrants[n].colour))
        anchor = "end" if x > (left + right) / 2 else "start"
        parts.append(_text(x + (-9 if anchor == "end" else 9), y + 4, _shortened(entrants[n].title), anchor))
    return _svg(_WIDTH, _COST_HEIGHT, parts, f"{row.heading} against seconds per clip")


def _clips(board: Board, entrant: Entrant, name: str) -> list[Curve]:
    found = []
    for clip in board.first.results.clips:
        curve = next(
            (
                source.curves[name][pair]
                for source, pair in entrant.pairs(clip)
                if pair in source.curves.get(name, {})
            ),
            None,
        )
        if curve is not None and curve.points:
            found.append(curve)
    return found


def _mean_curve(curves: Sequence[Curve]) -> tuple[float, list[float | None]] | None:
    """(points per second, mean of all clips), with at most so many points as a small plot can show."""
    if not curves:
        return None
    fps = max(curve.fps for curve in curves)
    seconds = max(len(curve.points) / curve.fps for curve in curves)
    count = max(2, min(_MOST_POINTS, round(seconds * fps)))
    means: list[float | None] = []
    for n in range(count):
        at = [
            curve.points[index]
            for curve in curves
            if (index := int(n / count * seconds * curve.fps)) < len(curve.points)
        ]
        there = [value for value in at if value is not None]
        means.append(sum(there) / len(there) if there else None)
    return count / seconds, means


def _axis(
    low: float, high: float, left: float, right: float, y: float, digits: int, *, unit: str = ""
) -> Markup:
    parts = [_raw('<path class="axis" d="M{:.1f} {:.1f}H{:.1f}"/>').format(left, y, right)]
    for place, anchor in ((0.0, "start"), (0.5, "middle"), (1.0, "end")):
        x = left + (right - left) * place
        text = number(low + (high - low) * place, digits)
        parts.append(_raw('<path class="axis" d="M{:.1f} {:.1f}v4"/>').format(x, y))
        parts.append(_text(x, y + 16, f"{text}{unit}", anchor, "faint"))
    return _raw("").join(parts)


def _mark(place: int, x: float, y: float, colour: int) -> Markup:
    """A mark whose shape tells models apart where colours do not."""
    shapes = (
        "M{0:.1f} {1:.1f}m-4.5 0a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0 -9 0",
        "M{0:.1f} {1:.1f}m-4 -4h8v8h-8z",
        "M{0:.1f} {1:.1f}m0 -5l5 9h-10z",
        "M{0:.1f} {1:.1f}m0 -5.5l5.5 5.5l-5.5 5.5l-5.5 -5.5z",
        "M{0:.1f} {1:.1f}m0 5l5 -9h-10z",
    )
    path = shapes[place % len(shapes)].format(x, y)
    return _raw('<path class="fill c{}" d="{}"/>').format(colour, path)


def _text(x: float, y: float, text: str, anchor: str, style: str = "") -> Markup:
    return _raw('<text x="{:.1f}" y="{:.1f}" text-anchor="{}" class="{}">{}</text>').format(
        x, y, anchor, style, text
    )


def _svg(width: int, height: int, parts: Sequence[Markup], label: str) -> Markup:
    return _raw('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        width, height, label, _raw("").join(parts)
    )


def _raw(text: str) -> Markup:
    """Our own markup; what `format` and `join` put into it is escaped."""
    from markupsafe import Markup

    return Markup(text)  # noqa: S704


def _scaled(value: float, low: float, high: float, start: float, end: float) -> float:
    return start + (end - start) * (value - low) / (high - low)


def _widened(low: float, high: float) -> tuple[float, float]:
    """Ends with a margin; equal ends get some room."""
    margin = 0.06 * (high - low) or max(abs(high) * 0.05, 0.5)
    return low - margin, high + margin


def _tick(value: float, spread: float) -> str:
    return number(value, max(0, min(6, 2 - math.floor(math.log10(spread)))))


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_LABEL else text[: _LONGEST_LABEL - 1] + "…"
