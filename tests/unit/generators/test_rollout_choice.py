"""Another rollout over the same weights: by a card, by `--set`, and what is said about what ran."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from liveact_eval.cards.load import load_model
from liveact_eval.cards.model import ModelCard
from liveact_eval.errors import UserError
from liveact_eval.generators.recipe import NamedStrategy, Recipe, check_recipe, recipe_of, rollout_need
from liveact_eval.generators.rollout_choice import split_assignments, with_rollout
from liveact_eval.liveact.config import liveact_tiny
from liveact_eval.liveact.errors import LiveActError
from liveact_eval.liveact.fitting import need_of
from liveact_eval.liveact.models import Models
from liveact_eval.liveact.pipeline import LiveActPipeline
from liveact_eval.liveact.request import GenerationOptions, block_count

TINY = load_model("liveact-tiny")


@pytest.fixture(scope="module")
def models() -> Models:
    """Networks that all rollouts run over."""
    neighbor = recipe_of(TINY)
    factory = NamedStrategy(neighbor.steps, neighbor.rollout, neighbor.rollout_options)
    return LiveActPipeline.from_random(liveact_tiny(), factory).models


def card(**native: Any) -> ModelCard:
    content = TINY.model_dump() | {"name": "mine"}
    return ModelCard.model_validate(content | {"native": content["native"] | native})


def test_a_card_gives_options() -> None:
    recipe = recipe_of(card(rollout="avatar-forcing", steps=2, rollout_options={"window": 2, "passes": 2}))
    assert recipe.rollout_options == (("passes", 2), ("window", 2))
    assert recipe.block_latents == (5, 4) and hash(recipe) is not None
    levels = recipe_of(card(rollout="self-forcing", steps=2, rollout_options={"levels": [1000, 500]}))
    assert levels.strategy is not None and len(levels.strategy.levels(1)) == 3


@pytest.mark.parametrize(
    ("native", "message"),
    [
        ({"rollout": "avatar-forcing", "steps": 1, "rollout_options": {"windw": 2}}, "Did you mean 'window'"),
        ({"rollout": "avatar-forcing", "steps": 1, "rollout_options": {"passes": 2}}, "Write `steps: 2`"),
        ({"rollout_options": {"window": 2}}, "Rollout neighbor has no options of its own, and window=2"),
    ],
)
def test_a_card_whose_options_do_not_fit_is_refused(native: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        recipe_of(card(**native))


def test_what_is_about_the_rollout_is_taken_out_of_the_assignments() -> None:
    asked = split_assignments(
        ["memory=window", "rollout = longlive", "rollout.levels=[1000, 500]", "rollout.recache=false"]
    )
    assert asked.rollout == "longlive" and asked.others == ("memory=window",)
    assert list(asked.options) == [("levels", (1000, 500)), ("recache", False)]
    assert split_assignments(["rollout"]).others == ("rollout",)
    with pytest.raises(UserError, match="not valid YAML"):
        split_assignments(["rollout.levels=[1"])


def test_another_rollout_brings_its_steps_and_leaves_the_memory_policy() -> None:
    changed = with_rollout(card(memory="window"), "avatar-forcing", (("passes", 2), ("window", 2))).native
    assert changed is not None
    assert (changed.rollout, changed.steps, changed.memory) == ("avatar-forcing", 2, "convkv")
    own = card(rollout="avatar-forcing", steps=1, rollout_options={"window": 2, "levels": [1000.0, 600.0]})
    kept = with_rollout(own, None, (("reindex", False),)).native
    assert kept is not None and kept.rollout_options == {
        "window": 2,
        "levels": (1000.0, 600.0),
        "reindex": False,
    }
    back = with_rollout(own, "self").native
    assert back is not None and (back.steps, back.rollout_options) == (3, {})
    stays = with_rollout(card(steps=2), "teacher").native
    assert stays is not None and stays.steps == 2
    with pytest.raises(UserError, match=r"Unknown rollout 'longlife'.*'longlive'"):
        with_rollout(TINY, "longlife")


@pytest.mark.parametrize(
    ("rollout", "options", "expected"),
    [
        ("neighbor", (), {"rollout": "neighbor", "memory": "convkv", "steps": 3}),
        ("teacher", (), {"rollout": "teacher", "memory": "convkv"}),
        ("self", (), {"rollout": "self"}),
        ("longlive", (), {"rollout": "longlive", "memory": "12 latent frames", "steps": 4}),
        ("causvid", (), {"memory": "grows", "audio_guidance": 1.0}),
        ("overlapping-windows", (), {"memory": "0 latent frames", "audio_guidance": 4.0, "steps": 40}),
        (
            "avatar-forcing",
            (("passes", 2), ("window", 2)),
            {"rollout_options": "passes=2, window=2", "steps": 2},
        ),
    ],
)
def test_results_say_which_rollout_and_which_memory_ran(
    rollout: str, options: Any, expected: dict[str, str | int | float], models: Models
) -> None:
    recipe = recipe_of(with_rollout(TINY, rollout, options))
    factory = NamedStrategy(recipe.steps, recipe.rollout, recipe.rollout_options)
    told = LiveActPipeline(models, factory, recipe.options, origin="", device=models.device).describe()
    assert told | expected == told


def test_blocks_are_counted_in_the_rollouts_own() -> None:
    assert [block_count(frames) for frames in (1, 21, 22, 53, 54)] == [1, 1, 2, 2, 3]
    # A picture and a block of four, then blocks of four.
    assert [block_count(frames, (5, 4)) for frames in (17, 18, 33, 34)] == [1, 2, 2, 3]
    assert block_count(100, recipe_of(with_rollout(TINY, "causal-forcing-frame")).block_latents) == 25


def test_memory_is_checked_for_what_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = Recipe(config="liveact-tiny", steps=3, weights=None, origin="random")
    assert rollout_need(recipe, 10) is None
    short = replace(recipe, rollout="longlive", steps=4)
    grows = replace(recipe, rollout="self-forcing", steps=4)
    assert rollout_need(short, 10) == rollout_need(short, 1000) == (12, 3, 12)
    assert rollout_need(grows, 10) == (30, 3, 30) and rollout_need(grows, 1000) == (3000, 3, 3000)
    assert rollout_need(replace(recipe, rollout="self"), 10) == (14, 8, 14)
    needs = [
        need_of(
            liveact_tiny(),
            GenerationOptions(),
            size=(64, 64),
            dtype=torch.float32,
            rollout=rollout_need(asked, 10),
        )
        for asked in (recipe, short, grows)
    ]
    # 14 latent frames at three steps, 12, and 30.
    caches = [need.cache_gib for need in needs]
    assert caches[0] / caches[1] == pytest.approx(3.5) and caches[2] / caches[1] == pytest.approx(2.5)
    free = round(1.001 * needs[2].total_gib * 2**30)
    monkeypatch.setattr("liveact_eval.liveact.fitting.free_bytes", lambda device: free)
    check_recipe(grows, (64, 64), 10)
    with pytest.raises(LiveActError, match="Not enough memory on cpu"):
        check_recipe(grows, (64, 64), 2000)
    check_recipe(short, (64, 64), 2000)
