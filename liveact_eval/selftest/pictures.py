"""Pictures of a self-test: the matrix as a heat map, and every curve in its place."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from liveact_eval.files import atomic_path
from liveact_eval.selftest.schema import Cell, OutputRecord, SelfTest
from liveact_eval.selftest.tables import conditions, mark, ranges, rows, summary, title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# ColorBrewer's PuOr: told apart with every kind of colour vision, light in the middle.
_COLOURS = "PuOr"
_WRONG = "#b00000"
_ROW, _COLUMN = 0.27, 0.86
"""Inches of a cell."""


def write_pictures(selftest: SelfTest, root: Path) -> None:
    """Write `selftest.png` and `selftest-curves.png`."""
    import matplotlib as mpl

    shown = rows(selftest)
    if not shown:
        return
    with mpl.rc_context({"font.size": 8, "figure.dpi": 130}):
        _save(_heat_map(selftest, shown), root / "selftest.png")
        _save(_curves(selftest, shown), root / "selftest-curves.png")


def _heat_map(selftest: SelfTest, shown: list[tuple[OutputRecord, list[Cell]]]) -> Figure:
    from matplotlib import colormaps

    figure, axes = _sheet(selftest, shown)
    table = np.full((len(shown), len(selftest.distortions)), np.nan)
    for i, (_, cells) in enumerate(shown):
        for j, cell in enumerate(cells):
            if cell.verdict != "missing":
                still = cell.verdict == "flat" or cell.rank_correlation is None
                table[i, j] = 0.0 if still else cell.rank_correlation
    colours = colormaps[_COLOURS].reversed().with_extremes(bad="#ffffff")
    image = axes.imshow(table, cmap=colours, vmin=-1, vmax=1, aspect="auto")
    for i, (_, cells) in enumerate(shown):
        for j, cell in enumerate(cells):
            _write_cell(axes, j, i, cell)
    bar = figure.colorbar(image, ax=axes, fraction=0.02, pad=0.01, ticks=[-1, 0, 1])
    bar.ax.set_yticklabels(["falls", "0", "rises"])
    bar.outline.set_visible(False)
    _legend(
        figure,
        "number: Spearman's rank correlation of value and level, mean over clips · ✓ as expected · ✗ not as expected "
        "(framed) · – flat · ~ not monotone · "
        "d2: dead up to level 2 · s3: saturated from level 3 · m4: no value from level 4 on · white: no value · "
        "(seeded): networks that are not trained, which never count",
    )
    return figure


def _write_cell(axes: Axes, x: int, y: int, cell: Cell) -> None:
    if cell.verdict == "missing":
        return
    deep = cell.verdict != "flat" and abs(cell.rank_correlation or 0.0) > 0.62
    wave = "~ " if cell.verdict == "not monotone" else ""
    number = "–" if cell.verdict == "flat" else f"{wave}{cell.rank_correlation or 0.0:+.2f}"
    text = " ".join(part for part in (mark(cell), number, *ranges(cell)) if part)
    axes.text(
        x,
        y,
        text,
        ha="center",
        va="center",
        fontsize=6.6,
        color="#ffffff" if deep else "#222222",
        fontweight="bold" if cell.met is not None else "normal",
    )
    if cell.met is False:
        from matplotlib.patches import Rectangle

        axes.add_patch(
            Rectangle((x - 0.47, y - 0.45), 0.94, 0.9, fill=False, edgecolor=_WRONG, linewidth=1.8)
        )


def _curves(selftest: SelfTest, shown: list[tuple[OutputRecord, list[Cell]]]) -> Figure:
    """Every curve in its cell. All curves of a row have one scale, so that what hardly moves looks so."""
    figure, axes = _sheet(selftest, shown)
    axes.set_xlim(-0.5, len(selftest.distortions) - 0.5)
    axes.set_ylim(len(shown) - 0.5, -0.5)
    for i, (_, cells) in enumerate(shown):
        values = [level.value for cell in cells for level in cell.levels if level.value is not None]
        low, span = min(values), max(values) - min(values)
        for j, cell in enumerate(cells):
            points = [(level.level, level.value) for level in cell.levels if level.value is not None]
            x = [j - 0.4 + 0.8 * k / (len(cell.levels) - 1) for k, _ in points]
            y = [i + 0.36 - 0.72 * ((v - low) / span if span > 0 else 0.5) for _, v in points]
            colour = _WRONG if cell.met is False else "#0072B2" if cell.met else "#777777"
            axes.plot(x, y, color=colour, linewidth=1.1, marker="o", markersize=1.8)
    axes.set_xticks(np.arange(len(selftest.distortions) + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(len(shown) + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="#dddddd", linewidth=0.6)
    _legend(
        figure,
        "left to right: level 0 (the clip as it is) to the strongest; each row has one scale · "
        "blue: as expected, red: not as expected, grey: nothing is expected",
    )
    return figure


def _sheet(selftest: SelfTest, shown: list[tuple[OutputRecord, list[Cell]]]) -> tuple[Figure, Axes]:
    """An empty matrix with its headings."""
    from matplotlib.figure import Figure

    columns = len(selftest.distortions)
    size = (3.6 + _COLUMN * max(columns, 4), 1.7 + _ROW * len(shown))
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots()
    axes.set_xticks(
        range(columns), [_label(f"{d.title}\n{_range(d.strengths)} {d.unit}") for d in selftest.distortions]
    )
    axes.set_yticks(range(len(shown)), [_label(title(output)) for output, _ in shown])
    axes.tick_params(length=0, which="both")
    axes.tick_params(axis="x", labeltop=True, labelbottom=False, labelsize=6.6)
    for side in axes.spines.values():
        side.set_visible(False)
    head, under = summary(selftest), conditions(selftest).split(";")[0]
    figure.suptitle(_label(f"{head}\n{under}"), fontsize=8, color="#444444")
    return figure, axes


def _range(strengths: list[float]) -> str:
    return f"{strengths[0]:g}–{strengths[-1]:g}"


def _legend(figure: Figure, text: str) -> None:
    # About 19 of its characters fit an inch.
    lines = textwrap.wrap(text, width=int(19 * figure.get_figwidth()))
    figure.supxlabel("\n".join(lines), fontsize=6.8, color="#444444")


def _save(figure: Figure, path: Path) -> None:
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png")


def _label(text: str) -> str:
    """Text in which matplotlib sees no formula."""
    return text.replace("$", r"\$")
