"""From the results of a run over all levels to verdicts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from liveact_eval.measure.intervals import StatisticsConfig
from liveact_eval.metrics.base import Metric, Output
from liveact_eval.metrics.set_metric import SetMetric
from liveact_eval.results.schema import ResultRow, Results
from liveact_eval.selftest.distorted import baseline, entrant_name
from liveact_eval.selftest.expectations import Expectation, expectations
from liveact_eval.selftest.ladders import Ladder
from liveact_eval.selftest.schema import (
    Cell,
    DistortionRecord,
    Failure,
    LevelValue,
    OutputRecord,
    SelfTest,
    Unavailable,
    Verdict,
)
from liveact_eval.selftest.verdicts import Reading, read_curve

_ROUNDING = 1e-9


def judge(
    results: Results,
    metrics: Sequence[Metric],
    ladders: Sequence[Ladder],
    levels: int,
    config: StatisticsConfig,
    unavailable: Sequence[Unavailable] = (),
) -> SelfTest:
    """The verdict on every output under every distortion.

    Args:
        results: of a run whose rows are named by `entrant_name` and `baseline`.
        metrics: those that were run.
        ladders: what was done.
        levels: levels above 0.
        config: how intervals are made.
        unavailable: metrics that could not be run.
    """
    table = _Table(results)
    outputs = [(metric, output) for metric in metrics for output in metric.outputs]
    cells = [
        _cell(table, metric, output, ladder, levels, config)
        for metric, output in outputs
        for ladder in ladders
    ]
    recipes = {record.name: record.recipe for record in results.metrics}
    seeded = {output.name for _, output in outputs if ":seeded" in recipes[output.name]}
    titles = {output.name: output.title for _, output in outputs}
    counting = [cell for cell in cells if cell.met is not None and cell.output not in seeded]
    broken = [_sentence(cell, titles[cell.output]) for cell in counting if not cell.met]
    return SelfTest(
        name=results.name,
        dataset=results.dataset,
        dataset_title=results.dataset_title,
        tier=results.tier,
        protocol=results.protocol,
        clips=results.clips,
        speakers=len({value.speaker for value in results.clip_values}),
        confidence=results.confidence,
        interval=results.interval,
        passed=not broken,
        broken=broken,
        checked=len(counting),
        distortions=[
            DistortionRecord(
                name=ladder.name,
                title=ladder.title,
                unit=ladder.unit,
                says=ladder.says,
                strengths=ladder.strengths(levels),
                baseline=baseline(ladder.name),
            )
            for ladder in ladders
        ],
        outputs=[
            OutputRecord(
                name=output.name,
                title=output.title,
                metric=metric.name,
                direction=output.direction,
                unit=output.unit,
                digits=output.digits,
                recipe=recipes[output.name],
                seeded=output.name in seeded,
            )
            for metric, output in outputs
        ],
        cells=cells,
        unavailable=list(unavailable),
        failed=_failures(results),
        provenance=results.provenance,
    )


class _Table:
    """Results by model and metric."""

    def __init__(self, results: Results) -> None:
        self.clips = results.clips
        self.rows: dict[tuple[str, str], ResultRow] = {(row.model, row.metric): row for row in results.rows}
        self.values: dict[tuple[str, str, str], float] = {}
        self._speakers: dict[str, str] = {}
        for found in results.clip_values:
            self._speakers[found.clip] = found.speaker
            if found.value is not None:
                self.values[found.model, found.metric, found.clip] = found.value
        self.speakers = [self._speakers.get(clip, clip) for clip in self.clips]

    def curve(self, models: Sequence[str], output: str, *, whole: bool) -> NDArray[np.float64]:
        """(levels, clips) values, or (levels, 1) of the whole set; NaN where there is none."""
        if whole:
            values = [self.rows[model, output].value for model in models]
            return np.array([[np.nan if value is None else value] for value in values])
        return np.array(
            [[self.values.get((model, output, clip), np.nan) for clip in self.clips] for model in models]
        )


def _cell(
    table: _Table, metric: Metric, output: Output, ladder: Ladder, levels: int, config: StatisticsConfig
) -> Cell:
    models = [baseline(ladder.name), *(entrant_name(ladder.name, k) for k in range(1, levels + 1))]
    whole = isinstance(metric, SetMetric)
    curve = table.curve(models, output.name, whole=whole)
    speakers = ["set"] if whole else table.speakers
    reading = read_curve(curve, speakers, config, alone=whole)
    expected = expectations().get((output.name, ladder.name))
    verdict, met = verdict_of(reading, expected)
    rows = [table.rows[model, output.name] for model in models]
    both = np.isfinite(curve[0]) & np.isfinite(curve[1:]).any(axis=0)
    return Cell(
        output=output.name,
        distortion=ladder.name,
        verdict=verdict,
        trend=reading.trend,
        expected=None if expected is None else expected.way,
        within=None if expected is None else expected.within,
        met=met,
        rank_correlation=reading.correlation,
        ci_low=None if reading.interval is None else reading.interval.low,
        ci_high=None if reading.interval is None else reading.interval.high,
        dead_until=reading.dead_until,
        saturated_from=reading.saturated_from,
        n=rows[0].n if whole and both.any() else int(both.sum()),
        n_total=len(table.clips),
        levels=[
            LevelValue(
                level=k,
                strength=strength,
                value=row.value,
                ci_low=row.ci_low,
                ci_high=row.ci_high,
                change=reading.change[k],
                n=row.n,
                n_total=row.n_total,
                failures=row.failures,
            )
            for k, (row, strength) in enumerate(zip(rows, [0.0, *ladder.strengths(levels)], strict=True))
        ],
    )


def verdict_of(reading: Reading, expected: Expectation | None) -> tuple[Verdict, bool | None]:
    """The verdict on a curve, and whether what is expected came (`None`: nothing is, or nothing was measured).

    What must move must move that way, and never back beyond its interval. What must be still may move as far as it
    is allowed to.
    """
    if reading.shape == "missing":
        return "missing", None
    plain: Verdict = "saturated" if reading.saturated_from is not None else reading.shape
    if expected is None:
        return plain, None
    if expected.way == "still":
        allowed = (expected.within or 0.0) + _ROUNDING
        furthest = max(abs(change) for change in reading.change if change is not None)
        return (plain, True) if furthest <= allowed else ("wrong way", False)
    if reading.shape == "flat":
        return "flat", False
    if reading.trend != expected.way:
        return "wrong way", False
    return plain, reading.shape == "monotone"


def _sentence(cell: Cell, title: str) -> str:
    """What is wrong with a cell: what must happen, what did, and the values by level."""
    wanted = {
        "up": "must rise",
        "down": "must fall",
        "still": f"must stay within {cell.within or 0:g} of level 0",
    }
    happened = {"flat": "it does not move", "not monotone": "it goes back and forth"}
    seen = happened.get(cell.verdict, "it goes the wrong way" if cell.expected != "still" else "it moves")
    values = " ".join("-" if level.value is None else f"{level.value:.4g}" for level in cell.levels)
    return f"{title} ({cell.output}) under {cell.distortion} {wanted[cell.expected or 'up']}, but {seen}: {values}"


def _failures(results: Results) -> list[Failure]:
    failed = [Failure(model=f.model, clip=f.clip, reason=f.reason, message=f.message) for f in results.failed]
    return failed + [
        Failure(model=f.model, clip=f.clip, reason=f.code, message=f.message)
        for f in results.flagged
        if f.rejected
    ]
