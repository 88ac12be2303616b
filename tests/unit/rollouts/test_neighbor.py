"""Neighbor Forcing: blocks, what they depend on, guidance, and memory that stays."""

from __future__ import annotations

import tracemalloc
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from liveact_eval.liveact.audio import audio_windows
from liveact_eval.liveact.dit import CausalDiT
from liveact_eval.liveact.errors import LiveActError
from liveact_eval.liveact.sampler import Noise
from liveact_eval.rollouts.neighbor import NeighborForcing, NeighborOptions
from tests.unit.liveact.models import CONFIG, condition, small_dit, speech, text_and_image


def generate(
    dit: CausalDiT, options: NeighborOptions, blocks: int = 4, seed: int = 0, embedding: Tensor | None = None
) -> list[Tensor]:
    """Latents of the first blocks."""
    rollout, noise = NeighborForcing(dit, options), Noise(seed)
    context = dit.encode_context(*text_and_image())
    heard = speech() if embedding is None else embedding
    rollout.begin(condition())
    latents = []
    for n in range(blocks):
        span = rollout.audio_span(n)
        windows = audio_windows(heard, span.start, len(span), CONFIG.audio_window)
        latents.append(rollout.block(n, context, windows, noise))
    return latents


def test_blocks_and_the_speech_that_they_take() -> None:
    rollout = NeighborForcing(small_dit())

    assert [rollout.block_latents(n) for n in range(4)] == [6, 8, 8, 8]
    assert [rollout.audio_span(n).start for n in range(4)] == [0, 0, 32, 64]
    assert {len(rollout.audio_span(n)) for n in range(4)} == {53}


def test_a_seed_gives_the_same_latents_and_another_one_others() -> None:
    dit = small_dit()
    first, again, other = (generate(dit, NeighborOptions(), seed=seed) for seed in (0, 0, 1))

    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0], other[0])
    assert all(torch.isfinite(latent).all() for latent in first)


def test_speech_of_the_future_does_not_reach_a_block() -> None:
    dit, embedding = small_dit(), speech()
    later = embedding.clone()
    # Block 1 ends with video frame 52, whose window reaches frame 54.
    later[55:] += 1

    kept, changed = (generate(dit, NeighborOptions(), embedding=e) for e in (embedding, later))

    assert [torch.equal(a, b) for a, b in zip(kept, changed, strict=True)] == [True, True, False, False]


def test_guidance_of_one_is_off_and_of_zero_is_deaf() -> None:
    dit, embedding = small_dit(), speech()
    plain = generate(dit, NeighborOptions(), 2)
    guided = generate(dit, NeighborOptions(audio_guidance=2.0), 2)
    deaf = [
        generate(dit, NeighborOptions(audio_guidance=0.0), 2, embedding=e) for e in (embedding, embedding + 1)
    ]

    assert not torch.allclose(plain[0], guided[0], atol=1e-3)
    assert all(torch.equal(a, b) for a, b in zip(*deaf, strict=True))


@pytest.mark.parametrize("options", [NeighborOptions(fp8_cache=True), NeighborOptions(offload_cache=True)])
def test_ways_of_keeping_the_memory_change_little_or_nothing(options: NeighborOptions) -> None:
    dit = small_dit()
    plain, kept = generate(dit, NeighborOptions()), generate(dit, options)

    difference = max((a - b).abs().max().item() for a, b in zip(plain, kept, strict=True))
    assert difference < 0.1 if options.fp8_cache else difference == 0
    assert options.fp8_cache == (difference > 0)


def test_memory_is_flat_over_two_hundred_blocks() -> None:
    dit, noise = small_dit(), Noise(0)
    rollout = NeighborForcing(dit)
    context = dit.encode_context(*text_and_image())
    windows = audio_windows(speech(), 0, 53, CONFIG.audio_window)
    rollout.begin(condition(2, 2))
    held, tensors = [], []
    tracemalloc.start()
    for n in range(200):
        rollout.block(n, context, windows, noise)
        held.append(rollout.memory_bytes())
        if n in (20, 199):
            tensors.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()

    # Three steps, two layers, keys and values, 14 slots of one token of 48 float32 numbers.
    assert set(held) == {3 * 2 * 2 * 14 * 1 * 48 * 4}
    assert tensors[1] - tensors[0] < 50_000


def test_full_memory_grows() -> None:
    dit, noise = small_dit(), Noise(0)
    rollout = NeighborForcing(dit, NeighborOptions(memory="full"))
    context = dit.encode_context(*text_and_image())
    windows = audio_windows(speech(), 0, 53, CONFIG.audio_window)
    rollout.begin(condition(2, 2))
    held = []
    for n in range(4):
        rollout.block(n, context, windows, noise)
        held.append(rollout.memory_bytes())

    assert {b - a for a, b in pairwise(held)} == {3 * 2 * 2 * 8 * 48 * 4}


def test_blocks_come_in_order() -> None:
    dit = small_dit()
    rollout = NeighborForcing(dit)
    context = dit.encode_context(*text_and_image())
    windows = audio_windows(speech(), 0, 53, CONFIG.audio_window)

    with pytest.raises(LiveActError, match="Call begin"):
        rollout.block(0, context, windows, Noise(0))
    rollout.begin(condition())
    with pytest.raises(LiveActError, match=r"Block 1 was asked for; the next one is 0"):
        rollout.block(1, context, windows, Noise(0))


def test_beginning_again_forgets() -> None:
    dit = small_dit()
    rollout = NeighborForcing(dit)
    context = dit.encode_context(*text_and_image())
    windows = audio_windows(speech(), 0, 53, CONFIG.audio_window)
    runs = []
    for _ in range(2):
        rollout.begin(condition())
        noise = Noise(3)
        runs.append([rollout.block(n, context, windows, noise) for n in range(3)])

    assert all(torch.equal(a, b) for a, b in zip(*runs, strict=True))


@pytest.mark.parametrize(
    ("shape", "message"),
    [((1, 20, 13, 4, 6), "Condition of shape"), ((1, 20, 14, 5, 6), "not a multiple of the patch 2x2")],
)
def test_conditions_of_the_wrong_shape_are_refused(shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(LiveActError, match=message):
        NeighborForcing(small_dit()).begin(torch.zeros(shape))
