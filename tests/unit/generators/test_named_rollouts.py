"""A card's forcing strategy: the generator takes the one that it names, and names the nearest of an unknown one."""

from __future__ import annotations

import pytest

from liveact_eval.cards.load import load_model
from liveact_eval.cards.model import ModelCard
from liveact_eval.errors import UserError
from liveact_eval.generators.recipe import NamedStrategy, recipe_of
from liveact_eval.liveact.request import GenerationOptions
from liveact_eval.rollouts.clean_context import CleanContext
from liveact_eval.rollouts.diffusion import DiffusionForcing
from liveact_eval.rollouts.named import ROLLOUTS
from liveact_eval.rollouts.neighbor import NeighborForcing
from tests.unit.liveact.models import small_dit


def _card(rollout: str) -> ModelCard:
    content = load_model("liveact-tiny").model_dump() | {"name": "mine"}
    content["native"] = content["native"] | {"rollout": rollout}
    return ModelCard.model_validate(content)


def test_a_card_names_its_rollout() -> None:
    kinds = {
        "neighbor": NeighborForcing,
        "self": CleanContext,
        "teacher": CleanContext,
        "diffusion": DiffusionForcing,
    }
    assert list(kinds) == list(ROLLOUTS)
    for name, kind in kinds.items():
        recipe = recipe_of(_card(name))
        assert recipe.rollout == name
        made = NamedStrategy(recipe.steps, recipe.rollout)(small_dit(), GenerationOptions(memory="window"))
        assert type(made) is kind and made.policy.name == "window"


def test_an_unknown_rollout_gets_the_nearest() -> None:
    with pytest.raises(
        UserError, match=r"Unknown rollout 'neighbour'\. Did you mean 'neighbor'\?.*card mine"
    ):
        recipe_of(_card("neighbour"))
