"""What the papers' own numbers say against each other: doubts that stand beside the published tables, as one list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from liveact_eval.cards.paper import PaperTable
from liveact_eval.reproducing.named import short_name


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One doubt about a published table. The numbers stay as printed."""

    paper: str
    table: str
    """Number of the table in the paper."""
    name: str
    """Name of the table here."""
    text: str


def findings_of(tables: Sequence[PaperTable]) -> list[Finding]:
    """All doubts about tables, in the order of the tables; one that several parts of a table share comes once."""
    found: dict[tuple[str, str], Finding] = {}
    for table in tables:
        for text in table.doubts:
            found.setdefault(
                (table.paper, text),
                Finding(paper=table.paper, table=table.table, name=short_name(table), text=text),
            )
    return list(found.values())
