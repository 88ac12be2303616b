"""Plots of a run: each metric with its intervals, and each curve over time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from liveact_eval.files import atomic_path
from liveact_eval.reporting.numbers import heading, rows_by_metric
from liveact_eval.results.folder import Layout
from liveact_eval.results.parquet import Curves
from liveact_eval.results.schema import Results

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's palette: told apart with every kind of colour vision, and in print.
PALETTE = ("#000000", "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#999933")
_COLUMNS = 4


def write_plots(results: Results, curves: Curves, layout: Layout) -> list[str]:
    """Write the plots of a run; returns their file names."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    written: list[str] = []
    with mpl.rc_context(STYLE):
        shown = [
            m
            for m in results.metrics
            if any(r.value is not None for r in rows_by_metric(results)[m.name].values())
        ]
        if shown:
            figure = _grid(Figure, len(shown))
            for axes, metric in zip(figure.axes, shown, strict=False):
                _bars(axes, results, metric.name)
                axes.set_title(_label(heading(metric)), fontsize=9, loc="left")
            _finish(figure, results, len(shown))
            written.append(_save(figure, layout, "metrics.png"))
        if curves:
            figure = _grid(Figure, len(curves), height=2.2)
            for axes, name in zip(figure.axes, sorted(curves), strict=False):
                _lines(axes, results, curves, name)
            handles, labels = figure.axes[0].get_legend_handles_labels()
            figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
            _finish(figure, results, len(curves))
            written.append(_save(figure, layout, "curves.png"))
    return written


STYLE: Any = {
    "font.size": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "figure.dpi": 120,
}


def _grid(figure_class: type[Figure], count: int, *, height: float = 2.0) -> Figure:
    columns = min(_COLUMNS, count)
    rows = math.ceil(count / columns)
    figure = figure_class(figsize=(3.1 * columns, height * rows + 0.6), layout="constrained")
    figure.subplots(rows, columns, squeeze=False)
    return figure


def draw_interval(
    axes: Axes,
    place: int,
    numbers: tuple[float | None, float | None, float | None],
    *,
    why: str,
    colour: str,
    mark: str = "o",
) -> None:
    """A point in a row of its own with its interval; a missing number leaves its place empty and says why.

    Args:
        axes: takes it.
        place: row, from 0.
        numbers: value, and lower and upper end of its interval, where there is one.
        why: reason, where there is no value.
        colour: of point and interval.
        mark: of the point, as Matplotlib names it.
    """
    value, low, high = numbers
    if value is None:
        axes.annotate(
            why,
            (0, place),
            xycoords=("axes fraction", "data"),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            color="#888888",
            fontsize=7,
        )
        return
    spread = None
    if low is not None and high is not None:
        spread = [[max(0.0, value - low)], [max(0.0, high - value)]]
    axes.errorbar(value, place, xerr=spread, fmt=mark, markersize=4, capsize=2.5, linewidth=1.4, color=colour)


def _bars(axes: Axes, results: Results, metric: str) -> None:
    """One point per model with its interval; a missing number leaves its place empty and says why."""
    rows = rows_by_metric(results)[metric]
    names = [model.name for model in results.models]
    for place, name in enumerate(names):
        row = rows[name]
        draw_interval(
            axes,
            place,
            (row.value, row.ci_low, row.ci_high),
            why=row.value_reason or "",
            colour=_colour(place),
        )
    axes.set_yticks(range(len(names)), [_label(model.title) for model in results.models])
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")
    axes.ticklabel_format(axis="x", useOffset=False)
    axes.locator_params(axis="x", nbins=5)
    low, high = axes.get_xlim()
    if all(row.value == 0 for row in rows.values() if row.value is not None):
        low, high = 0.0, 1.0
    axes.set_xlim(low, high)


def _lines(axes: Axes, results: Results, curves: Curves, name: str) -> None:
    """The mean over clips with the middle half of the clips as a band."""
    for place, model in enumerate(results.models):
        clips = curves[name].get(model.name)
        if not clips:
            continue
        fps = max(rate for rate, _ in clips.values())
        stacked = _stacked([_at_rate(points, rate, fps) for rate, points in clips.values()])
        seconds = np.arange(stacked.shape[1]) / fps
        mean, low, high = _middle(stacked)
        # Controls may leave a curve as it is: the real one is dashed, so that both can be seen.
        real = model.name == "real"
        axes.plot(
            seconds,
            mean,
            color=_colour(place),
            linewidth=1.2,
            linestyle=(0, (3, 2)) if real else "-",
            zorder=4 if real else 2,
            label=_label(model.title),
        )
        if len(stacked) > 2:
            axes.fill_between(seconds, low, high, color=_colour(place), alpha=0.13, linewidth=0)
    axes.set_title(_label(name), fontsize=9, loc="left")
    axes.set_xlabel("s")


def _at_rate(points: NDArray[np.float32], rate: float, wanted: float) -> NDArray[np.float64]:
    """A curve at another rate, linearly between its points: clips of a folder may differ in theirs."""
    if rate == wanted or not len(points):
        return points.astype(np.float64)
    seconds = np.arange(int(len(points) / rate * wanted)) / wanted
    return np.interp(seconds, np.arange(len(points)) / rate, points)


def _stacked(curves: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Curves of different lengths as rows, the shorter ones ending in NaN."""
    longest = max(len(curve) for curve in curves)
    table = np.full((len(curves), longest), np.nan)
    for row, curve in zip(table, curves, strict=True):
        row[: len(curve)] = curve
    return table


def _middle(curves: NDArray[np.float64]) -> NDArray[np.float64]:
    """(3, T): the mean and the quartiles of curves (clips, T); NaN where no clip has a number, such as no face."""
    found = np.full((3, curves.shape[1]), np.nan)
    seen = np.isfinite(curves).any(axis=0)
    numbers = np.where(np.isfinite(curves[:, seen]), curves[:, seen], np.nan)
    found[0, seen] = np.nanmean(numbers, axis=0)
    found[1:, seen] = np.nanquantile(numbers, [0.25, 0.75], axis=0)
    return found


def _finish(figure: Figure, results: Results, used: int) -> None:
    for axes in figure.axes[used:]:
        axes.set_visible(False)
    mini = " (mini)" if results.tier == "mini" else ""
    figure.suptitle(
        f"{_label(results.dataset_title)}{mini} · {results.protocol} · {len(results.clips)} clips · "
        f"{results.confidence:.0%} intervals over speakers",
        fontsize=9,
        color="#555555",
    )


def _save(figure: Figure, layout: Layout, name: str) -> str:
    with atomic_path(layout.plots / name) as temporary:
        figure.savefig(temporary, format="png")
    return name


def _colour(place: int) -> str:
    return PALETTE[place % len(PALETTE)]


def _label(text: str) -> str:
    """Text in which matplotlib sees no formula."""
    return text.replace("$", r"\$")
