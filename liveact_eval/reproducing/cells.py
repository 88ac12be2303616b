"""Each cell of a published table: what is printed, what was measured, the difference; or why there is no number."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from liveact_eval.cards.paper import PaperMetric, PaperRow, PaperTable, TotalLast
from liveact_eval.reproducing.absence import Absence, speed_absence
from liveact_eval.reproducing.named import DataName, data_of, model_of
from liveact_eval.reproducing.needs import Fill, Needs
from liveact_eval.reproducing.operations import KEY as OPERATIONS
from liveact_eval.reproducing.quantities import AMBIGUOUS, COST, Part, Quantity, quantity_of
from liveact_eval.reproducing.runs import Run
from liveact_eval.results.schema import ResultRow

Printed = bool | int | float | None


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A number of a run, in the unit of the paper."""

    value: float
    ci_low: float | None
    ci_high: float | None
    n: int
    n_total: int
    protocol: str
    """Id of the protocol under which it was measured."""
    recipe: str
    run: str
    """Name of the run."""
    conditions: tuple[str, ...]
    """In what it is known to differ from the paper, or what is not known about that."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A cell; one that is printed as "Total / Last" gives two."""

    model: str
    """The row's name in the paper."""
    metric: str
    """The column's name in the paper."""
    part: Part
    unit: str
    direction: str
    published: Printed
    """As printed; `None` where the paper prints nothing."""
    measured: Measured | None
    difference: float | None
    """Measured less published."""
    absence: Absence | None
    """Set exactly where `measured` is not."""


def cells_of(table: PaperTable, runs: Sequence[Run], needs: Needs, timed: Collection[str] = ()) -> list[Cell]:
    """All cells of a table, row by row.

    Args:
        table: a published table.
        runs: finished runs.
        needs: what this machine has.
        timed: names, in the paper, of rows whose speed stands beside the table as benchmarks measured it.
    """
    return [
        _cell(table, row, metric, part, runs, needs, timed)
        for row in table.rows
        for metric in table.metrics
        for part in _parts(metric)
    ]


def _parts(metric: PaperMetric) -> tuple[Part, ...]:
    return ("total", "last") if metric.split else ("",)


def _cell(
    table: PaperTable,
    row: PaperRow,
    metric: PaperMetric,
    part: Part,
    runs: Sequence[Run],
    needs: Needs,
    timed: Collection[str],
) -> Cell:
    printed = row.values[metric.name]
    published: Printed = (
        (printed.total if part == "total" else printed.last) if isinstance(printed, TotalLast) else printed
    )
    found: Measured | Absence
    if metric.key in COST and metric.key != OPERATIONS:
        found = speed_absence(table, row, timed=row.model in timed)
    else:
        found = _find(table, row, metric, part, runs, needs)
    measured = found if isinstance(found, Measured) else None
    difference = None
    if measured is not None and published is not None and not isinstance(published, bool):
        difference = measured.value - published
    return Cell(
        model=row.model,
        metric=metric.name,
        part=part,
        unit=row.unit or metric.unit,
        direction=metric.direction,
        published=published,
        measured=measured,
        difference=difference,
        absence=found if isinstance(found, Absence) else None,
    )


def _find(
    table: PaperTable, row: PaperRow, metric: PaperMetric, part: Part, runs: Sequence[Run], needs: Needs
) -> Measured | Absence:
    model, data, quantity = model_of(table, row), data_of(table), quantity_of(metric, part)
    if quantity is None:
        return _no_quantity(metric)
    if model is None:
        return Absence(
            reason="variant",
            detail="a variant that the paper made for this comparison",
            fill=Fill(things=("the authors' weights of this variant",)),
        )
    if data is None:
        return Absence(reason="no_data", detail="the paper does not say on which clips")
    why = [_from_run(run, model, data, quantity, table) for run in runs]
    for found in why:
        if isinstance(found, Measured):
            return found
    absences = [found for found in why if isinstance(found, Absence)]
    reason = absences[-1] if absences else Absence(reason="no_run", detail="no run was given")
    if len(absences) > 1:
        codes = {absence.reason for absence in absences}
        said = "; ".join(dict.fromkeys(absence.detail for absence in absences))
        reason = Absence(reason=codes.pop() if len(codes) == 1 else "not_in_runs", detail=said)
    return Absence(reason=reason.reason, detail=reason.detail, fill=needs.fill(model, data, quantity.output))


def _no_quantity(metric: PaperMetric) -> Absence:
    if metric.key == OPERATIONS:
        return Absence(
            reason="counted",
            detail="operations are counted, not measured on videos: by each rule in the table of operations; which "
            "rule the paper used is not stated, so no count fills the cell",
            fill=Fill(things=("the authors' own rule of counting",)),
        )
    if metric.key is not None and metric.key in AMBIGUOUS:
        return Absence(
            reason="ambiguous",
            detail=AMBIGUOUS[metric.key],
            fill=Fill(things=("the authors' code, or their definition",)),
        )
    return Absence(reason="no_metric", detail="this project has no metric that is this quantity")


def _from_run(
    run: Run, model: str, data: DataName, quantity: Quantity, table: PaperTable
) -> Measured | Absence:
    name = run.results.name
    if run.results.tier == "mini":
        return Absence(
            reason="mini",
            detail=f"run {name!r} is of the embedded tier (mini), whose numbers never stand beside a paper's",
        )
    if data.name is None or not run.is_over(data.name):
        return Absence(reason="other_data", detail=f"run {name!r} is over {run.results.dataset_title}")
    own = run.model(model)
    if own is None:
        return Absence(reason="other_models", detail=f"run {name!r} has no row {model!r}")
    row = run.row(own, quantity.output)
    if row is None:
        return Absence(
            reason="metric_not_run", detail=f"run {name!r} was made without the metric {quantity.output}"
        )
    return _from_row(run, row, quantity, table)


def _from_row(run: Run, row: ResultRow, quantity: Quantity, table: PaperTable) -> Measured | Absence:
    name = run.results.name
    if ":seeded" in row.recipe:
        return Absence(
            reason="seeded", detail=f"run {name!r} used networks with weights from a rule, not trained ones"
        )
    if row.value is None:
        why = ", ".join(f"{reason} {count}" for reason, count in row.failures.items())
        return Absence(reason="no_value", detail=f"run {name!r} has no number: {row.value_reason or why}")
    return _measured(run, row, row.value, quantity.scale, table)


def _measured(run: Run, row: ResultRow, value: float, scale: float, table: PaperTable) -> Measured:
    conditions = []
    if table.n_videos is not None and row.n != table.n_videos:
        conditions.append(f"{row.n} clips here, {table.n_videos} in the paper")
    if run.size is not None and table.resolution is not None:
        here = "x".join(map(str, run.size))
        if here not in table.resolution:
            conditions.append(f"{here} here, {table.resolution} in the paper")
    conditions.append("that the clips are the paper's is not known: it does not list them")
    return Measured(
        value=value * scale,
        ci_low=None if row.ci_low is None else row.ci_low * scale,
        ci_high=None if row.ci_high is None else row.ci_high * scale,
        n=row.n,
        n_total=row.n_total,
        protocol=row.protocol,
        recipe=row.recipe,
        run=run.results.name,
        conditions=tuple(conditions),
    )
