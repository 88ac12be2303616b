"""Counting a steady block on the meta device: every part is found, and the sums follow the formula."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from liveact_eval.cards.counting import CountedCall, CountedSetting, CountingSpec
from liveact_eval.cards.model import NativeSpec
from liveact_eval.efficiency.counting.analytic import count_setting
from liveact_eval.efficiency.counting.meta import MetaModel
from liveact_eval.efficiency.operations import (
    AUDIO,
    CONTEXT,
    CROSS_PRODUCTS,
    CROSS_PROJECTIONS,
    DIT_PARTS,
    EMBEDDINGS,
    FEED_FORWARD,
    MEMORY,
    SELF_PRODUCTS,
    SELF_PROJECTIONS,
    TERA,
    OperationCount,
)
from liveact_eval.liveact.config import DiTConfig, LiveActConfig, liveact_18b, liveact_tiny

SIZE = (64, 48)
TOKENS = 4 * 3
NATIVE = NativeSpec(config="liveact-tiny", rollout="neighbor", steps=3)


def small(**changes: Any) -> LiveActConfig:
    config = liveact_tiny()
    return dataclasses.replace(config, dit=dataclasses.replace(config.dit, **changes))


def block(
    config: LiveActConfig, *, size: tuple[int, int] = SIZE, context_once: bool = False, **changes: Any
) -> dict[str, float]:
    model = MetaModel(config, NATIVE.model_copy(update=changes), size)
    steady = model.steady_block(context_once=context_once)
    return {**steady.components, "calls": steady.calls, "frames": steady.frames}


def spec_of(dit: DiTConfig, size: tuple[int, int]) -> CountingSpec:
    setting = CountedSetting(
        name="steady",
        size=size,
        frames=32,
        calls=(CountedCall(calls=3, audio_calls=2, query_frames=8, key_frames=14),),
    )
    return CountingSpec(
        width=dit.dim,
        ffn_width=dit.ffn_dim,
        layers=dit.num_layers,
        context_tokens=dit.text_len + dit.image_tokens,
        context_recomputed=True,
        audio_layers=dit.num_layers,
        audio_tokens=dit.audio_tokens,
        source="this test",
        settings=(setting,),
    )


@pytest.fixture(scope="module")
def neighbor() -> dict[str, float]:
    return block(small())


def test_parts_are_those_of_the_formula(neighbor: dict[str, float]) -> None:
    config = small()
    found, spec = neighbor, spec_of(config.dit, SIZE)
    expected = count_setting(spec, spec.settings[0])
    dense = found[SELF_PROJECTIONS] + found[CROSS_PROJECTIONS] + found[FEED_FORWARD]
    assert dense / TERA == pytest.approx(expected.dense, rel=1e-12)
    assert found[SELF_PRODUCTS] / TERA == pytest.approx(expected.self_attention, rel=1e-12)
    assert found[CROSS_PRODUCTS] / TERA == pytest.approx(expected.cross_attention, rel=1e-12)
    assert found[CONTEXT] / TERA == pytest.approx(expected.context, rel=1e-12)
    # The formula leaves out the keys and values of audio tokens, and the projector.
    dit = config.dit
    keys = 2 * 8 * dit.audio_tokens * dit.audio_dim * 2 * dit.dim * dit.num_layers * 2
    assert found[AUDIO] / TERA > expected.audio + keys / TERA
    assert (found["calls"], found["frames"]) == (3, 32)


def test_memory_compression_is_counted_by_hand(neighbor: dict[str, float]) -> None:
    dit = liveact_tiny().dit
    # Two slots out of five latent frames each, keys and values, three steps; a multiply-add is two operations.
    expected = 2 * (2 * 5 * TOKENS * dit.dim) * 2 * dit.num_layers * 3
    assert neighbor[MEMORY] == expected
    assert block(small(), memory="window")[MEMORY] == 0


def test_all_layers_cost_the_same(neighbor: dict[str, float]) -> None:
    counts = {layers: block(small(num_layers=layers)) for layers in (1, 5)} | {2: neighbor}
    for part in DIT_PARTS:
        each = counts[2][part] - counts[1][part]
        assert counts[5][part] == counts[1][part] + 4 * each, part
    assert counts[2][EMBEDDINGS] == counts[1][EMBEDDINGS] > 0


def test_context_once_leaves_out_its_keys_and_values_alone(neighbor: dict[str, float]) -> None:
    anew, once = neighbor, block(small(), context_once=True)
    assert anew[CONTEXT] > 0
    assert once.get(CONTEXT, 0) == 0
    assert {**anew, CONTEXT: 0} == {CONTEXT: 0, **once}


def test_a_cache_pass_is_a_call_more(neighbor: dict[str, float]) -> None:
    found = block(small(), rollout="self")
    assert found["calls"] == 4
    assert found[FEED_FORWARD] == neighbor[FEED_FORWARD] * 4 / 3
    # Speech is heard in two of three steps, and in the pass.
    assert found[AUDIO] > neighbor[AUDIO] * 1.4


@pytest.fixture(scope="module")
def full_block() -> OperationCount:
    """LiveAct at full width: counted with one and with two layers, of which it has 40 (all cost the same)."""
    config = liveact_18b()
    one, two = (
        block(dataclasses.replace(config, dit=dataclasses.replace(config.dit, num_layers=n)), size=(512, 512))
        for n in (1, 2)
    )
    whole = {part: one[part] + 39 * (two[part] - one[part]) for part in DIT_PARTS}
    return OperationCount(
        components={name: value / TERA for name, value in whole.items()},
        frames_per_block=int(one["frames"]),
        nfe=one["calls"],
        rule="",
    )


def test_the_published_model_costs_what_its_program_does(full_block: OperationCount) -> None:
    assert full_block.dit_tflop_per_frame == pytest.approx(30.35, rel=0.001)
    for part, expected in (
        (SELF_PROJECTIONS, 6.44),
        (SELF_PRODUCTS, 9.02),
        (CROSS_PROJECTIONS, 3.22),
        (CONTEXT, 0.30),
        (CROSS_PRODUCTS, 0.48),
        (FEED_FORWARD, 8.70),
        (AUDIO, 2.18),
    ):
        assert full_block.per_frame(part) == pytest.approx(expected, rel=0.01), part
    assert full_block.components[MEMORY] == pytest.approx(3 * 0.0084, rel=0.01)
