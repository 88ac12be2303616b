"""Verdicts as a table for people, and what an update changes in a baseline."""

from __future__ import annotations

from collections import Counter

from liveact_eval.comparing.markdown import escaped
from liveact_eval.gate.baseline import Baseline, BaselineRow
from liveact_eval.gate.evidence import Verdict
from liveact_eval.gate.judge import Judgement, Report
from liveact_eval.reporting.numbers import number

_ORDER: tuple[Verdict, ...] = (
    "REGRESSION",
    "MISSING",
    "PROTOCOL MISMATCH",
    "CALIBRATION NEEDED",
    "IMPROVED",
    "PASS",
)
_ARROWS = {"up": "↑", "down": "↓", "still": "=", "none": ""}


def markdown(report: Report) -> str:
    """What fails first, then what could not be judged, then the rest."""
    mini = " (mini)" if report.tier == "mini" else ""
    counts = Counter(item.verdict for item in report.judgements)
    said = ", ".join(f"{counts[verdict]} {verdict}" for verdict in _ORDER if counts[verdict])
    lines = [
        f"{escaped(report.run)} against baseline {escaped(report.baseline)}{mini}, protocol {report.protocol}: "
        f"{said or 'no row'}.",
        "",
        "| verdict | model | metric | baseline | run | difference | interval | at least | n |",
        "|:---|:---|:---|---:|---:|---:|---:|---:|---:|",
    ]
    for item in sorted(report.judgements, key=lambda item: _ORDER.index(item.verdict)):
        interval = "–"
        if item.ci_low is not None:
            interval = f"{number(item.ci_low, item.digits)} to {number(item.ci_high, item.digits)}"
        least = "–" if item.least is None else f"{item.least:.3g}"
        numbers = (number(value, item.digits) for value in (item.baseline, item.value, item.difference))
        names = f"{escaped(item.model)} | {escaped(_title(item))}"
        lines.append(
            f"| {item.verdict} | {names} | {' | '.join(numbers)} | {interval} | {least} | {item.n} |"
        )
    lines += [
        "",
        "A regression needs an interval that leaves out zero and a difference of at least the minimum delta; the "
        f"intervals of a model together hold at {report.confidence:.0%} (Bonferroni).",
    ]
    details = dict.fromkeys((item.verdict, item.detail) for item in report.judgements if _explained(item))
    lines += ["", *(f"- {verdict}: {escaped(detail)}." for verdict, detail in details)]
    lines += [f"- {escaped(note)}." for note in report.notes]
    if report.unknown:
        lines.append(
            f"- Not in the baseline: {escaped(', '.join(report.unknown))}. Take it in with --update."
        )
    return "\n".join(lines).rstrip() + "\n"


def sentence(item: Judgement) -> str:
    """One verdict with its numbers."""
    if item.kind == "settings" and item.verdict == "REGRESSION":
        return item.detail
    if item.difference is None:
        return f"{item.model} {_title(item)}: {item.verdict}: {item.detail}"
    unit = f" {item.unit}" if item.unit else ""
    low, high = (number(end, item.digits) for end in (item.ci_low, item.ci_high))
    before, after = (number(value, item.digits) for value in (item.baseline, item.value))
    return (
        f"{item.model} {_title(item)}: {item.verdict}: {before} to {after}{unit}, difference "
        f"{number(item.difference, item.digits)} [{low}, {high}], minimum delta {item.least or 0:.3g}"
    )


def changes(earlier: Baseline | None, made: Baseline) -> list[str]:
    """What an update changes, one line each; empty where nothing does. `None`: there was no baseline."""
    if earlier is None:
        return [f"+ {row.model} {row.metric}: {_value(row)}" for row in made.rows]
    lines = []
    for field in ("dataset", "tier", "protocol_id", "confidence", "machine"):
        before, after = getattr(earlier, field), getattr(made, field)
        if before != after:
            lines.append(f"{field}: {before} -> {after}")
    for model in dict.fromkeys((*earlier.settings, *made.settings)):
        ran, runs = earlier.settings.get(model, {}), made.settings.get(model, {})
        lines += [
            f"settings of {model}: {name}: {ran.get(name)} -> {runs.get(name)}"
            for name in dict.fromkeys((*ran, *runs))
            if ran.get(name) != runs.get(name)
        ]
    if earlier.clips != made.clips and earlier.protocol_id == made.protocol_id:
        lines.append("clips: other speakers")
    old = {(row.model, row.metric): row for row in earlier.rows}
    new = {(row.model, row.metric): row for row in made.rows}
    lines += [f"- {' '.join(key)}: {_value(row)}" for key, row in old.items() if key not in new]
    lines += [f"+ {' '.join(key)}: {_value(row)}" for key, row in new.items() if key not in old]
    for key, one in old.items():
        two = new.get(key, one)
        if one == two:
            continue
        said = f"~ {' '.join(key)}: {_value(one)} -> {_value(two)}"
        if one.recipe != two.recipe:
            said += f", recipe {one.recipe} -> {two.recipe}"
        elif one.values != two.values and one.values and two.values and len(one.values) == len(two.values):
            differing = sum(a != b for a, b in zip(one.values, two.values, strict=True))
            said += f", {differing} of {len(two.values)} clips differ"
        lines.append(said)
    return lines


def _title(item: Judgement) -> str:
    unit = f" [{item.unit}]" if item.unit else ""
    return f"{item.title}{unit} {_ARROWS[item.direction]}".rstrip()


def _explained(item: Judgement) -> bool:
    return bool(item.detail) and (item.verdict != "REGRESSION" or item.kind == "settings")


def _value(row: BaselineRow) -> str:
    spread = "" if row.ci_low is None or row.ci_high is None else f" [{row.ci_low:.6g}, {row.ci_high:.6g}]"
    return f"{row.value:.6g}{spread}, n = {row.n}" if row.value is not None else "none"
