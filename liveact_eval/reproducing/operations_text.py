"""The column of operations of a published table: as Markdown, and as JSON can hold it."""

from __future__ import annotations

import dataclasses
from typing import Any

from liveact_eval.efficiency.counting.analytic import RULES
from liveact_eval.reproducing.operations import OperationRow, Operations

HEADING = "Operations of the transformer in TFLOP per frame (a multiply-add is 2)"


def columns() -> tuple[str, ...]:
    """Heads of the table, the first for the row's name."""
    rules = tuple(f"rule {rule}" for rule in RULES)
    return ("", "setting", "size", "forwards", "frames", "published", *rules, "counted here")


def entries(row: OperationRow) -> tuple[str, ...]:
    """One row as text: by rule with the difference to what is printed."""
    rules = tuple(f"{value:.1f} ({_off(value, row)})" for value in row.by_rule.values())
    counted = f"– ({row.reason})" if row.counted is None else f"{row.counted:.2f} ({_off(row.counted, row)})"
    size = f"{row.size[0]}x{row.size[1]}"
    facts = (row.model, row.setting, size, f"{row.forwards}", f"{row.frames}", f"{row.published:g}")
    return (*facts, *rules, counted)


def _off(value: float, row: OperationRow) -> str:
    """Difference to what is printed, in percent of it."""
    # Rounded first, so that nothing is off by minus zero.
    return f"{round(value / row.published - 1, 3) + 0.0:+.1%}"


def rule_lines(operations: Operations) -> tuple[str, ...]:
    """What the rules are, and whether one of them explains all rows."""
    rules = tuple(f"Rule {rule}: {words}." for rule, words in RULES.items())
    return (*rules, "Counted here: by PyTorch's counter on networks without weights.", operations.verdict)


def markdown_lines(operations: Operations) -> list[str]:
    """The table and what stands under it."""
    heads = columns()
    lines = [
        f"{HEADING}:",
        "",
        "| " + " | ".join(heads) + " |",
        "|:---|:---|:---|" + "---:|" * (len(heads) - 3),
    ]
    lines += ["| " + " | ".join(entries(row)) + " |" for row in operations.rows]
    return [*lines, "", *(f"- {line}" for line in rule_lines(operations))]


def content(operations: Operations | None) -> dict[str, Any] | None:
    """All that is known; `None` where the table has no such column."""
    if operations is None:
        return None
    return {
        "unit": "TFLOP/frame",
        "rules": dict(RULES),
        "rows": [dataclasses.asdict(row) for row in operations.rows],
        "worst_difference": operations.worst,
        "verdict": operations.verdict,
    }
