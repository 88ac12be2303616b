"""Benchmarks of published strategies: their blocks, when they are steady, what they hold and what a block costs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from liveact_eval.cards.load import load_model
from liveact_eval.efficiency.counting.meta import MetaModel
from liveact_eval.efficiency.native import counted_kv_bytes, settling_blocks
from liveact_eval.efficiency.operations import SELF_PRODUCTS, count_steady_block
from liveact_eval.efficiency.request import BenchRequest, plan_bench
from liveact_eval.errors import UserError
from liveact_eval.generators.recipe import Recipe, recipe_of
from liveact_eval.generators.rollout_choice import with_rollout
from liveact_eval.liveact.config import liveact_tiny
from liveact_eval.liveact.errors import LiveActError

SIZE = (64, 48)
TOKENS = 4 * 3
TINY = load_model("liveact-tiny")


def recipe(rollout: str) -> Recipe:
    return recipe_of(with_rollout(TINY, rollout))


@pytest.mark.parametrize(
    ("rollout", "calls", "latents"),
    [
        # (own, seen) latent frames of the calls of a steady block, and what it gives.
        ("rolling-forcing", [(15, 21), (3, 21)], 3),
        ("avatar-forcing", [(16, 19), (4, 7)], 4),
        ("longlive", [(3, 12)] * 5, 3),
        ("live-avatar", [(3, 13)] * 4, 3),
        # The memory grows: latent frames 9 to 11 of 21.
        ("self-forcing", [(3, 12)] * 5, 3),
    ],
)
def test_a_block_costs_what_its_calls_look_at(
    rollout: str, calls: list[tuple[int, int]], latents: int
) -> None:
    card = with_rollout(TINY, rollout)
    assert card.native is not None
    config = liveact_tiny()
    steady = MetaModel(config, card.native, SIZE).steady_block(context_once=True)
    assert steady.calls == len(calls) and steady.frames == 4 * latents
    pairs = sum(own * seen for own, seen in calls) * TOKENS**2
    # Queries times keys, and weights times values.
    expected = 4 * config.dit.dim * pairs * config.dit.num_layers
    assert steady.components[SELF_PRODUCTS] == expected


def test_the_rule_says_which_block_of_a_growing_memory_was_counted() -> None:
    grows = count_steady_block(with_rollout(TINY, "self-forcing"), SIZE).rule
    assert "the memory grows: block 3 is the middle one of 21 latent frames" in grows
    assert "grows" not in count_steady_block(with_rollout(TINY, "longlive"), SIZE).rule


def test_keys_and_values_are_counted_for_what_runs() -> None:
    per_latent = 2 * liveact_tiny().dit.num_layers * TOKENS * liveact_tiny().dit.dim * 4
    held = {
        name: counted_kv_bytes(recipe(name), SIZE, torch.float32)
        for name in ("neighbor", "self", "longlive", "avatar-forcing", "self-forcing")
    }
    assert held["neighbor"] == 3 * 14 * per_latent and held["self"] == 14 * per_latent
    assert held["longlive"] == 12 * per_latent and held["avatar-forcing"] == 7 * per_latent
    assert held["self-forcing"] == "the memory of self-forcing grows with the video"
    guided = recipe("self")
    guided = replace(guided, options=replace(guided.options, audio_guidance=2.0))
    assert counted_kv_bytes(guided, SIZE, torch.float32) == 28 * per_latent


def test_a_rollout_is_asked_for_as_in_generate(tmp_path: Path) -> None:
    def asked(*options: str, blocks: tuple[str, ...] = ()) -> BenchRequest:
        return BenchRequest(
            model="liveact-tiny", out=tmp_path, device="cpu", options=options, seconds=3.0, blocks=blocks
        )

    plan = plan_bench(asked("rollout=avatar-forcing", "rollout.window=2"))
    (case,) = plan.cases
    assert (case.latents, case.recipe.rollout_options) == ((5, 4), (("window", 2),))
    # Whole blocks of 16 frames behind one of 17.
    assert (case.frames - 17) % 16 == 0 and plan.card.native is not None
    assert plan.card.native.rollout == "avatar-forcing"
    assert [settling_blocks(recipe(name)) for name in ("neighbor", "longlive", "avatar-forcing")] == [2, 3, 1]
    with pytest.raises(UserError, match="the blocks of rollout longlive are its own"):
        plan_bench(asked("rollout=longlive", blocks=("6+8",)))
    with pytest.raises(UserError, match=r"Unknown rollout 'longlife'"):
        plan_bench(asked("rollout=longlife"))
    with pytest.raises((UserError, LiveActError), match="takes no cuda_graphs"):
        plan_bench(asked("rollout=longlive", "cuda_graphs=true"))
