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
_NAMED_INSIDE = 8
"""More lines than these would be hidden by their own names and bands: names go below all panels then, bands away."""


def write_plots(ablation: Ablation, root: Path) -> list[Path]:
    """Write `ablation.png` and `ablation.svg`; nothing where there is no number."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    ablation = _with_numbers(ablation)
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
        for number, (measure, axes) in enumerate(zip(measures, panels, strict=False)):
            _points(axes, ablation, measure, named=number % columns == 0)
        many = len(ablation.variants) > _NAMED_INSIDE
        for curve, axes in zip(curves, list(figure.axes)[len(measures) :], strict=False):
            _lines(axes, ablation, curve, many=many)
        for axes in list(figure.axes)[count:]:
            axes.remove()
        figure.suptitle(_label(ablation.title), fontsize=10)
        caption = _label(_wrapped(conditions(ablation), figure))
        if curves and many:
            _names_below(figure, list(figure.axes)[len(measures) :], columns, caption)
        else:
            figure.supxlabel(caption, fontsize=6.5, color="#555555")
        return [_save(figure, root, suffix) for suffix in FORMATS]


def _with_numbers(ablation: Ablation) -> Ablation:
    """The ablation without variants that have no number at all: why is in the table."""
    having = {row.variant for row in ablation.rows if row.value is not None}
    return ablation.model_copy(update={"variants": [v for v in ablation.variants if v.name in having]})


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


def _points(axes: Axes, ablation: Ablation, measure: MeasureRecord, *, named: bool) -> None:
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
    titles = [_label(v.title) if named else "" for v in ablation.variants]
    axes.set_yticks(range(len(ablation.variants)), titles)
    axes.set_ylim(len(ablation.variants) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")
    axes.ticklabel_format(axis="x", useOffset=False)
    axes.locator_params(axis="x", nbins=5)
    axes.set_title(_label(heading(measure)), fontsize=8.5, loc="left")


def _lines(axes: Axes, ablation: Ablation, curve: CurveRecord, *, many: bool) -> None:
    """One line per variant with its interval as a band; `many` have neither bands nor names here."""
    for place, variant in enumerate(ablation.variants):
        own = [p for p in ablation.points if (p.variant, p.curve) == (variant.name, curve.name)]
        line = [(p.x, p.value) for p in own if p.value is not None]
        if not line:
            continue
        style = _look(place)
        x, y = zip(*line, strict=True)
        axes.plot(x, y, markersize=3, linewidth=1.2, label=_label(variant.title), **style)
        band = [(p.x, p.ci_low, p.ci_high) for p in own if p.ci_low is not None and p.ci_high is not None]
        if band and not many:
            at, low, high = zip(*band, strict=True)
            axes.fill_between(at, low, high, color=style["color"], alpha=0.15, linewidth=0)
    unit = f" [{curve.unit}]" if curve.unit else ""
    axes.set_title(_label(curve.title + unit), fontsize=8.5, loc="left")
    axes.set_xlabel(_label(curve.x_title), fontsize=7)
    if not many:
        axes.legend(fontsize=6, frameon=False)


def _names_below(figure: Figure, panels: list[Axes], columns: int, caption: str) -> None:
    """Names of all lines below the panels, under the caption: two texts at the lower edge would lie on each other."""
    handles = {
        str(label): handle
        for axes in panels
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(
        list(handles.values()),
        list(handles),
        loc="outside lower center",
        ncols=columns,
        fontsize=6.5,
        frameon=False,
        title=caption,
        title_fontsize=6.5,
    )


def _look(place: int) -> dict[str, Any]:
    # Each round through the colours begins with another mark, so that no two of the first 64 look alike.
    return {
        "color": PALETTE[place % len(PALETTE)],
        "marker": _MARKS[(place + place // len(PALETTE)) % len(_MARKS)],
    }


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
