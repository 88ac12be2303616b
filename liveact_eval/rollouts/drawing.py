"""The picture of a trace: who looks at whom, and at which RoPE position each looked-at frame stands."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from liveact_eval.files import atomic_path
from liveact_eval.reporting.plots import PALETTE
from liveact_eval.rollouts.trace import OWN, KeyKind, TracedCall
from liveact_eval.rollouts.trace_rows import CallGroup, grouped, row_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLOURS: dict[KeyKind, str] = {
    "own": PALETTE[1],
    "held": PALETTE[0],
    "clean": PALETTE[3],
    "noisy": PALETTE[2],
    "folded": PALETTE[7],
    "sink": PALETTE[4],
    "anchor": PALETTE[5],
    "reference": PALETTE[6],
}
_NAMES: dict[KeyKind, str] = {
    "own": "own frames of the call",
    "held": "own, taken over as they are",
    "clean": "past, clean",
    "noisy": "past, noisy",
    "folded": "past, folded",
    "sink": "sink",
    "anchor": "anchor",
    "reference": "reference picture",
}
_LIGHTEST = 0.35
_DARK = 0.62
"""Level above which a cell is dark enough for white numbers."""
_MOST_ROWS = 60


def draw_trace(name: str, calls: Sequence[TracedCall], out: Path) -> None:
    """Write the picture of a trace as PNG.

    Left: the mask, rows latent frames as they were denoised for the last time, columns the frames that they looked at.
    Right: one row per group of calls, each frame in the column of its RoPE position; own frames are the darker the
    noisier they are. Of a long trace the last groups are left out, and the title says so.

    Args:
        name: of the rollout.
        calls: the trace.
        out: PNG file.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    groups = grouped(calls)
    shown = groups[:_MOST_ROWS]
    places = [key.position for group in shown for key in group.first.keys]
    width = 0.17 * (max(places) - min(places) + 1)
    frames = [f for call in calls for f in call.frames if f >= 0]
    side = 0.13 * (max(frames) + 2)
    with mpl.rc_context({"font.size": 8}):
        figure = Figure(
            figsize=(side + width + 3.4, max(side, 0.2 * len(shown)) + 1.3), layout="constrained", dpi=100
        )
        left, right = figure.subplots(1, 2, width_ratios=(side, width))
        _mask(left, calls)
        _positions(right, shown)
        for axis in (left.xaxis, left.yaxis, right.xaxis):
            axis.set_major_locator(MaxNLocator(integer=True))
        rest = (
            "" if len(shown) == len(groups) else f", the first {len(shown)} of {len(groups)} groups of calls"
        )
        figure.suptitle(f"{name}: {len(calls)} model calls{rest}", fontsize=10)
        _legend(figure, calls)
        with atomic_path(out) as temporary:
            figure.savefig(temporary, format="png")


def _mask(axes: Axes, calls: Sequence[TracedCall]) -> None:
    """What each latent frame saw when it was denoised for the last time."""
    last = {
        key.frames[0]: call
        for call in calls
        if call.purpose == "denoise" and call.heard
        for key in call.own
        if key.kind == "own"
    }
    for frame, call in last.items():
        row = call.frames.index(frame)
        for column, key in enumerate(call.keys):
            if call.sees(row, column):
                _cell(axes, key.frames[0], frame, _COLOURS[key.kind], span=key.frames[-1] - key.frames[0] + 1)
    lowest = min(key.frames[0] for call in last.values() for key in call.keys)
    top = max(last)
    axes.set(xlim=(lowest - 0.5, top + 0.5), ylim=(top + 0.5, -0.5), aspect="equal")
    axes.set_xlabel(
        "latent frame that is looked at (-1: the picture)" if lowest < 0 else "latent frame that is looked at"
    )
    axes.set_ylabel("latent frame")
    axes.set_title("mask at the last step of each frame", loc="left", fontsize=8)


def _positions(axes: Axes, groups: Sequence[CallGroup]) -> None:
    """Each call with what it looked at, by position."""
    for row, group in enumerate(groups):
        levels = dict(zip(group.first.positions, group.first.timesteps, strict=True))
        for key in group.first.keys:
            level = levels.get(key.position, 0.0) / 1000 if key.kind == "own" else 1.0
            shade = _LIGHTEST + (1 - _LIGHTEST) * level
            _cell(axes, key.position, row, _COLOURS[key.kind], alpha=shade)
            first, last = key.frames[0], key.frames[-1]
            text = "ref" if first < 0 else str(first) if first == last else f"{first}\n{last}"
            axes.text(
                key.position,
                row,
                text,
                ha="center",
                va="center",
                fontsize=5.5 if first == last else 4.5,
                color="white" if key.kind in OWN and shade > _DARK else "black",
                linespacing=0.8,
            )
    rows = [row_of(group) for group in groups]
    axes.set_yticks(
        range(len(rows)),
        [f"{row['call']}  {row['purpose']}  block {row['block']}" for row in rows],
        fontsize=6,
    )
    places = [key.position for group in groups for key in group.first.keys]
    axes.set(xlim=(min(places) - 0.6, max(places) + 0.6), ylim=(len(rows) - 0.4, -0.6))
    axes.set_xlabel("temporal RoPE position; numbers are latent frames")
    axes.set_title("model calls, own frames darker where noisier", loc="left", fontsize=8)


def _cell(axes: Axes, column: float, row: int, colour: str, *, alpha: float = 1.0, span: int = 1) -> None:
    from matplotlib.patches import Rectangle

    axes.add_patch(
        Rectangle(
            (column - 0.5, row - 0.5),
            span,
            1,
            facecolor=colour,
            alpha=alpha,
            edgecolor="white",
            linewidth=0.4,
        )
    )


def _legend(figure: Figure, calls: Sequence[TracedCall]) -> None:
    from matplotlib.patches import Patch

    seen = {key.kind for call in calls for key in call.keys}
    patches = [Patch(facecolor=_COLOURS[kind], label=_NAMES[kind]) for kind in _COLOURS if kind in seen]
    figure.legend(handles=patches, loc="outside lower center", ncols=len(patches), frameon=False, fontsize=7)
