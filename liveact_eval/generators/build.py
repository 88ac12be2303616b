"""From a model card to the generator that it describes."""

from __future__ import annotations

from liveact_eval.cards.model import ModelCard
from liveact_eval.cards.protocol import Encoding
from liveact_eval.errors import UserError
from liveact_eval.generators.controls import ControlGenerator
from liveact_eval.generators.protocol import Generator


def build_generator(card: ModelCard, encoding: Encoding) -> Generator:
    """The generator of a card.

    Raises:
        UserError: the card's generator is not part of this version.
    """
    if card.control is not None:
        return ControlGenerator(card.control, encoding)
    raise UserError(
        f"The generator of {card.title} ({card.name}) is not part of this version of liveact-eval: only its "
        f"card is. Run a control instead (liveact-eval models list shows what runs), or make its videos "
        f"elsewhere and score them: liveact-eval score VIDEOS --reference DATASET --out DIR"
    )


def runnable(card: ModelCard) -> bool:
    """Whether this version can run the card."""
    return card.kind == "control"
