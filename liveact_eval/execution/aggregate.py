"""From the journal to results: merge, interval, compare, count what is missing and why."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from liveact_eval.execution.cells import Cell, Cells
from liveact_eval.execution.composites import Part, composite_cells, composite_comparison, composite_value
from liveact_eval.execution.entrants import REAL
from liveact_eval.execution.keys import metric_key, survey_key
from liveact_eval.execution.plan import Plan
from liveact_eval.execution.run import Execution, Pair
from liveact_eval.execution.sets import Parts, set_comparison, set_value
from liveact_eval.measure.estimates import judged
from liveact_eval.measure.intervals import draw_weights, interval_of
from liveact_eval.metrics.base import Metric, Output, merge
from liveact_eval.metrics.composite import CompositeMetric
from liveact_eval.metrics.set_metric import SetMetric
from liveact_eval.results.journal import Unit
from liveact_eval.results.schema import (
    ClipValue,
    Comparison,
    FailedClip,
    FlaggedClip,
    MetricRecord,
    ModelRecord,
    ResultRow,
    Results,
)

_Table = Mapping[tuple[str, str], Cells]
"""By model and output."""


class _Problem(NamedTuple):
    """Why there is no number, as a code and for people."""

    reason: str
    detail: str | None = None


_NOT_RUN = _Problem("not_run")


def aggregate(
    plan: Plan, execution: Execution, name: str, provenance: dict[str, Any], *, compared: bool = True
) -> Results:
    """Everything that the journal knows about a plan, finished or not; `compared`: each model with each other."""
    cells: dict[tuple[str, str], dict[str, Cell]] = defaultdict(dict)
    failed: list[FailedClip] = []
    flagged: list[FlaggedClip] = []
    seconds: dict[str, float] = defaultdict(float)
    for pair in execution.pairs():
        problem, units = _units_of(plan, execution, pair, failed, flagged)
        made = execution.made(pair)
        seconds[pair.entrant.name] += made.seconds if made is not None else 0.0
        for metric in plan.measured:
            for output in metric.outputs:
                cell = _cell(pair, units.get(metric.name), output, problem)
                if isinstance(metric, SetMetric) and cell.reason is None:
                    cell = replace(cell, statistics=execution.part(pair, metric, output.name))
                cells[pair.entrant.name, output.name][pair.entry.id] = cell
    for m, o in _outputs(plan):
        if isinstance(m, CompositeMetric):
            for model in plan.entrants:
                cells[model.name, o.name] = composite_cells(m, _made_of(plan, m, model.name, cells))
    rows = [_row(plan, model.name, m, o, cells) for m, o in _outputs(plan) for model in plan.entrants]
    comparisons = [
        found
        for m, o in _outputs(plan)
        for a, b in combinations([entrant.name for entrant in plan.entrants], 2)
        if compared and (found := _comparison(plan, m, o, a, b, cells)) is not None
    ]
    config = plan.config.statistics
    return Results(
        name=name,
        dataset=plan.dataset.name,
        dataset_title=plan.dataset.title,
        tier=plan.dataset.tier,
        protocol=plan.protocol_id,
        clips=[entry.id for entry in plan.entries],
        confidence=config.confidence,
        interval=f"percentile bootstrap over speakers, {config.resamples} resamples, seed {config.seed}",
        models=[
            ModelRecord(name=e.name, title=e.title, kind=e.kind, generation_seconds=round(seconds[e.name], 3))
            for e in plan.entrants
        ],
        metrics=[
            MetricRecord(
                name=o.name,
                title=o.title,
                direction=o.direction,
                unit=o.unit,
                digits=o.digits,
                recipe=plan.recipe(m),
                best=o.best,
                giver=m.name,
            )
            for m, o in _outputs(plan)
        ],
        rows=rows,
        comparisons=comparisons,
        clip_values=[
            ClipValue(
                model=model,
                clip=clip,
                speaker=c.speaker,
                metric=output,
                value=c.value,
                reason=c.reason,
                detail=c.detail,
            )
            for (model, output), of in cells.items()
            for clip, c in of.items()
        ],
        failed=failed,
        flagged=flagged,
        provenance=provenance,
    )


def clip_curves(
    plan: Plan, execution: Execution
) -> dict[str, dict[str, dict[str, tuple[float, NDArray[np.float32]]]]]:
    """(fps, values) of every curve: by curve name, model and clip."""
    found: dict[str, dict[str, dict[str, tuple[float, NDArray[np.float32]]]]] = defaultdict(
        lambda: defaultdict(dict)
    )
    for pair in execution.pairs():
        made = execution.made(pair)
        if made is None:
            continue
        survey = survey_key(pair.key, made.sha256, plan.config.sanity)
        for metric in plan.measured:
            for name, curve in execution.curves(metric_key(survey, metric.name, plan.recipe(metric))).items():
                found[name][pair.entrant.name][pair.entry.id] = curve
    return found


def _outputs(plan: Plan) -> list[tuple[Metric, Output]]:
    return [(metric, output) for metric in plan.metrics for output in metric.outputs]


def _units_of(
    plan: Plan, execution: Execution, pair: Pair, failed: list[FailedClip], flagged: list[FlaggedClip]
) -> tuple[_Problem, Mapping[str, Unit]]:
    """Why the pair has no numbers (or why those are missing that are), and its units by metric."""
    names = {"model": pair.entrant.name, "clip": pair.entry.id}
    made = execution.made(pair)
    unit = execution.units.get(pair.key)
    if made is None:
        if unit is not None and unit.failed:
            failed.append(_failed(unit))
            return _problem(unit), {}
        return _NOT_RUN, {}
    survey_id = survey_key(pair.key, made.sha256, plan.config.sanity)
    survey = execution.units.get(survey_id)
    if survey is None:
        return _NOT_RUN, {}
    if survey.failed:
        failed.append(_failed(survey))
        return _problem(survey), {}
    flagged += [
        FlaggedClip(code=f["code"], message=f["message"], rejected=f["rejects"], **names)
        for f in survey.payload["findings"]
    ]
    keys = {metric.name: metric_key(survey_id, metric.name, plan.recipe(metric)) for metric in plan.measured}
    found = {name: execution.units[key] for name, key in keys.items() if key in execution.units}
    # What befell the whole clip stands once, and not once for each metric that it cost.
    failed += dict.fromkeys(_failed(unit) for unit in found.values() if unit.failed)
    return _NOT_RUN, found


def _failed(unit: Unit) -> FailedClip:
    stage = unit.stage if unit.stage in ("prepare", "generate", "measure") else "measure"
    return FailedClip.model_validate(
        {
            "model": unit.model,
            "clip": unit.clip,
            "stage": stage,
            "reason": unit.reason or "unknown",
            "message": unit.message or "",
        }
    )


def _problem(unit: Unit) -> _Problem:
    return _Problem(unit.reason or "unknown", unit.message or None)


def _cell(pair: Pair, unit: Unit | None, output: Output, problem: _Problem) -> Cell:
    if unit is not None and unit.failed:
        problem = _problem(unit)
    if unit is None or unit.failed:
        return Cell(pair.entry.speaker, None, None, problem.reason, problem.detail)
    stored = unit.payload.get(output.name)
    if stored is None:
        return Cell(pair.entry.speaker, None, None, "not_given")
    if stored["value"] is None and stored["reason"] is None:
        return Cell(pair.entry.speaker, None, None, None)
    if stored["value"] is None:
        return Cell(pair.entry.speaker, None, None, stored["reason"], stored.get("detail") or None)
    return Cell(pair.entry.speaker, stored["value"], np.asarray(stored["statistics"]), None)


def _made_of(plan: Plan, metric: CompositeMetric, model: str, cells: _Table) -> list[Part]:
    """The parts of a composite for one model."""
    givers = {output.name: giver for giver, output in _outputs(plan)}
    return [Part(name, givers[name], cells[model, name]) for name in metric.parts]


def _row(plan: Plan, model: str, metric: Metric, output: Output, cells: _Table) -> ResultRow:
    own = cells[model, output.name]
    good = [cell for cell in own.values() if cell.statistics is not None]
    reasons = Counter(cell.reason or "unknown" for cell in own.values() if cell.statistics is None)
    value, interval, note, reason = None, None, None, None
    n, n_speakers = len(good), len({cell.speaker for cell in good})
    if isinstance(metric, CompositeMetric):
        whole = composite_value(metric, _made_of(plan, metric, model, cells), plan.config.statistics)
        value, interval, note, reason = whole.value, whole.interval, whole.note, whole.reason
        n, n_speakers, reasons = whole.n, whole.n_speakers, Counter(whole.failures)
    elif good and isinstance(metric, SetMetric):
        found = set_value(plan, metric, output, model, _parts(own), _parts(cells[REAL, output.name]))
        value, interval, note = found.value, found.interval, found.note
        if value is None:
            reasons = Counter({found.reason or "unknown": len(own)})
            n, n_speakers = 0, 0
    elif good:
        parts = _stack(good)
        value = float(metric.result(merge(parts)))
        weights = draw_weights([cell.speaker for cell in good], plan.config.statistics)
        interval = interval_of(parts, metric.result, weights, plan.config.statistics)
    low, high = (interval.low, interval.high) if interval is not None else (None, None)
    return ResultRow(
        model=model,
        dataset=plan.dataset.name,
        protocol=plan.protocol_id,
        metric=output.name,
        recipe=plan.recipe(metric),
        tier=plan.dataset.tier,
        value=value,
        unit=output.unit,
        direction=output.direction,
        ci_low=low,
        ci_high=high,
        n=n,
        n_total=len(plan.entries),
        n_speakers=n_speakers,
        failures=dict(reasons.most_common()),
        note=note,
        value_reason=reason or (None if n else (reasons.most_common(1)[0][0] if reasons else "no_clips")),
    )


def _comparison(
    plan: Plan, metric: Metric, output: Output, a: str, b: str, cells: _Table
) -> Comparison | None:
    """Both models on the clips that both have; `None` where there is none."""
    if isinstance(metric, CompositeMetric):
        made_of = [_made_of(plan, metric, model, cells) for model in (a, b)]
        return composite_comparison(metric, output, (a, b), made_of[0], made_of[1], plan.config.statistics)
    of_a, of_b = cells[a, output.name], cells[b, output.name]
    common = [
        entry.id
        for entry in plan.entries
        if of_a[entry.id].statistics is not None and of_b[entry.id].statistics is not None
    ]
    if not common:
        return None
    speakers = [of_a[clip].speaker for clip in common]
    if isinstance(metric, SetMetric):
        parts = [_parts(of) for of in (of_a, of_b, cells[REAL, output.name])]
        return set_comparison(plan, metric, output, (a, b), parts[0], parts[1], parts[2])
    config = plan.config.statistics
    stacked = [_stack([of[clip] for clip in common]) for of in (of_a, of_b)]
    weights = draw_weights(speakers, config)
    # Both are resampled together, so that what is common to a clip cancels.
    draws = None
    if weights is not None:
        drawn = weights.astype(np.float64)
        draws = metric.result(drawn @ stacked[0]) - metric.result(drawn @ stacked[1])
    difference = float(metric.result(merge(stacked[0])) - metric.result(merge(stacked[1])))
    interval, verdict = judged(difference, draws, speakers, output, config)
    return Comparison(
        metric=output.name,
        model=a,
        other=b,
        difference=difference,
        ci_low=interval.low if interval is not None else None,
        ci_high=interval.high if interval is not None else None,
        n=len(common),
        verdict=verdict,
    )


def _parts(cells: Cells) -> Parts:
    """What clips contribute to a set, with their speakers, by clip id."""
    return {
        clip: (cell.speaker, cell.statistics) for clip, cell in cells.items() if cell.statistics is not None
    }


def _stack(cells: list[Cell]) -> NDArray[np.float64]:
    return np.stack([cell.statistics for cell in cells if cell.statistics is not None])
