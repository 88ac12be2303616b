"""Benchmarks as `reproduce` looks at them: measured rows beside the published ones of tables about speed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from liveact_eval.cards.paper import PaperMetric, PaperRow, PaperTable
from liveact_eval.efficiency.folder import RESULT
from liveact_eval.efficiency.report import conditions
from liveact_eval.efficiency.schema import CaseRecord, Efficiency, read_efficiency
from liveact_eval.reproducing.named import model_of, same_name

_FIGURES: dict[str, tuple[str, float]] = {
    "fps": ("fps_sustained", 1.0),
    "ttff_s": ("ttff_ms", 0.001),
    "s_per_frame": ("frame_ms", 0.001),
    "ms_per_frame": ("frame_ms", 1.0),
}
"""Figure of a benchmark that is the quantity of a column, by its key, and the factor to its unit."""
_AUTHORS = {"soulx-liveact": "liveact"}
"""Cards of authors' own programs, by the system that they are."""


@dataclass(frozen=True, kw_only=True)
class Bench:
    """A finished benchmark."""

    path: Path
    """Its folder."""
    efficiency: Efficiency


@dataclass(frozen=True, kw_only=True)
class TimedValue:
    """One quantity of a measured row, in the unit of the paper."""

    column: str
    """The column's name in the paper."""
    unit: str
    published: float | None
    """As printed; `None` where the paper prints nothing."""
    value: float | None
    """Median over the repeats."""
    low: float | None
    """Smallest of the repeats."""
    high: float | None
    """Largest of the repeats."""
    n: int
    """Repeats that have a number."""
    title: str
    """What was measured."""
    reason: str | None
    """Why there is no number, or why some repeats have none."""


@dataclass(frozen=True, kw_only=True)
class TimedRow:
    """One case of a benchmark of the system in one row of a table."""

    model: str
    """The row's name in the paper."""
    bench: str
    """Name of the benchmark."""
    system: str
    """Title of the card that was timed."""
    size: tuple[int, int]
    devices: int
    device: str
    values: tuple[TimedValue, ...]
    """In the order of the columns."""
    conditions: tuple[str, ...]
    """How it was measured, and in what it is known to differ from the paper."""


def is_bench(folder: Path) -> bool:
    """Whether a folder is what `liveact-eval bench` has written."""
    return (folder / RESULT).is_file()


def open_benches(folders: Sequence[Path]) -> list[Bench]:
    """Finished benchmarks, in the order given.

    Raises:
        UserError: a result is damaged, or written by a newer version.
    """
    return [Bench(path=folder, efficiency=read_efficiency(folder / RESULT)) for folder in folders]


def timed_rows(table: PaperTable, benches: Sequence[Bench]) -> tuple[TimedRow, ...]:
    """Measured rows of the systems of a table; empty where it has no column of speed, or no benchmark is of them."""
    columns = [metric for metric in table.metrics if metric.key in _FIGURES]
    if not columns:
        return ()
    return tuple(
        _row(table, row, columns, bench.efficiency, case)
        for row in table.rows
        for bench in benches
        if is_of(bench, model_of(table, row))
        for case in bench.efficiency.cases
    )


def is_of(bench: Bench, model: str | None) -> bool:
    """Whether a benchmark is of a system; small models of the embedded tier have names of their own."""
    if model is None:
        return False
    made = bench.efficiency
    return any(same_name(name, model) for name in (_AUTHORS.get(made.model, made.model), made.title))


def _row(
    table: PaperTable, row: PaperRow, columns: Sequence[PaperMetric], made: Efficiency, case: CaseRecord
) -> TimedRow:
    return TimedRow(
        model=row.model,
        bench=made.name,
        system=made.title,
        size=case.size,
        devices=made.device_count,
        device=made.device,
        values=tuple(_value(row, metric, case) for metric in columns),
        conditions=(conditions(made), *_differences(table, row, made, case)),
    )


def _value(row: PaperRow, metric: PaperMetric, case: CaseRecord) -> TimedValue:
    assert metric.key is not None
    name, factor = _FIGURES[metric.key]
    figure = next(figure for figure in case.figures if figure.name == name)
    return TimedValue(
        column=metric.name,
        unit=row.unit or metric.unit,
        published=_number(row, metric.name),
        value=_scaled(figure.value, factor),
        low=_scaled(figure.low, factor),
        high=_scaled(figure.high, factor),
        n=figure.n,
        title=figure.title,
        reason=figure.reason,
    )


def _differences(table: PaperTable, row: PaperRow, made: Efficiency, case: CaseRecord) -> list[str]:
    """In what a case is known to differ from the published row, or what is not known about that."""
    found = []
    size = f"{case.size[0]}x{case.size[1]}"
    if table.resolution is None:
        found.append(f"{size} here; the paper does not say at which size")
    elif size not in table.resolution:
        found.append(f"{size} here, {table.resolution} in the paper")
    gpus = next((_number(row, m.name) for m in table.metrics if m.unit == "count" and m.name == "GPUs"), None)
    here = 0 if made.device == "cpu" else made.device_count
    if gpus is not None and gpus != here:
        found.append(f"GPUs here: {here}, in the paper: {gpus:g}")
    found.append("which kind of GPU the paper used is not in its table")
    if "(" in row.model and not row.ours:
        found.append(f"whether {made.title} ran with the options of {row.model!r} is not checked")
    return found


def _number(row: PaperRow, column: str) -> float | None:
    printed = row.values.get(column)
    return float(printed) if isinstance(printed, int | float) and not isinstance(printed, bool) else None


def _scaled(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor
