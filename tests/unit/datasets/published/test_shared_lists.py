"""What several cards say of the same lists stands in one file."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from liveact_eval.cards.load import load_dataset
from liveact_eval.errors import UserError


@pytest.fixture
def card(tmp_path: Path) -> Path:
    """HDTF's card and its lists' file, in a folder of their own."""
    _, path = load_dataset("hdtf")
    shutil.copytree(path.parent / "lists", tmp_path / "lists")
    return Path(shutil.copy(path, tmp_path / "own.yaml"))


def test_all_cards_of_hdtf_have_the_same_lists() -> None:
    specs = [load_dataset(name)[0].prepared for name in ("hdtf", "hdtf-permuted", "hdtf-long", "hdtf-hour")]
    assert all(spec is not None and len(spec.files) == 15 for spec in specs)
    assert len({(spec.commit, spec.files, spec.terms) for spec in specs if spec is not None}) == 1


def test_a_card_may_say_it_otherwise(card: Path) -> None:
    text = card.read_text(encoding="utf-8")
    card.write_text(text.replace("prepared:\n", "prepared:\n  terms: Ask me.\n"), encoding="utf-8")
    spec = load_dataset(str(card))[0].prepared
    assert spec is not None
    assert (spec.terms, spec.repository) == ("Ask me.", "MRzzm/HDTF")


@pytest.mark.parametrize("name", ["../lists/hdtf.yaml", "/etc/hostname", "lists/../../x.yaml"])
def test_lists_stay_below_the_card(card: Path, name: str) -> None:
    text = card.read_text(encoding="utf-8")
    card.write_text(text.replace("lists/hdtf.yaml", name), encoding="utf-8")
    with pytest.raises(UserError, match=r"`prepared\.lists`.*expected a path below the card's folder"):
        load_dataset(str(card))


def test_lists_that_are_not_there(card: Path) -> None:
    shutil.rmtree(card.parent / "lists")
    with pytest.raises(UserError, match=r"hdtf\.yaml: cannot be read"):
        load_dataset(str(card))


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("path: HDTF_dataset/RD_crop_wh.txt", "path: ../RD_crop_wh.txt", "inside the repository"),
        ("commit: bbde", "commit: main", "prepared.commit"),
        ("terms:", "termz:", "Did you mean `terms`"),
    ],
)
def test_mistakes_in_lists_are_named(card: Path, before: str, after: str, message: str) -> None:
    lists = card.parent / "lists" / "hdtf.yaml"
    lists.write_text(lists.read_text(encoding="utf-8").replace(before, after), encoding="utf-8")
    with pytest.raises(UserError, match=message.replace(".", r"\.")):
        load_dataset(str(card))
