"""Verdicts as GitHub annotations: lines that a workflow's log turns into errors, warnings and notices."""

from __future__ import annotations

from liveact_eval.gate.evidence import Verdict
from liveact_eval.gate.judge import Report
from liveact_eval.gate.tables import sentence

_LEVELS: dict[Verdict, str] = {
    "REGRESSION": "error",
    "MISSING": "error",
    "PROTOCOL MISMATCH": "warning",
    "CALIBRATION NEEDED": "warning",
    "IMPROVED": "notice",
}


def annotations_of(report: Report) -> list[str]:
    """One line for each verdict but PASS; verdicts of one kind with one reason share a line.

    GitHub shows ten of each level for a step, so that a reason that all rows have must not fill them.
    """
    grouped: dict[tuple[Verdict, str], list[str]] = {}
    for item in report.judgements:
        if item.verdict in _LEVELS:
            shared = (
                item.detail if item.verdict in ("PROTOCOL MISMATCH", "CALIBRATION NEEDED") else sentence(item)
            )
            grouped.setdefault((item.verdict, shared), []).append(f"{item.model} {item.metric}")
    lines = []
    # What fails comes first: the limit must not hide it.
    for verdict, level in _LEVELS.items():
        for (found, text), rows in grouped.items():
            if found != verdict:
                continue
            named = rows[0] if len(rows) == 1 else f"{len(rows)} rows, {rows[0]} for one"
            title = _property(f"liveact-eval {verdict}: {named}")
            lines.append(f"::{level} title={title}::{_data(text)}")
    return lines


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
