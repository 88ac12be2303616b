"""Cards: found by name or path, typed, and every complaint says what was meant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from liveact_eval.cards.dataset import DatasetCard
from liveact_eval.cards.load import list_cards, load_dataset, load_model, parse_typed, read_typed
from liveact_eval.cards.model import ModelCard
from liveact_eval.errors import UserError

MODEL = {
    "name": "mine",
    "title": "Mine",
    "kind": "control",
    "summary": "A test.",
    "control": {"effect": "blur", "sigma": 1},
}
DATASET = {
    "name": "mine",
    "title": "Mine",
    "kind": "folder",
    "tier": "paper",
    "summary": "A test.",
    "protocol": {"name": "mine", "version": 1},
    "folder": {},
}


def test_every_shipped_card_loads_under_its_name() -> None:
    assert set(list_cards("models")) >= {"real", "still", "shift", "blur", "freeze", "noise", "liveact"}
    assert set(list_cards("datasets")) >= {"talkers", "talkers-128", "folder", "hdtf", "emtd"}
    for name in list_cards("models"):
        assert load_model(name).name == name
    for name, path in list_cards("datasets").items():
        assert load_dataset(name) == (load_dataset(str(path))[0], path)
        assert load_dataset(name)[0].name == name


def complaint(schema: type[ModelCard] | type[DatasetCard], content: dict[str, Any]) -> str:
    with pytest.raises(UserError) as caught:
        parse_typed(content, schema, where="card.yaml")
    return str(caught.value)


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        ({"titel": "x"}, ("unknown field `titel`", "Did you mean `title`?")),
        ({"zzz": 1}, ("unknown field `zzz`", "Known fields: ")),
        ({"control": {"effect": "blur", "sigmma": 1}}, ("`control.sigmma`", "Did you mean `sigma`?")),
        (
            {"weights": [{"hub": "a/b", "file": "c", "sha265": "0" * 64}]},
            ("`weights.0.sha265`", "Did you mean `sha256`?"),
        ),
        ({"control": {"effect": "blurr"}}, ("`control.effect`", "'blur'", "(found 'blurr')")),
        ({"control": {"effect": "blur", "sigma": -1}}, ("`control.sigma`", "(found -1)")),
        ({"kind": "native"}, ("section `control` must be absent in a card of kind `native`",)),
        ({"control": None}, ("section `control` must be given in a card of kind `control`",)),
        ({"name": "../escape"}, ("`name`", "pattern")),
        ({"title": None}, ("`title`", "valid string")),
    ],
)
def test_complaints_about_a_model_card(change: dict[str, Any], parts: tuple[str, ...]) -> None:
    parse_typed(MODEL, ModelCard, where="card.yaml")
    text = complaint(ModelCard, MODEL | change)
    for part in ("card.yaml: ", *parts):
        assert part in text


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        ({"protocol": {"name": "x", "versoin": 1, "version": 1}}, ("`protocol.versoin`", "`version`")),
        (
            {"protocol": {"name": "x", "version": 1, "encoding": {"prest": "fast"}}},
            ("`protocol.encoding.prest`", "Did you mean `preset`?"),
        ),
        ({"protocol": {"name": "x", "version": 1, "size": [8, 64]}}, ("`protocol.size`", "at least 16")),
        ({"folder": {"speaker_pattern": "("}}, ("`folder.speaker_pattern`", "not a regular expression")),
        ({"folder": {"speaker_pattern": "a.*"}}, ("`folder.speaker_pattern`", "one group")),
        ({"folder": {"pattern": "/videos/*"}}, ("`folder.pattern`", "below the folder")),
        ({"kind": "talkers"}, ("section `talkers` must be given",)),
        ({"tier": "large"}, ("`tier`", "(found 'large')")),
    ],
)
def test_complaints_about_a_dataset_card(change: dict[str, Any], parts: tuple[str, ...]) -> None:
    parse_typed(DATASET, DatasetCard, where="card.yaml")
    text = complaint(DatasetCard, DATASET | change)
    for part in ("card.yaml: ", *parts):
        assert part in text


def test_all_complaints_come_at_once() -> None:
    text = complaint(ModelCard, MODEL | {"titel": "x", "licens": "y", "title": 3})
    assert text.count("card.yaml: ") == 3


@pytest.mark.parametrize("content", ["- a\n", "", "a: [", "a: !!python/name:os.system ''\n"])
def test_files_that_are_no_cards(content: str, tmp_path: Path) -> None:
    path = tmp_path / "card.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=r"card\.yaml: (not valid YAML|expected a mapping)"):
        read_typed(path, ModelCard)


def test_own_card_by_path(tmp_path: Path) -> None:
    path = tmp_path / "any name.yml"
    path.write_text(yaml.safe_dump(MODEL), encoding="utf-8")
    assert load_model(str(path)).name == "mine"
    with pytest.raises(UserError, match=r"No card at 'none\.yaml'.*Check the path"):
        load_model("none.yaml")


def test_native_cards_state_only_what_is_known() -> None:
    card = load_model("liveact")
    assert all(figure.source and figure.conditions for figure in card.reported)
    assert load_model("liveact-mini").native is not None
