"""Verdicts: what a run says about each number of a baseline."""

from __future__ import annotations

from collections import Counter
from typing import Literal

from pydantic import BaseModel, ConfigDict

from liveact_eval.comparing.runs import Run
from liveact_eval.errors import ExitCode
from liveact_eval.execution.entrants import REAL
from liveact_eval.gate.baseline import Baseline
from liveact_eval.gate.evidence import Found, Good, Verdict, look
from liveact_eval.gate.rules import Rules
from liveact_eval.gate.settings import SETTINGS, SettingsFound, look_at_settings, other_weights
from liveact_eval.measure.estimates import Resampling
from liveact_eval.measure.intervals import StatisticsConfig

FAILING: tuple[Verdict, ...] = ("REGRESSION", "MISSING")


class Judgement(BaseModel):
    """One number of the baseline, and what became of it."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    model: str
    metric: str
    title: str
    kind: Literal["quality", "performance", "settings"]
    unit: str
    digits: int
    direction: Good
    """What is good."""
    baseline: float | None
    value: float | None
    """On the clips that both have."""
    difference: float | None
    """Value less baseline."""
    ci_low: float | None
    ci_high: float | None
    """Of the difference; all intervals of a model hold at once."""
    least: float | None
    """Minimum delta."""
    n: int
    verdict: Verdict
    detail: str
    """Why, for people; empty for what passes."""


class Report(BaseModel):
    """All verdicts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    run: str
    baseline: str
    protocol: str
    tier: Literal["mini", "paper"]
    confidence: float
    """At which the intervals of a model together hold."""
    judgements: list[Judgement]
    unknown: list[str]
    """`model metric` of what the run has and the baseline has not."""
    notes: list[str] = []
    """What a reader must know beside the verdicts."""

    @property
    def exit_code(self) -> ExitCode:
        """1 where something is worse or missing; 2 where nothing could be judged; else 0."""
        if {judgement.verdict for judgement in self.judgements} & set(FAILING):
            return ExitCode.GATE
        # That the settings are the same says nothing of the videos.
        verdicts = {judgement.verdict for judgement in self.judgements if judgement.kind != SETTINGS}
        return ExitCode.OK if verdicts & {"PASS", "IMPROVED"} else ExitCode.USAGE


def judge(run: Run, baseline: Baseline, rules: Rules) -> Report:
    """Every row of a baseline against a run.

    Rows that are no score and have no rule are left out. Intervals are made so wide that all of a model's together hold
    at the baseline's level (Bonferroni): an unchanged model fails in at most half of the rest, as one end is worse.
    """
    differing = _mismatch(run, baseline)
    resampling = Resampling(StatisticsConfig(confidence=baseline.confidence))
    moved = {} if differing else _moved(run, baseline, rules)
    found = []
    for row in baseline.rows:
        rule = rules.get(row.metric)
        good: Good = row.direction if rule is None or rule.direction is None else rule.direction
        if good == "none":
            continue
        if differing:
            found.append(Found(row, good, rule, verdict="PROTOCOL MISMATCH", detail=differing))
        elif row.metric in moved and row.kind == "quality":
            found.append(Found(row, good, rule, verdict="CALIBRATION NEEDED", detail=moved[row.metric]))
        else:
            found.append(look(run, baseline, row, good, rule, resampling))
    counts = Counter(item.row.model for item in found if item.estimate is not None and item.verdict is None)
    levels = {model: 1 - (1 - baseline.confidence) / count for model, count in counts.items()}
    known = {(row.model, row.metric) for row in baseline.rows}
    return Report(
        run=run.label,
        baseline=baseline.name,
        protocol=baseline.protocol_id,
        tier=baseline.tier,
        confidence=baseline.confidence,
        judgements=[
            *(_judgement(item, levels.get(item.row.model, baseline.confidence)) for item in found),
            *([] if differing else map(_of_settings, look_at_settings(run.settings, baseline.settings))),
        ],
        unknown=[
            f"{row.model} {row.metric}"
            for row in run.results.rows
            if row.value is not None and (row.model, row.metric) not in known
        ],
        notes=other_weights(run.settings, baseline.settings),
    )


def _mismatch(run: Run, baseline: Baseline) -> str:
    """Why run and baseline are of two protocols; empty where they are not."""
    results = run.results
    if (results.protocol, results.tier) == (baseline.protocol_id, baseline.tier):
        return ""
    said = [f"protocol {results.protocol}, baseline {baseline.protocol_id}"]
    if run.protocol is not None and baseline.protocol is not None:
        fields = run.protocol.model_dump(mode="json")
        said += [
            f"{key}: {fields.get(key)}, baseline {baseline.protocol.get(key)}"
            for key in sorted(fields | baseline.protocol)
            if fields.get(key) != baseline.protocol.get(key)
        ]
    own, theirs = set(results.clips), {clip for clip, _ in baseline.clips}
    if own != theirs:
        said.append(f"{len(own)} clips, {len(own & theirs)} of them among the baseline's {len(theirs)}")
    elif len(said) == 1:
        said.append("the clips have the same names and another content or order")
    return "; ".join(said)


def _moved(run: Run, baseline: Baseline, rules: Rules) -> dict[str, str]:
    """Metrics that say something else of the real clips than they did, by output.

    No model has a part in that: the measurement has changed, by a decoder, a library or the metric's own code.
    """
    found = {}
    for row in baseline.rows:
        rule = rules.get(row.metric)
        current = run.rows.get((REAL, row.metric))
        if row.model != REAL or rule is None or current is None or current.recipe != row.recipe:
            continue
        if row.value is None or current.value is None:
            continue
        least = max(rule.minimum(row.value), 10.0**-row.digits)
        if abs(current.value - row.value) >= least:
            found[row.metric] = (
                f"the real clips measure {current.value:.6g}, and {row.value:.6g} when the baseline was made: the "
                "measurement has changed, not a model. Make the baseline anew"
            )
    return found


def _judgement(item: Found, level: float) -> Judgement:
    row, estimate = item.row, item.estimate
    before = item.baseline if item.baseline is not None else row.value
    low, high, difference, least = None, None, None, None
    verdict, detail, value = item.verdict, item.detail, item.value
    if item.rule is not None and before is not None:
        least = item.rule.minimum(before)
    if verdict is None and estimate is not None and before is not None and least is not None:
        difference, value = estimate.difference, before + estimate.difference
        low, high = estimate.interval(level) or (None, None)
        verdict = _verdict(difference, low, high, least, item.good)
        if verdict == "REGRESSION":
            detail = f"{row.title} of {row.model} went from {before:.6g} to {value:.6g}"
    return Judgement(
        model=row.model,
        metric=row.metric,
        title=row.title,
        kind=row.kind,
        unit=row.unit,
        digits=row.digits,
        direction=item.good,
        baseline=before,
        value=value,
        difference=difference,
        ci_low=low,
        ci_high=high,
        least=least,
        n=estimate.n if estimate is not None else 0,
        verdict=verdict or "CALIBRATION NEEDED",
        detail=detail,
    )


def _of_settings(found: SettingsFound) -> Judgement:
    return Judgement(
        model=found.model,
        metric=SETTINGS,
        title="Settings",
        kind="settings",
        unit="",
        digits=0,
        direction="still",
        baseline=None,
        value=None,
        difference=None,
        ci_low=None,
        ci_high=None,
        least=None,
        n=0,
        verdict=found.verdict,
        detail=found.detail,
    )


def _verdict(difference: float, low: float | None, high: float | None, least: float, good: Good) -> Verdict:
    """Certain (the interval leaves out zero), and large (the minimum delta is reached), or nothing."""
    if low is None or high is None or low <= 0 <= high or abs(difference) < least:
        return "PASS"
    if good == "still":
        return "REGRESSION"
    return "IMPROVED" if (difference > 0) == (good == "up") else "REGRESSION"
