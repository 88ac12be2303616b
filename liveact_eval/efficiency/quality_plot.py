"""Quality against cost: the models of run folders, each where its score and its speed put it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from liveact_eval.comparing.runs import Run, open_run
from liveact_eval.efficiency.run_costs import cost_of, journal_payloads
from liveact_eval.efficiency.schema import Efficiency
from liveact_eval.errors import UserError
from liveact_eval.files import atomic_path
from liveact_eval.reporting.numbers import ARROWS
from liveact_eval.reporting.plots import PALETTE, STYLE
from liveact_eval.results.schema import MetricRecord

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PANELS = 6
_COLUMNS = 3


class Point(NamedTuple):
    """A model in a panel."""

    label: str
    seconds_per_frame: float
    value: float
    low: float | None
    high: float | None


def open_runs(folders: Sequence[Path], model: str) -> list[Run]:
    """The runs of folders, checked before anything is measured.

    Args:
        folders: of runs, or paths of a `results.json`.
        model: that will be measured.

    Raises:
        UserError: there is no run, or none of its models will have a cost.
    """
    runs = [open_run(folder) for folder in folders]
    for run in runs:
        names = [record.name for record in run.results.models]
        if model not in names and not _seconds_per_frame(run):
            raise UserError(
                f"{run.label} cannot be drawn against cost: it has neither {model} nor times of another native model. "
                f"It has {', '.join(names)}. Leave its --run out, or take a run of {model}."
            )
    return runs


def write_quality_plot(efficiency: Efficiency, runs: Sequence[Run], path: Path) -> None:
    """Draw the metrics that models with a known cost have.

    The benchmarked model stands at the cost of its first case; others where the journal of their run puts them.

    Raises:
        UserError: no model of the runs has both a cost and a score.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    panels = [(metric, found) for metric, found in points_of(efficiency, runs) if found][:_PANELS]
    if not panels:
        raise UserError(
            f"{', '.join(run.label for run in runs)}: no model with a known cost has a score. Give a run that measured "
            "one; everything else of the benchmark is written."
        )
    columns = min(_COLUMNS, len(panels))
    lines = -(-len(panels) // columns)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(3.2 * columns, 2.6 * lines + 0.5), layout="constrained")
        places = figure.subplots(lines, columns, squeeze=False).flat
        for axes, (metric, points) in zip(places, panels, strict=False):
            _scatter(axes, metric, points)
        for axes in list(figure.axes)[len(panels) :]:
            axes.remove()
        figure.suptitle("Quality against cost", fontsize=10)
        note = f"{efficiency.title}: benchmark on {efficiency.device}; others: as their run noted it"
        figure.supxlabel(note.replace("$", r"\$"), fontsize=6, color="#555555")
        with atomic_path(path) as temporary:
            figure.savefig(temporary, format="png")


def points_of(efficiency: Efficiency, runs: Sequence[Run]) -> list[tuple[MetricRecord, list[Point]]]:
    """Each metric that is a score, with the models that have both a value of it and a cost."""
    metrics = {m.name: m for run in runs for m in run.results.metrics if m.direction != "none"}
    found: dict[str, list[Point]] = {name: [] for name in metrics}
    benched = _benched(efficiency)
    for run in runs:
        costs = _seconds_per_frame(run) | benched
        for model in (model for model in run.results.models if model.name in costs):
            label = model.title if len(runs) == 1 else f"{model.title}, {run.results.name}"
            for name in metrics:
                row = run.rows.get((model.name, name))
                if row is not None and row.value is not None:
                    found[name].append(Point(label, costs[model.name], row.value, row.ci_low, row.ci_high))
    return [(metrics[name], points) for name, points in found.items()]


def _benched(efficiency: Efficiency) -> dict[str, float]:
    """Seconds per frame of the benchmarked model; nothing of a program that prints no block lines."""
    frame = next(figure for figure in efficiency.cases[0].figures if figure.name == "frame_ms")
    return {} if frame.value is None else {efficiency.model: frame.value / 1000}


def _seconds_per_frame(run: Run) -> dict[str, float]:
    """Seconds of computing per frame of the models whose videos the run has timed."""
    if run.journal is None:
        return {}
    payloads = journal_payloads(run.journal)
    costs = [cost_of(m.name, m.title, m.kind, payloads.get(m.name, ())) for m in run.results.models]
    return {cost.model: 1 / cost.fps for cost in costs if cost.fps is not None}


def _scatter(axes: Axes, metric: MetricRecord, points: Sequence[Point]) -> None:
    for place, point in enumerate(points):
        spread = None
        if point.low is not None and point.high is not None:
            spread = [[max(0.0, point.value - point.low)], [max(0.0, point.high - point.value)]]
        axes.errorbar(
            point.seconds_per_frame,
            point.value,
            yerr=spread,
            fmt="o",
            capsize=2.5,
            markersize=4,
            color=PALETTE[(place + 1) % len(PALETTE)],
        )
        axes.annotate(
            point.label.replace("$", r"\$"),
            (point.seconds_per_frame, point.value),
            xytext=(6, 4),
            textcoords="offset points",
            fontsize=6.5,
        )
    axes.set_xscale("log")
    axes.margins(x=0.35, y=0.2)
    unit = f" [{metric.unit}]" if metric.unit else ""
    axes.set_title(f"{metric.title}{unit} {ARROWS[metric.direction]}", fontsize=8.5, loc="left")
    axes.set_xlabel("seconds of computing per frame")
