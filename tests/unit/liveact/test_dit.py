"""The transformer: conditions, levels per frame, causality, and what it costs."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from liveact_eval.liveact.audio import audio_windows
from liveact_eval.liveact.config import DiTConfig
from liveact_eval.liveact.dit import CausalDiT
from liveact_eval.liveact.errors import LiveActError
from liveact_eval.liveact.sampler import Noise
from liveact_eval.rollouts.neighbor import NeighborForcing
from tests.unit.liveact.models import CONFIG, condition, gaussian, small_dit, speech, text_and_image


def test_keys_and_values_of_a_prompt_are_the_same_cached_or_not() -> None:
    dit, x, t = small_dit(), gaussian(1, 36, 6, 4, 6), torch.tensor([900.0])
    text, image = text_and_image()

    cached = dit(x, t, dit.encode_context(text, image))
    recomputed = dit(x, t, dit.encode_context(text, image, cache=False))

    assert torch.equal(cached, recomputed)
    assert cached.shape == (1, 16, 6, 4, 6)


def test_padded_text_takes_part() -> None:
    """The official program attends to the padding; another length of text is another result."""
    dit, x, t = small_dit(), gaussian(1, 36, 6, 4, 6), torch.tensor([900.0])
    text, image = text_and_image()
    zeros = torch.cat([text, torch.zeros(2, CONFIG.text_dim)])

    assert torch.equal(
        dit(x, t, dit.encode_context(text, image)), dit(x, t, dit.encode_context(zeros, image))
    )


def test_one_level_per_frame_equals_one_level_where_all_are_equal() -> None:
    dit, x = small_dit(), gaussian(1, 36, 6, 4, 6)
    context = dit.encode_context(*text_and_image())

    shared = dit(x, torch.tensor([700.0]), context)
    per_frame = dit(x, torch.full((1, 6), 700.0), context)
    mixed = dit(x, torch.tensor([[700.0] * 5 + [100.0]]), context)

    assert torch.allclose(shared, per_frame, atol=1e-6)
    assert (mixed - shared).abs().max() > 1e-2


def test_cached_rollout_equals_the_whole_sequence_under_a_block_causal_mask() -> None:
    """Before anything is folded, the memory is exact: context at a step was itself computed at that step."""
    dit, y = small_dit(), condition()
    context = dit.encode_context(*text_and_image())
    windows = audio_windows(speech(), 0, 53, CONFIG.audio_window)
    rollout = NeighborForcing(dit)
    rollout.begin(y)
    latents = [gaussian(1, 16, rollout.block_latents(n), 4, 6, seed=20 + n) for n in range(2)]
    cached = []
    for n, noisy in enumerate(latents):
        first = next(rollout.steps(n, context, windows, _Given(noisy)))
        cached.append(first.velocity)
        rollout._next = n + 1
    block = torch.tensor([0] * 6 + [1] * 8)

    whole = dit(
        torch.cat([torch.cat(latents, dim=2), y], dim=1),
        torch.tensor([1000.0]),
        context,
        frame_mask=block[:, None] >= block,
    )

    assert torch.allclose(torch.cat(cached, dim=2), whole, atol=1e-5)


class _Given(Noise):
    """Gives one tensor whatever is asked for."""

    def __init__(self, latent: torch.Tensor) -> None:
        self._latent = latent

    def draw(self, shape: tuple[int, ...], device: torch.device | str, dtype: torch.dtype) -> torch.Tensor:
        return self._latent


def test_operations_of_a_steady_block_at_full_size_are_the_published_ones() -> None:
    """One block at 512x512 on the meta device: 30.35 TFLOP per frame as the official program runs."""
    full = DiTConfig()
    one, two = (_steady_steps(replace(full, num_layers=layers), side=64) for layers in (1, 2))
    # All layers are alike, so that two tell of forty.
    counts = [a + (full.num_layers - 1) * (b - a) for a, b in zip(one, two, strict=True)]

    assert full.num_layers == 40
    assert counts == pytest.approx([300.524e12, 335.380e12, 335.380e12], rel=1e-3)
    assert sum(counts) / 32 == pytest.approx(30.35e12, rel=1e-3)


def _steady_steps(config: DiTConfig, side: int) -> list[int]:
    """Floating-point operations of each step of the third block."""
    with torch.device("meta"):
        dit = CausalDiT(config).bfloat16()
        text, image = torch.zeros(20, config.text_dim), torch.zeros(config.image_tokens, config.image_dim)
        windows = torch.zeros(1, 53, config.audio_window, config.audio_layers, config.audio_channels)
        y = torch.zeros(1, 20, 14, side, side)
    rollout, counts = NeighborForcing(dit), []
    # Keys and values of the prompt anew in every call, as the figure counts them.
    context = dit.encode_context(text, image, cache=False)
    rollout.begin(y)
    for memory in rollout.memories:
        for latents in (6, 8):
            memory.begin_block(latents, rollout._kernels)
    rollout._next = 2
    steps = rollout.steps(2, context, windows, _Nothing())
    for _ in range(3):
        with FlopCounterMode(display=False) as counter:
            next(steps)
        counts.append(counter.get_total_flops())
    return counts


class _Nothing(Noise):
    """Tensors without numbers."""

    def __init__(self) -> None:
        pass

    def draw(self, shape: tuple[int, ...], device: torch.device | str, dtype: torch.dtype) -> torch.Tensor:
        return torch.empty(shape, device=device, dtype=dtype)


def test_sizes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(LiveActError, match="dim 50 over 4 heads"):
        DiTConfig(dim=50, num_heads=4)
    with pytest.raises(LiveActError, match="audio_window 4 must be odd"):
        DiTConfig(audio_window=4)
