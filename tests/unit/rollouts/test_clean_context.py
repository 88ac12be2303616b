"""Self, Teacher and Diffusion Forcing: what is called, what lies in the memory, and when it comes from where."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from liveact_eval.liveact.audio import audio_windows
from liveact_eval.liveact.dit import CausalDiT
from liveact_eval.liveact.errors import LiveActError
from liveact_eval.liveact.sampler import Noise, renoise
from liveact_eval.rollouts.clean_context import CleanContext
from liveact_eval.rollouts.diffusion import CONTEXT_LEVEL, DiffusionForcing
from liveact_eval.rollouts.named import ROLLOUTS
from liveact_eval.rollouts.neighbor import NeighborForcing, NeighborOptions
from tests.unit.liveact.models import CONFIG, condition, small_dit, speech, text_and_image

LEVELS = [1000.0, 937.5, 2500 / 3]


@dataclass
class Call:
    """A model call as the transformer heard it."""

    timestep: float
    query: tuple[int, ...]
    key: tuple[int, ...]
    heard: bool
    muted: bool
    memory: int


@dataclass
class Heard:
    """Writes down all calls of a transformer."""

    calls: list[Call] = field(default_factory=list)

    def __call__(self, module: nn.Module, given: tuple[Any, ...], named: dict[str, Any]) -> None:
        _, timestep, _, audio = given
        self.calls.append(
            Call(
                float(timestep),
                named["positions"].query,
                named["positions"].key,
                audio is not None,
                named["mute_first"],
                id(named["memory"]),
            )
        )


def generate(
    rollout: NeighborForcing, blocks: int = 2, noise: Noise | None = None, embedding: Tensor | None = None
) -> list[Tensor]:
    """Latents of the first blocks."""
    noise = noise or Noise(0)
    context = rollout.dit.encode_context(*text_and_image())
    heard = speech() if embedding is None else embedding
    rollout.begin(condition())
    latents = []
    for n in range(blocks):
        span = rollout.audio_span(n)
        windows = audio_windows(heard, span.start, len(span), CONFIG.audio_window)
        latents.append(rollout.block(n, context, windows, noise))
    return latents


def keys_of_one_pass(
    dit: CausalDiT, latents: Tensor, timestep: float, embedding: Tensor | None = None
) -> list[Tensor]:
    """Keys of each layer [T*S, dim] when 14 latent frames go through at once, a block seeing none behind it."""
    embedding = speech() if embedding is None else embedding
    kept: list[Tensor] = []
    hooks = [
        block.self_attn.norm_k.register_forward_hook(lambda _, __, out: kept.append(out[0].flatten(0, 1)))
        for block in dit.blocks
    ]
    mask = torch.zeros(14, 14, dtype=torch.bool)
    for query in range(14):
        for key in range(14):
            mask[query, key] = (key < 6) or (query >= 6)
    windows = audio_windows(embedding, 0, 53, CONFIG.audio_window)
    dit(
        torch.cat([latents, condition()], dim=1),
        torch.full((1, 14), timestep),
        dit.encode_context(*text_and_image()),
        dit.audio_proj(windows),
        frame_mask=mask,
        mute_first=True,
    )
    for hook in hooks:
        hook.remove()
    return kept


@pytest.mark.parametrize(("strategy", "last"), [("self", 0.0), ("teacher", 0.0), ("diffusion", 100.0)])
def test_three_steps_and_one_call_that_fills_the_memory(strategy: str, last: float) -> None:
    dit, heard = small_dit(), Heard()
    dit.register_forward_pre_hook(heard, with_kwargs=True)
    rollout = ROLLOUTS[strategy].build(dit, NeighborOptions())
    assert isinstance(rollout, NeighborForcing)
    generate(rollout, 4)

    calls = [heard.calls[start : start + 4] for start in range(0, 16, 4)]
    assert len(heard.calls) == 16 and ROLLOUTS[strategy].extra_calls == 1
    for n, block in enumerate(calls):
        query = tuple(range(6)) if n == 0 else tuple(range(6, 14))
        assert [call.timestep for call in block] == pytest.approx([*LEVELS, last])
        assert [call.heard for call in block] == [False, True, True, True]
        assert {(call.query, call.key, call.muted) for call in block} == {
            (query, tuple(range(query[-1] + 1)), n == 0)
        }
    assert len({call.memory for call in heard.calls}) == 1 == len(rollout.memories)


def test_the_memory_holds_finished_blocks_free_of_noise() -> None:
    dit = small_dit()
    rollout = CleanContext(dit)
    latents = torch.cat(generate(rollout), dim=2)
    for memory, keys in zip(rollout.memories[0].layers, keys_of_one_pass(dit, latents, 0.0), strict=True):
        torch.testing.assert_close(memory.keys.read(0, 14 * 6).flatten(2)[0], keys, atol=1e-5, rtol=1e-5)


def test_the_past_of_diffusion_forcing_has_the_noise_of_its_level() -> None:
    class Kept(Noise):
        def __init__(self) -> None:
            super().__init__(0)
            self.drawn: list[Tensor] = []

        def draw(self, shape: tuple[int, ...], device: torch.device | str, dtype: torch.dtype) -> Tensor:
            self.drawn.append(super().draw(shape, device, dtype))
            return self.drawn[-1]

    dit, noise = small_dit(), Kept()
    rollout = DiffusionForcing(dit)
    blocks = generate(rollout, noise=noise)
    # Per block: what it begins as, three between steps, one for the past.
    assert [tuple(part.shape[2:]) for part in noise.drawn] == [(6, 4, 6)] * 5 + [(8, 4, 6)] * 5
    past = [
        renoise(block, noise.drawn[index], CONTEXT_LEVEL) for block, index in zip(blocks, (4, 9), strict=True)
    ]
    expected = keys_of_one_pass(dit, torch.cat(past, dim=2), 100.0)
    for memory, keys in zip(rollout.memories[0].layers, expected, strict=True):
        torch.testing.assert_close(memory.keys.read(0, 14 * 6).flatten(2)[0], keys, atol=1e-5, rtol=1e-5)


def test_the_first_block_has_no_past_and_is_the_same_for_all() -> None:
    dit = small_dit()
    made = {name: generate(strategy.build(dit, NeighborOptions())) for name, strategy in ROLLOUTS.items()}  # type: ignore[arg-type]

    assert all(torch.equal(blocks[0], made["neighbor"][0]) for blocks in made.values())
    assert torch.equal(made["self"][1], made["teacher"][1])
    others = [made[name][1] for name in ("neighbor", "self", "diffusion")]
    assert all((a - b).abs().max() > 1e-3 for a, b in pairwise(others))


def test_policies_agree_until_something_is_folded() -> None:
    dit = small_dit()
    made = {
        name: generate(CleanContext(dit, NeighborOptions(memory=name)), 3)
        for name in ("convkv", "window", "full")
    }

    for n in range(2):
        assert all(torch.allclose(blocks[n], made["full"][n], atol=1e-6) for blocks in made.values())
    assert (made["convkv"][2] - made["full"][2]).abs().max() > 1e-3
    assert (made["window"][2] - made["convkv"][2]).abs().max() > 1e-3


def test_a_clean_past_is_a_level_of_zero() -> None:
    dit = small_dit()
    zero, clean = DiffusionForcing(dit, context_level=0.0), CleanContext(dit)
    first, same = generate(zero, 1)[0], generate(clean, 1)[0]

    assert torch.equal(first, same)
    for ours, theirs in zip(zero.memories[0].layers, clean.memories[0].layers, strict=True):
        assert torch.equal(ours.keys.read(0, 36), theirs.keys.read(0, 36))
    with pytest.raises(LiveActError, match=r"context_level 1\.5: expected a share of noise from 0 to 1"):
        DiffusionForcing(dit, context_level=1.5)


def test_memory_is_that_of_one_step_and_stays() -> None:
    rollout, all_steps = CleanContext(small_dit()), NeighborForcing(small_dit())
    held = []
    for blocks in (1, 3):
        generate(rollout, blocks)
        held.append(rollout.memory_bytes())
    generate(all_steps, 1)
    assert held[0] == held[1] == all_steps.memory_bytes() / 3


def test_guidance_has_a_past_in_silence() -> None:
    dit, embedding = small_dit(), speech()
    plain = generate(CleanContext(dit))
    guided = CleanContext(dit, NeighborOptions(audio_guidance=2.0))
    made = generate(guided)
    deaf = [
        generate(CleanContext(dit, NeighborOptions(audio_guidance=0.0)), embedding=e)
        for e in (embedding, embedding + 1)
    ]

    assert (made[1] - plain[1]).abs().max() > 1e-3
    assert guided.memory_bytes() == 2 * 2 * 2 * 14 * 6 * 48 * 4
    unheard = keys_of_one_pass(dit, torch.cat(made, dim=2), 0.0, torch.zeros_like(embedding))
    for memory, keys in zip(guided._null_memories[0].layers, unheard, strict=True):
        torch.testing.assert_close(memory.keys.read(0, 14 * 6).flatten(2)[0], keys, atol=1e-5, rtol=1e-5)
    # The first step leaves speech out but looks at the past with speech, so that deafness ends with the first block.
    assert [torch.equal(a, b) for a, b in zip(*deaf, strict=True)] == [True, False]


def test_beginning_again_forgets() -> None:
    rollout = CleanContext(small_dit())
    first, again = generate(rollout, 3), generate(rollout, 3)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
