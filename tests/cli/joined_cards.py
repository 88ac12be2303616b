"""Model cards with a section `command`, also while the card's schema does not have it yet."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest

from liveact_eval.cards import load
from liveact_eval.cards.command import CommandSpec
from liveact_eval.cards.model import ModelCard
from liveact_eval.execution import entrants


class JoinedCard(ModelCard):
    """A card with the section."""

    kind: Literal["control", "native", "published", "command"]  # type: ignore[assignment]
    command: CommandSpec | None = None


def join(patch: pytest.MonkeyPatch) -> None:
    """Cards of kind `command` can be run in this process, while the patch lasts."""
    if "command" in ModelCard.model_fields:
        return
    original = load.load_model

    def load_joined(name: str) -> ModelCard:
        if not load.is_card_path(name):
            return original(name)
        card = load.read_typed(Path(name), JoinedCard)
        if card.command is None:
            return original(name)
        return card.model_copy(update={"command": card.command.beside(Path(name).parent)})

    patch.setattr(entrants, "load_model", load_joined)
