"""The plot of an ablation: every measure with its intervals, and every curve."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from liveact_eval.ablations.schema import Ablation, CurveRecord, MeasureRecord
from liveact_eval.ablations.tables import conditions, heading
from liveact_eval.files import atomic_path
from liveact_eval.reporting.plots import PALETTE, STYLE, draw_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMATS = ("png", "svg")
_COLUMNS = 3
_STYLE: Any = {
    **STYLE,
    # Names in an SVG are drawn from a random number otherwise.
    "svg.hashsalt": "ablation",
}
_MARKS = "osD^v<>P"


def write_plots(ablation: Ablation, root: Path) -> list[Path]:
    """Write `ablation.png` and `ablation.svg`; nothing where there is no number."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    measures = [m for m in ablation.measures if any(_value(ablation, m, v.name) for v in ablation.variants)]
    curves = [c for c in ablation.curves if _drawable(ablation, c)]
    count = len(measures) + len(curves)
    if not count:
        return []
    with mpl.rc_context(_STYLE):
        columns = min(_COLUMNS, count)
        lines = math.ceil(count / columns)
        height = max(1.5, 0.5 + 0.22 * len(ablation.variants))
        figure = Figure(figsize=(3.6 * columns + 0.6, height * lines + 1.0), layout="constrained")
        panels = figure.subplots(lines, columns, squeeze=False).flat
        for measure, axes in zip(measures, panels, strict=False):
            _points(axes, ablation, measure)
        for curve, axes in zip(curves, list(figure.axes)[len(measures) :], strict=False):
            _lines(axes, ablation, curve)
        for axes in list(figure.axes)[count:]:
            axes.remove()
        figure.suptitle(_label(ablation.title), fontsize=10)
        figure.supxlabel(_label(_wrapped(conditions(ablation), figure)), fontsize=6.5, color="#555555")
        return [_save(figure, root, suffix) for suffix in FORMATS]


def _value(ablation: Ablation, measure: MeasureRecord, variant: str) -> bool:
    return any(
        row.value is not None
        for row in ablation.rows
        if (row.variant, row.measure) == (variant, measure.name)
    )


def _drawable(ablation: Ablation, curve: CurveRecord) -> bool:
    """Whether some variant has two points: one is in the table already."""
    having = [p.variant for p in ablation.points if p.curve == curve.name and p.value is not None]
    return any(having.count(name) > 1 for name in having)


def _points(axes: Axes, ablation: Ablation, measure: MeasureRecord) -> None:
    """One point per variant with its interval; a missing number leaves its place empty and says why."""
    rows = {row.variant: row for row in ablation.rows if row.measure == measure.name}
    for place, variant in enumerate(ablation.variants):
        row = rows[variant.name]
        look = _look(place)
        draw_interval(
            axes,
            place,
            (row.value, row.ci_low, row.ci_high),
            why=_label(", ".join(row.reasons)),
            colour=look["color"],
            mark=look["marker"],
        )
    axes.set_yticks(range(len(ablation.variants)), [_label(v.title) for v in ablation.variants])
    axes.set_ylim(len(ablation.variants) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")
    axes.ticklabel_format(axis="x", useOffset=False)
    axes.locator_params(axis="x", nbins=5)
    axes.set_title(_label(heading(measure)), fontsize=8.5, loc="left")


def _lines(axes: Axes, ablation: Ablation, curve: CurveRecord) -> None:
    """One line per variant with its interval as a band."""
    for place, variant in enumerate(ablation.variants):
        own = [p for p in ablation.points if (p.variant, p.curve) == (variant.name, curve.name)]
        line = [(p.x, p.value) for p in own if p.value is not None]
        if not line:
            continue
        style = _look(place)
        x, y = zip(*line, strict=True)
        axes.plot(x, y, markersize=3, linewidth=1.2, label=_label(variant.title), **style)
        band = [(p.x, p.ci_low, p.ci_high) for p in own if p.ci_low is not None and p.ci_high is not None]
        if band:
            at, low, high = zip(*band, strict=True)
            axes.fill_between(at, low, high, color=style["color"], alpha=0.15, linewidth=0)
    unit = f" [{curve.unit}]" if curve.unit else ""
    axes.set_title(_label(curve.title + unit), fontsize=8.5, loc="left")
    axes.set_xlabel(_label(curve.x_title), fontsize=7)
    axes.legend(fontsize=6, frameon=False)


def _look(place: int) -> dict[str, Any]:
    return {"color": PALETTE[place % len(PALETTE)], "marker": _MARKS[place % len(_MARKS)]}


def _save(figure: Figure, root: Path, suffix: str) -> Path:
    path = root / f"ablation.{suffix}"
    with atomic_path(path) as temporary:
        # A date in the file would make two equal plots differ.
        figure.savefig(temporary, format=suffix, metadata={"Date": None} if suffix == "svg" else None)
    return path


def _wrapped(text: str, figure: Figure) -> str:
    import textwrap

    # About 19 of its characters fit an inch.
    return "\n".join(textwrap.wrap(text, width=int(19 * figure.get_figwidth())))


def _label(text: str) -> str:
    """Text in which matplotlib sees no formula."""
    return text.replace("$", r"\$")
