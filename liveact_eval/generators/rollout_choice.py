"""Another forcing strategy over the same weights: `--set rollout=longlive --set rollout.cache_frames=15`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import yaml

from liveact_eval.cards.model import ModelCard
from liveact_eval.errors import UserError, unknown_name
from liveact_eval.liveact.request import GenerationOptions
from liveact_eval.rollouts.named import ROLLOUTS
from liveact_eval.rollouts.options import RolloutOptions, as_options, in_words
from liveact_eval.rollouts.published import PUBLISHED, check_published, rollout_names
from liveact_eval.rollouts.strategy import count_passes

ROLLOUT_KEY = "rollout"
"""Option of a command that names one, and the beginning of those that set its fields."""
_LIVEACT_STEPS = 3
"""Denoising steps of LiveAct's own strategies where the card says those of another."""


class Assignments(NamedTuple):
    """What of the options given as `key=value` is about the rollout."""

    rollout: str | None
    """Its name; `None`: as the card says."""
    options: RolloutOptions
    """Options of it."""
    others: tuple[str, ...]
    """All that is not about it, as it was given."""


def split_assignments(texts: Sequence[str]) -> Assignments:
    """Take `rollout=NAME` and `rollout.OPTION=VALUE` out of the options of a command.

    Raises:
        UserError: a value that cannot be read.
    """
    name: str | None = None
    found: dict[str, object] = {}
    others = []
    for text in texts:
        key, equals, value = (part.strip() for part in text.partition("="))
        if equals and key == ROLLOUT_KEY:
            name = value
        elif equals and key.startswith(f"{ROLLOUT_KEY}."):
            try:
                found[key.removeprefix(f"{ROLLOUT_KEY}.")] = yaml.safe_load(value)
            except yaml.YAMLError as error:
                raise UserError(f"--set {text!r}: the value is not valid YAML: {error}") from error
        else:
            others.append(text)
    return Assignments(name, as_options(found.items()), tuple(others))


def with_rollout(card: ModelCard, name: str | None, options: RolloutOptions = ()) -> ModelCard:
    """The card of the same model with another forcing strategy, or other options of its own.

    A published strategy brings its number of steps; LiveAct's own keep that of the card where it names one of them.

    Args:
        card: a card of kind native.
        name: of the strategy; `None`: that of the card.
        options: over those of the card, where its strategy stays.

    Raises:
        UserError: an unknown name, or an option that the strategy does not have.
    """
    native = card.native
    if native is None:
        raise ValueError("only a native card has a rollout")
    chosen = name or native.rollout
    if chosen not in rollout_names():
        raise unknown_name("rollout", chosen, rollout_names(), hint="All of them: liveact-eval rollouts list")
    kept = native.rollout_options if chosen == native.rollout else {}
    merged = dict(kept) | dict(options)
    steps, memory = native.steps, native.memory
    if chosen in PUBLISHED:
        steps = count_passes(PUBLISHED[chosen].strategy(as_options(merged.items())), denoising=True)
        memory = GenerationOptions.memory
    elif native.rollout not in ROLLOUTS:
        steps = _LIVEACT_STEPS
    changed = native.model_copy(
        update={"rollout": chosen, "rollout_options": merged, "steps": steps, "memory": memory}
    )
    return card.model_copy(update={"native": changed})


def checked_options(card: ModelCard, options: GenerationOptions) -> RolloutOptions:
    """Options of a native card's forcing strategy, once it is sure that they, and those of generation, fit it.

    Raises:
        UserError: says which option does not, and what it must be.
    """
    if card.native is None:
        raise ValueError("only a native card has a rollout")
    native, found = card.native, as_options(card.native.rollout_options.items())
    if native.rollout in PUBLISHED:
        check_published(native.rollout, options, native.steps, found)
    elif found:
        raise UserError(
            f"Rollout {native.rollout} has no options of its own, and {in_words(found)} is given: its steps and its "
            "memory policy decide. Leave it out"
        )
    return found
