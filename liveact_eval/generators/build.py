"""From a model card to the generator that it describes."""

from __future__ import annotations

from liveact_eval.cards.model import ModelCard
from liveact_eval.cards.protocol import Encoding
from liveact_eval.errors import UserError
from liveact_eval.generators.controls import ControlGenerator
from liveact_eval.generators.native import NativeGenerator
from liveact_eval.generators.protocol import Generator
from liveact_eval.generators.recipe import native_config, recipe_of


def build_generator(card: ModelCard, encoding: Encoding) -> Generator:
    """The generator of a card.

    Raises:
        UserError: the card's generator is not part of this version, or its weights are not there.
    """
    if card.control is not None:
        return ControlGenerator(card.control, encoding)
    return NativeGenerator(recipe_of(card), encoding)


def runnable(card: ModelCard) -> bool:
    """Whether this version can run the card on this machine."""
    if card.kind == "control":
        return True
    config = native_config(card)
    if config is None:
        return False
    try:
        recipe_of(card)
    except UserError:
        return False
    return True
