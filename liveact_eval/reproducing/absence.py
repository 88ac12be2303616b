"""Why nothing was measured for a cell, and what would fill it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from liveact_eval.cards.model import ModelCard
from liveact_eval.cards.paper import PaperRow, PaperTable
from liveact_eval.reproducing.named import model_cards, model_of
from liveact_eval.reproducing.needs import Fill

_SIZE = re.compile(r"\d+x\d+")


@dataclass(frozen=True, kw_only=True)
class Absence:
    """Why nothing was measured for a cell, and what would fill it."""

    reason: str
    """Short code."""
    detail: str
    """The reason for people."""
    fill: Fill = field(default_factory=Fill)
    """Empty where nothing could fill it."""


def speed_absence(table: PaperTable, row: PaperRow, *, timed: bool) -> Absence:
    """Why a cell of speed has no number, and the benchmark that puts a measured row beside it.

    Args:
        table: that the cell is in.
        row: the cell's row.
        timed: whether a benchmark of the row's system was given.
    """
    if timed:
        return Absence(
            reason="timed",
            detail="speed as benchmarks measured it stands in a table of its own below this one",
        )
    detail = "speed and cost: runs over videos do not hold them, benchmarks do"
    model = model_of(table, row)
    card = next((card for card in model_cards() if card.name == model), None)
    if card is None or card.kind not in ("native", "command"):
        thing = "a timed run of the authors' programs, by hand"
    elif card.command is not None and not card.command.prints_blocks:
        thing = f"`timing` in the card of {card.name}, for lines about blocks: without them only whole videos are timed"
    else:
        thing = f"a benchmark: {_command(table, card)}"
    return Absence(reason="cost", detail=detail, fill=Fill(things=(thing,)))


def _command(table: PaperTable, card: ModelCard) -> str:
    found = None if table.resolution is None else _SIZE.search(table.resolution)
    size = "" if found is None else f" --size {found[0]}"
    drawn = "; without weights: --random-weights" if card.kind == "native" else ""
    out = f"runs/bench-{card.name}"
    return f"liveact-eval bench --model {card.name}{size} --out {out}{drawn}; then here: --run {out}"
