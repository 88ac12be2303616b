"""Published operations per frame beside what follows from a card's figures by each rule, and beside a count."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from liveact_eval.cards.counting import CountedSetting
from liveact_eval.cards.load import list_cards, load_model
from liveact_eval.cards.model import ModelCard
from liveact_eval.cards.paper import PaperTable
from liveact_eval.efficiency.counting.analytic import RULES, Rule, per_frame
from liveact_eval.reproducing.named import model_of, same_name

KEY = "tflops_per_frame"
"""Key of the column."""
CLOSE = 0.02
"""Share by which a figure may differ from a printed one and still be called the same."""
Count = Callable[[ModelCard, tuple[int, int]], float]
"""Counts the transformer of a native model at a size, in TFLOP per frame."""


@dataclass(frozen=True, kw_only=True)
class OperationRow:
    """One setting of the system in one row of a table; all operations in TFLOP per frame."""

    model: str
    """The row's name in the paper."""
    setting: str
    size: tuple[int, int]
    published: float
    """As printed."""
    forwards: int
    """Model calls of a block."""
    frames: int
    """Denominator."""
    by_rule: dict[Rule, float]
    """By formula."""
    counted: float | None
    """By PyTorch's counter, on the networks of this package; `None` where they are not here or were not asked for."""
    reason: str | None
    """Why nothing was counted."""


@dataclass(frozen=True, kw_only=True)
class Operations:
    """The column of operations of one table."""

    rows: tuple[OperationRow, ...]
    worst: dict[Rule, float]
    """Largest relative difference to what is printed by each rule, with the setting of each row that suits it best."""

    @property
    def verdict(self) -> str:
        """Whether one rule explains all rows."""
        offs = ", ".join(f"{worst:.1%} by rule {rule}" for rule, worst in self.worst.items())
        systems = len({row.model for row in self.rows})
        fitting = [rule for rule, worst in self.worst.items() if worst <= CLOSE]
        best = f"even with the setting of each row that suits it best, the worst row is off by {offs}"
        if fitting:
            return f"Rule {' and '.join(fitting)} gives all {systems} published figures within {CLOSE:.0%}: {best}."
        return (
            f"No single rule gives all {systems} published figures within {CLOSE:.0%}: {best}. The papers state no "
            "rule, so none of these counts is a reproduction."
        )


def operations_of(table: PaperTable, count: Count | None) -> Operations | None:
    """What can be said of a table's operations; `None` where it has none.

    Args:
        table: a published table.
        count: counts what this package can build; `None`: nothing is counted.
    """
    metric = next((metric for metric in table.metrics if metric.key == KEY), None)
    if metric is None:
        return None
    rows: list[OperationRow] = []
    for row in table.rows:
        card, printed = _card(model_of(table, row)), row.values[metric.name]
        if card is None or card.counting is None or not isinstance(printed, (int, float)):
            continue
        for setting in card.counting.settings:
            if setting.published is None:
                continue
            counted, reason = _counted(card, setting, count)
            rows.append(
                OperationRow(
                    model=row.model,
                    setting=setting.name,
                    size=setting.size,
                    published=float(printed),
                    forwards=setting.forwards,
                    frames=setting.frames,
                    by_rule=per_frame(card.counting, setting),
                    counted=counted,
                    reason=reason,
                )
            )
    return Operations(rows=tuple(rows), worst=_worst(rows)) if rows else None


def _counted(
    card: ModelCard, setting: CountedSetting, count: Count | None
) -> tuple[float | None, str | None]:
    if card.native is None or setting.forwards != card.native.steps:
        return None, "not run here"
    if count is None:
        return None, "counted when this table alone is asked for"
    return count(card, setting.size), None


def _card(name: str | None) -> ModelCard | None:
    found = (
        None if name is None else next((one for one in list_cards("models") if same_name(one, name)), None)
    )
    return None if found is None else load_model(found)


def _worst(rows: Sequence[OperationRow]) -> dict[Rule, float]:
    found: dict[Rule, float] = {}
    for rule in RULES:
        nearest = [
            min(abs(row.by_rule[rule] / row.published - 1) for row in group)
            for _, group in itertools.groupby(rows, key=lambda row: row.model)
        ]
        found[rule] = max(nearest, default=0.0)
    return found
