"""What a tracker is told about a run: numbers, settings, the table, files; the same for all trackers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from liveact_eval.comparing.runs import open_run
from liveact_eval.reporting.tables import markdown
from liveact_eval.results.folder import Layout
from liveact_eval.results.schema import ResultRow

Scalar = str | int | float | bool


@dataclass(frozen=True, kw_only=True)
class Content:
    """A finished run, ready to be logged."""

    name: str
    """Name of the run folder."""
    folder: Path
    """The run folder."""
    rows: tuple[ResultRow, ...]
    """Rows that have a number."""
    settings: Mapping[str, Scalar]
    """Dataset, protocol, tier, seed, versions, and what ran: `liveact-mini.steps`."""
    table: str
    """The table in Markdown."""
    plot: Path | None
    """The plot of all metrics, where it is there."""
    files: tuple[Path, ...]
    """Results, tables and plots."""

    @property
    def numbers(self) -> dict[str, float]:
        """Values and ends of their intervals: `liveact-mini/psnr_db`, `liveact-mini/psnr_db.ci_low`."""
        found: dict[str, float] = {}
        for row in self.rows:
            ends = {"": row.value, ".ci_low": row.ci_low, ".ci_high": row.ci_high}
            found |= {f"{row.model}/{row.metric}{end}": n for end, n in ends.items() if n is not None}
        return found


def content_of(folder: Path) -> Content:
    """A run as trackers get it.

    Raises:
        UserError: there is no finished run.
    """
    run, layout = open_run(folder), Layout(folder)
    results = run.results
    provenance = results.provenance
    settings: dict[str, Scalar] = {
        "dataset": results.dataset,
        "tier": results.tier,
        "protocol": results.protocol,
        "clips": len(results.clips),
        "interval": results.interval,
        "seed": _scalar(provenance.get("seed")),
        "liveact_eval": _scalar(provenance.get("liveact_eval")),
    }
    for model, own in (run.settings or {}).items():
        settings |= {f"{model}.{name}": value for name, value in own.items()}
    plot = layout.plots / "metrics.png"
    made = (layout.results, layout.parquet, *sorted(layout.tables.glob("*")), *sorted(layout.plots.glob("*")))
    return Content(
        name=results.name,
        folder=folder,
        rows=tuple(row for row in results.rows if row.value is not None),
        settings=settings,
        table=markdown(results),
        plot=plot if plot.is_file() else None,
        files=tuple(path for path in made if path.is_file()),
    )


def _scalar(value: object) -> Scalar:
    return value if isinstance(value, Scalar) else str(value)
