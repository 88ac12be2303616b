"""What planning believes of a rollout's blocks and memory is what a run does."""

from __future__ import annotations

import functools
from dataclasses import replace

import pytest

from liveact_eval.rollouts.options import RolloutOptions
from liveact_eval.rollouts.published import PUBLISHED, rollout_names
from liveact_eval.rollouts.shape import block_sizes, latent_need, one_memory, settling_of, steady_block
from tests.unit.liveact.models import CONFIG, small_dit
from tests.unit.rollouts.rollout_cases import SIDE, Made, make

BLOCKS = 10
SHORT: dict[str, RolloutOptions] = {
    "teacher-forcing": (("steps", 3),),
    "diffusion-forcing": (("steps", 3),),
    "overlapping-windows": (("steps", 2), ("window", 6), ("overlap", 2)),
}
"""Fewer steps, so that tests are fast; blocks and memory stay what they are."""


@functools.cache
def run(name: str) -> Made:
    """Calls are not carried out: what they look at does not depend on it."""
    dit = small_dit(replace(CONFIG, num_layers=1))
    dit.executor = lambda _compute, call: call.x[:, : CONFIG.out_dim]
    return make(PUBLISHED[name].strategy(SHORT.get(name, ())), BLOCKS, dit=dit)


@pytest.mark.parametrize("name", PUBLISHED)
def test_blocks_and_memory_are_those_of_a_run(name: str) -> None:
    options = SHORT.get(name, ())
    strategy, made = PUBLISHED[name].strategy(options), run(name)
    sizes = block_sizes(name, "convkv", options)
    assert [block.shape[2] for block in made.blocks] == [sizes.first] + [sizes.later] * (BLOCKS - 1)
    latents = made.latents.shape[2]
    need = latent_need(PUBLISHED[name].strategy(options), latents=latents, guidance=1)
    # Four tokens per latent frame, one layer, keys and values in float32.
    per_latent = 2 * (SIDE // 2) ** 2 * CONFIG.dim * 4
    assert made.bytes_held[-1] == need.held * per_latent
    heard = [call for call in made.calls if call.heard]
    assert need.own == max(len(call.frames) for call in heard)
    assert need.seen == max(len(call.keys) for call in heard)
    # Guidance of the strategy's own has a second memory; being asked for, so has any other.
    branches = 1 if strategy.guidance == 1 else 2
    other = latent_need(PUBLISHED[name].strategy(options), latents=latents, guidance=2.5)
    assert other.held * branches == need.held * 2


@pytest.mark.parametrize("name", [name for name, kind in PUBLISHED.items() if kind.slots is not None])
def test_behind_the_settling_blocks_all_calls_are_alike(name: str) -> None:
    strategy = PUBLISHED[name].strategy(SHORT.get(name, ()))
    made, settling = run(name), settling_of(strategy)
    work = [
        [(len(c.frames), len(c.keys)) for c in made.of("denoise", "cache") if c.block == n]
        for n in range(BLOCKS)
    ]
    assert 1 <= settling < 8 and strategy.period < 7
    for n in range(settling, BLOCKS - strategy.period):
        assert work[n] == work[n + strategy.period]
    assert settling == 1 or work[settling - 1] != work[settling - 1 + strategy.period]
    assert (len({tuple(calls) for calls in work[settling:]}) == 1) == (strategy.period == 1)


def test_a_memory_that_grows_has_its_middle_block_for_all() -> None:
    assert settling_of(PUBLISHED["self-forcing"].strategy()) == 2 == settling_of(None)
    assert steady_block(PUBLISHED["self-forcing"].strategy()) == 3
    assert steady_block(PUBLISHED["causal-forcing-frame"].strategy()) == 9


def test_a_chain_has_the_block_of_middle_cost_for_all() -> None:
    chain = PUBLISHED["causvid-chained"].strategy()
    # The blocks of a later clip look at 3, 6, 9, 12, 15 and 18 finished frames.
    assert chain.period == 6 and settling_of(chain) == 2 and steady_block(chain) == 3
    assert [len(chain.context(n, 0).seen) for n in (3, 8, 9)] == [9, 6, 9]


def test_liveacts_own_follow_from_the_policy() -> None:
    assert block_sizes("neighbor", "convkv") == (6, 8) == block_sizes("diffusion", "full")
    assert block_sizes("self", "convkv-8-6") == (8, 6)
    assert one_memory("convkv", 9, guidance=1) == (14, 8, 14)
    assert one_memory("convkv", 9, guidance=2) == (28, 8, 14)
    assert one_memory("full", 4, guidance=1) == (30, 8, 30)
    assert len(rollout_names()) == len(set(rollout_names()))
