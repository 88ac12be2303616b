"""What a run says of one row of a baseline: an estimate of the difference, or why there is none."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from liveact_eval.comparing.runs import Run
from liveact_eval.gate.baseline import Baseline, BaselineRow, clip_values, machine_of, performance_rows
from liveact_eval.gate.rules import Rule
from liveact_eval.measure.estimates import Estimate, Resampling, resolution
from liveact_eval.results.schema import ResultRow

Verdict = Literal["PASS", "REGRESSION", "IMPROVED", "MISSING", "PROTOCOL MISMATCH", "CALIBRATION NEEDED"]
Good = Literal["up", "down", "still", "none"]
_NORMAL_95 = 1.959964


@dataclass(frozen=True)
class Found:
    """What can be said of a row before the number of rows is known."""

    row: BaselineRow
    good: Good
    rule: Rule | None
    estimate: Estimate | None = None
    baseline: float | None = None
    verdict: Verdict | None = None
    """Where no interval is needed to tell."""
    detail: str = ""
    value: float | None = None


def look(
    run: Run,
    baseline: Baseline,
    row: BaselineRow,
    good: Good,
    rule: Rule | None,
    resampling: Resampling,
) -> Found:
    """What the run says of a row: an estimate, or why there is none."""
    timed = {item.model: item for item in performance_rows(run)} if row.kind == "performance" else {}
    timing = timed.get(row.model)
    current = timing if row.kind == "performance" else run.rows.get((row.model, row.metric))
    if current is None or current.value is None or row.value is None:
        reason = getattr(current, "value_reason", None) or "not measured"
        return Found(row, good, rule, verdict="MISSING", detail=f"the run has no number: {reason}")
    differing = _other_machine(run, baseline) if row.kind == "performance" else ""
    if current.recipe != row.recipe:
        detail = f"recipe {current.recipe}, baseline {row.recipe}"
        return Found(row, good, rule, verdict="PROTOCOL MISMATCH", detail=detail, value=current.value)
    if differing or rule is None:
        detail = differing or "no minimum delta is known: give one with --rules"
        return Found(row, good, rule, verdict="CALIBRATION NEEDED", detail=detail, value=current.value)
    if row.values is None:
        if current.n < row.n * (1 - rule.missing):
            detail = f"n = {current.n} clips, baseline {row.n}"
            return Found(row, good, rule, verdict="MISSING", detail=detail, value=current.value)
        return _with(row, good, rule, _unpaired(row, current), row.value)
    own = timing.values if timing else clip_values(run, row.model, row.metric)
    return _paired(run, baseline, row, good, rule, own, resampling)


def _paired(
    run: Run,
    baseline: Baseline,
    row: BaselineRow,
    good: Good,
    rule: Rule,
    own: Sequence[float | None] | None,
    resampling: Resampling,
) -> Found:
    """Clip by clip; the clips of both are the same and in the same order, as their protocol ids say."""
    pairs = [
        (clip, speaker, before, after)
        for (clip, speaker), before, after in zip(
            baseline.clips, row.values or (), own or [None] * len(baseline.clips), strict=True
        )
        if before is not None
    ]
    lost = [clip for clip, _, _, after in pairs if after is None]
    if len(lost) > rule.missing * len(pairs) or len(lost) == len(pairs):
        cells = run.cells.get((row.model, row.metric), {})
        reasons = sorted(
            {(cells[clip].reason or "unknown") if clip in cells else "not measured" for clip in lost}
        )
        detail = f"{len(lost)} of {len(pairs)} clips have no number any more ({', '.join(reasons)}), {lost[0]} for one"
        return Found(row, good, rule, verdict="MISSING", detail=detail)
    whole = [(speaker, before, after) for _, speaker, before, after in pairs if after is not None]
    before = np.array([item[1] for item in whole])
    after = np.array([item[2] for item in whole])
    estimate = resampling.mean_difference(after, before, [item[0] for item in whole], row.digits)
    return _with(row, good, rule, estimate, float(before.mean()))


def _unpaired(row: BaselineRow, current: BaselineRow | ResultRow) -> Estimate | None:
    """From two intervals, as if the runs had nothing in common: wider than a paired one, as they have the clips."""
    if row.value is None or current.value is None:
        return None
    ends = ((row.ci_low, row.ci_high), (current.ci_low, current.ci_high))
    if any(end is None for pair in ends for end in pair):
        return None
    errors = [
        (upper - lower) / (2 * _NORMAL_95) for lower, upper in ends if lower is not None and upper is not None
    ]
    error = math.hypot(*errors, resolution(row.digits, row.n_speakers))
    return Estimate(
        difference=current.value - row.value, error=error, freedom=max(row.n_speakers - 1, 1), n=current.n
    )


def _with(row: BaselineRow, good: Good, rule: Rule, estimate: Estimate | None, before: float) -> Found:
    if estimate is None or estimate.error is None:
        detail = "there is no interval: two speakers at least are needed, and bootstrap samples for a set"
        return Found(row, good, rule, verdict="CALIBRATION NEEDED", detail=detail, baseline=before)
    return Found(row, good, rule, estimate, before)


def _other_machine(run: Run, baseline: Baseline) -> str:
    """Which parts of the machine's fingerprint differ; empty where none does."""
    own = machine_of(run)
    said = [
        f"{key}: {own.get(key)}, baseline {baseline.machine.get(key)}"
        for key in sorted(own | baseline.machine)
        if own.get(key) != baseline.machine.get(key)
    ]
    return "another machine (" + "; ".join(said) + ")" if said else ""
