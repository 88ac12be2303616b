"""Names of published tables as people type them, and what the words of a paper are called here."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from liveact_eval.cards.load import data_root, list_cards, load_model
from liveact_eval.cards.model import ModelCard
from liveact_eval.cards.paper import PaperRow, PaperTable, load_tables
from liveact_eval.errors import unknown_name

ALL = "all"

_PAPERS = {"SoulX-LiveAct": "liveact", "Knot Forcing": "knot_forcing", "AvatarForcing": "avatar_forcing"}
"""First part of a table's name."""

_PROPOSED = {"SoulX-LiveAct": "liveact", "Knot Forcing": "knot-forcing", "AvatarForcing": "avatar-forcing"}
"""Name, here, of the system that a paper proposes: its row is often called `Ours`."""

_OF_VARIANTS = frozenset(
    {
        "avatarforcing-table2",
        "avatarforcing-table3",
        "avatarforcing-table4-left",
        "avatarforcing-table4-right",
        "avatarforcing-table5",
        "liveact-table4",
        "liveact-table5",
    }
)
"""Tables whose rows are variants of one system, or quantities: no model card stands for such a row."""

_OWN_VARIANTS = frozenset(
    {("avatarforcing-table6", "Self-Forcing (1-step)"), ("avatarforcing-table6", "Causal ODE")}
)
"""Rows that the paper's authors trained for a comparison, in tables whose other rows are systems."""

_DATASETS = {"HDTF": "hdtf", "EMTD": "emtd", "CelebV-HQ": "celebvhq"}
"""Name, here, of what a paper measured; by the first word of the table's field."""


@dataclass(frozen=True, kw_only=True)
class DataName:
    """The clips of a published table."""

    words: str
    """What the paper calls them."""
    name: str | None
    """The dataset here; `None`: this project has no card of it."""


def published_root() -> Path:
    """Folder of the published tables."""
    return data_root() / "reports" / "paper"


def find_tables(name: str, tables: Sequence[PaperTable] | None = None) -> list[PaperTable]:
    """The published tables that a name means.

    Args:
        name: `all`; `liveact/table2` for all parts of that table; a part, `liveact/table2-hdtf`; or the name of a file,
            `liveact-table2-hdtf`.
        tables: where to look; the default is everything in `reports/paper`.

    Raises:
        UserError: there is none of that name; the nearest is named.
    """
    known = list(tables) if tables is not None else load_tables(published_root())
    if name == ALL:
        return known
    found = [table for table in known if name in _names(table)]
    if not found:
        names = {one for table in known for one in _names(table) if "/" in one}
        raise unknown_name("published table", name, {ALL, *names})
    return found


def short_name(table: PaperTable) -> str:
    """Name of a table, or of its part for one dataset: `liveact/table2-hdtf`."""
    paper = _PAPERS.get(table.paper, slug(table.paper))
    return f"{paper}/{table.id.split('-', 1)[1]}"


def _names(table: PaperTable) -> set[str]:
    short = short_name(table)
    whole = re.sub(r"(/table\d+)-.*$", r"\1", short)
    return {table.id, short, whole}


def model_of(table: PaperTable, row: PaperRow) -> str | None:
    """Name of the model card of the system in a row, its name as a slug where there is no card; `None` where the row is
    a variant or a quantity."""
    if table.id in _OF_VARIANTS or (table.id, row.model) in _OWN_VARIANTS:
        return None
    plain = re.sub(r"\s*\([^)]*\)", "", row.model).strip()
    if row.ours and table.paper in _PROPOSED:
        plain = _PROPOSED[table.paper]
    return card_named(plain) or slug(plain) or None


def data_of(table: PaperTable) -> DataName | None:
    """The clips of a table; `None` where it is not about any."""
    if table.dataset is None:
        return None
    first = table.dataset.split(" ")[0].rstrip(",")
    return DataName(words=table.dataset, name=_DATASETS.get(first))


def slug(text: str) -> str:
    """A name as letters, digits and single dashes: `Live-Avatar` and `live_avatar` are one."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def same_name(one: str, other: str) -> bool:
    """Whether two names mean the same system, whatever dashes they are written with, or by the aliases of its card."""
    card = card_named(one)
    return _plain(one) == _plain(other) or (card is not None and card == card_named(other))


def card_named(name: str) -> str | None:
    """Name of the model card that has this name or alias, whatever dashes it is written with."""
    return _called().get(_plain(name))


@functools.cache
def model_cards() -> tuple[ModelCard, ...]:
    """The shipped model cards."""
    return tuple(load_model(name) for name in list_cards("models"))


@functools.cache
def _called() -> dict[str, str]:
    return {_plain(name): card.name for card in model_cards() for name in (*card.aliases, card.name)}


def _plain(name: str) -> str:
    return slug(name).replace("-", "")
