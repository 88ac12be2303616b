"""From a model card to the generator that it describes."""

from __future__ import annotations

from liveact_eval.cards.command import CommandSpec
from liveact_eval.cards.model import ModelCard
from liveact_eval.cards.protocol import Encoding
from liveact_eval.environments.needs import Lack
from liveact_eval.errors import UserError
from liveact_eval.generators.command.adapter import CommandGenerator
from liveact_eval.generators.controls import ControlGenerator
from liveact_eval.generators.native import NativeGenerator
from liveact_eval.generators.protocol import Generator
from liveact_eval.generators.published import published_only
from liveact_eval.generators.recipe import native_config, recipe_of
from liveact_eval.generators.worker.adapter import WorkerGenerator


def build_generator(card: ModelCard, encoding: Encoding) -> Generator:
    """The generator of a card.

    Raises:
        UserError: the card's generator is not part of this version, or its weights are not there.
    """
    if card.control is not None:
        return ControlGenerator(card.control, encoding)
    if card.command is not None:
        return build_command(card.name, card.title, card.command, encoding)
    if card.published is not None:
        raise published_only(card)
    return NativeGenerator(recipe_of(card), encoding)


def build_command(name: str, title: str, spec: CommandSpec, encoding: Encoding) -> Generator:
    """The generator of a system that is run as a program, or of one that stays loaded in its own process."""
    if spec.worker is not None:
        return WorkerGenerator(name, title, spec, encoding)
    return CommandGenerator(name, title, spec, encoding)


def lacking_of(generator: Generator) -> list[Lack]:
    """What this machine lacks for a generator, where that can be known before it runs."""
    return generator.lacking() if isinstance(generator, (CommandGenerator, WorkerGenerator)) else []


def runnable(card: ModelCard) -> bool:
    """Whether this version can run the card on this machine."""
    if card.kind == "control":
        return True
    if card.command is not None:
        return not lacking_of(build_command(card.name, card.title, card.command, Encoding()))
    config = native_config(card)
    if config is None:
        return False
    try:
        recipe_of(card)
    except UserError:
        return False
    return True
