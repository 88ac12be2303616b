"""Names of systems in published tables: each is a model card, or is known to be none."""

from __future__ import annotations

from pathlib import Path

import pytest

from liveact_eval.cards.load import list_cards
from liveact_eval.reproducing.named import card_named, find_tables, model_cards, model_of, same_name
from liveact_eval.reproducing.runs import open_runs
from tests.made_runs import made_results, made_run

WITHOUT_CARD = {
    "avatarforcing-table2": "parts of a delay, all of AvatarForcing",
    "avatarforcing-table3": "window lengths and steps of AvatarForcing",
    "avatarforcing-table4-left": "teacher and students of one training",
    "avatarforcing-table4-right": "AvatarForcing without anchors",
    "avatarforcing-table5": "AvatarForcing without padding or re-indexing",
    "avatarforcing-table6: Self-Forcing (1-step)": "trained by AvatarForcing's authors for this table",
    "avatarforcing-table6: Causal ODE": "trained by AvatarForcing's authors for this table",
    "liveact-table4": "two ways to train, by their effort",
    "liveact-table5": "block sizes of LiveAct",
}
"""Rows of published tables that no card stands for, with the reason."""


def test_every_system_of_every_table_has_a_card() -> None:
    found: dict[str, str | None] = {}
    for table in find_tables("all"):
        for row in table.rows:
            whole = table.id in WITHOUT_CARD
            found[table.id if whole else f"{table.id}: {row.model}"] = model_of(table, row)
    assert {name for name, card in found.items() if card is None} == set(WITHOUT_CARD)
    cards = set(list_cards("models"))
    assert {name: card for name, card in found.items() if card is not None and card not in cards} == {}
    assert found["avatarforcing-table1-celebvhq: LiveAvatar (5 GPUs)"] == "live-avatar"
    assert found["avatarforcing-table1-longform: HunyuanAvatar"] == "hunyuanvideo-avatar"
    assert found["avatarforcing-table1-celebvhq: WanS2V"] == "wan2.2-s2v"


def test_a_name_means_one_card() -> None:
    names = [name for card in model_cards() for name in (card.name, *card.aliases)]
    plain = [name.lower().replace("-", "").replace(".", "") for name in names]
    assert len(set(plain)) == len(plain)
    for card in model_cards():
        assert {card_named(name) for name in (card.name, *card.aliases)} == {card.name}
    assert card_named("mine") is None
    assert not same_name("mine", "yours")


@pytest.mark.parametrize("name", ["wan2.2-s2v", "wan-s2v", "WanS2V", "wan22s2v"])
def test_a_row_of_a_run_may_have_either_name(name: str, tmp_path: Path) -> None:
    results = made_results({"sync_c": {name: [8.0, 9.0]}}, clips=["a", "b"], tier="paper", dataset="hdtf")
    made_run(tmp_path / "r", results)
    (run,) = open_runs([tmp_path / "r"])
    assert run.model("wan2.2-s2v") == name
    assert run.model("hunyuanvideo-avatar") is None
