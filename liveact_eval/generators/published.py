"""Systems of which only the published figures are here."""

from __future__ import annotations

from liveact_eval.cards.model import ModelCard
from liveact_eval.errors import UserError


def published_only(card: ModelCard) -> UserError:
    """The error for asking such a system for a video, saying what can be done instead."""
    assert card.published is not None
    made = (
        f", or make its videos with its authors' program ({card.repository}) and score them: liveact-eval score VIDEOS "
        f"--name {card.name} --reference DATASET --out DIR"
        if card.published.code
        else "; its authors publish no program"
    )
    return UserError(
        f"{card.title} ({card.name}) cannot be run: its card holds published figures only, and a program that runs "
        "it is not part of this version of liveact-eval. See the figures with liveact-eval models show "
        f"{card.name}{made}"
    )
