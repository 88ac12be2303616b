"""Cards of systems that cannot be run here: what they carry, and that nothing can be made with one."""

from __future__ import annotations

from typing import Any

import pytest

from liveact_eval.cards.load import list_cards, load_model, parse_typed
from liveact_eval.cards.model import ModelCard
from liveact_eval.cards.protocol import Encoding
from liveact_eval.errors import UserError
from liveact_eval.generators.build import build_generator, runnable

CARD: dict[str, Any] = {
    "name": "theirs",
    "title": "Theirs",
    "kind": "published",
    "summary": "A test.",
    "repository": "them/theirs",
    "published": {"code": True, "weights": True, "drives": ["audio"]},
}


def card(**changes: Any) -> ModelCard:
    return parse_typed(CARD | changes, ModelCard, where="card.yaml")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"published": None}, "section `published` must be given in a card of kind `published`"),
        (
            {"kind": "control", "control": {"effect": "blur", "sigma": 1}},
            "section `published` must be absent in a card of kind `control`",
        ),
        ({"published": {"code": True, "weights": True, "drives": []}}, "`published.drives`"),
        ({"published": {"code": True, "weights": True, "drives": ["audio"], "comit": "x"}}, "`commit`?"),
    ],
)
def test_a_card_has_the_section_of_its_kind(change: dict[str, Any], says: str) -> None:
    with pytest.raises(UserError) as caught:
        card(**change)
    assert says in str(caught.value)


def test_nothing_is_made_with_it() -> None:
    assert not runnable(card())
    with pytest.raises(UserError, match=r"Theirs \(theirs\) cannot be run.*\(them/theirs\) and score them"):
        build_generator(card(), Encoding())
    silent = card(published=CARD["published"] | {"code": False})
    with pytest.raises(UserError, match="its authors publish no program"):
        build_generator(silent, Encoding())


def test_published_figures_have_a_source() -> None:
    cards = [load_model(name) for name in list_cards("models")]
    published = [one for one in cards if one.kind == "published"]
    for one in published:
        assert one.published is not None
        assert (one.published.commit is not None) == one.published.code
        assert one.licence
        assert all(figure.source and figure.conditions for figure in one.reported)
    for setting in (setting for one in cards if one.counting for setting in one.counting.settings):
        assert setting.published is None or setting.published.source
