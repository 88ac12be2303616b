"""The trace of a rollout by name, from a run over a transformer so small that it takes no time.

Which frames are looked at, at which positions and levels, does not depend on weights or sizes: the same code runs as
in a video, over one token per latent frame.
"""

from __future__ import annotations

import torch

from liveact_eval.errors import UserError, unknown_name
from liveact_eval.liveact.audio import audio_windows
from liveact_eval.liveact.config import DiTConfig
from liveact_eval.liveact.dit import CausalDiT
from liveact_eval.liveact.random_weights import fill_random
from liveact_eval.liveact.request import GenerationOptions
from liveact_eval.liveact.rollout import Rollout
from liveact_eval.liveact.sampler import Noise
from liveact_eval.rollouts.named import ROLLOUTS
from liveact_eval.rollouts.neighbor import NeighborForcing, NeighborOptions
from liveact_eval.rollouts.published import PUBLISHED, published_rollout, rollout_names
from liveact_eval.rollouts.trace import TracedCall, Tracer

MOST_BLOCKS = 200
_SIDE = 2
"""Height and width of a latent: one patch."""
_CONFIG = DiTConfig(
    dim=24,
    num_heads=2,
    num_layers=1,
    ffn_dim=24,
    freq_dim=8,
    text_dim=8,
    text_len=2,
    image_dim=8,
    image_tokens=2,
    audio_layers=1,
    audio_channels=4,
    audio_hidden=8,
    audio_dim=8,
    audio_tokens=1,
)


def trace_rollout(name: str, blocks: int, *, switch_at: int | None = None) -> list[TracedCall]:
    """Every model call of a video of so many blocks.

    Args:
        name: one of `rollout_names()`.
        blocks: 1 to `MOST_BLOCKS`; strategies that look ahead know that the video ends there.
        switch_at: block from which on the prompt is another one; `None`: it stays.

    Raises:
        UserError: as `check_video`.
    """
    check_video(name, blocks, switch_at)
    calls: list[TracedCall] = []
    dit = small_transformer()
    run(_rollout(name, dit, calls.append), dit, blocks, switch_at=switch_at)
    return calls


def check_video(name: str, blocks: int, switch_at: int | None) -> None:
    """Refuse what cannot be traced.

    Raises:
        UserError: an unknown name, or another number of blocks.
    """
    if name not in rollout_names():
        raise unknown_name("rollout", name, rollout_names(), hint="All of them: liveact-eval rollouts list")
    if not 1 <= blocks <= MOST_BLOCKS:
        raise UserError(f"--blocks {blocks}: expected 1 to {MOST_BLOCKS}. Give --blocks 10")
    if switch_at is not None and not 0 < switch_at < blocks:
        raise UserError(
            f"--switch-at {switch_at}: expected a block after the first one, below --blocks {blocks}. Give --switch-at "
            "1"
        )


def run(rollout: Rollout, dit: CausalDiT, blocks: int, *, switch_at: int | None = None) -> None:
    """Make a video of random speech, and throw it away."""
    config, draws = dit.config, torch.Generator().manual_seed(0)
    condition = torch.zeros(1, config.in_dim - config.out_dim, rollout.condition_latents, _SIDE, _SIDE)
    latents = sum(rollout.block_latents(n) for n in range(blocks))
    rollout.begin(condition, latents=latents)
    frames = rollout.audio_span(blocks - 1).stop
    speech = torch.randn(frames, config.audio_layers, config.audio_channels, generator=draws)
    prompts = [
        dit.encode_context(torch.randn(1, config.text_dim, generator=draws), torch.zeros(2, config.image_dim))
        for _ in range(2)
    ]
    noise = Noise(0)
    for n in range(blocks):
        span = rollout.audio_span(n)
        windows = audio_windows(speech, span.start, len(span), config.audio_window)
        prompt = prompts[switch_at is not None and n >= switch_at]
        rollout.block(n, prompt, windows, noise)


def small_transformer() -> CausalDiT:
    """A transformer with random weights and one layer of 24 channels."""
    dit = CausalDiT(_CONFIG).eval().requires_grad_(False)
    fill_random(dit, 0)
    return dit


def _rollout(name: str, dit: CausalDiT, tracer: Tracer) -> Rollout:
    if name in PUBLISHED:
        return published_rollout(name, dit, GenerationOptions(), tracer=tracer)
    rollout = ROLLOUTS[name].build(dit, NeighborOptions())
    # All rollouts of that table are kinds of Neighbor Forcing.
    assert isinstance(rollout, NeighborForcing)
    rollout.tracer = tracer
    return rollout
