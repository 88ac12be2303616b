"""Tokens per model call at published sizes, on the meta device, and what they cost by the usual count of operations.

Per layer, for q queries and k keys of width d, feed-forward width m: 2 q (6 d^2 + 2 d m) for linear layers, 4 d q k for
self-attention, 4 d q c and, where the program computes them anew, 4 d^2 c for c tokens of text and image, and
4 d^2 q + 4 d q 32 for speech. Model calls alone, over the video frames of a steady block.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
import torch

from liveact_eval.liveact.config import DiTConfig
from liveact_eval.liveact.dit import CausalDiT
from liveact_eval.liveact.rollout import Rollout
from liveact_eval.liveact.sampler import Noise
from liveact_eval.rollouts.forced import ForcedRollout
from liveact_eval.rollouts.neighbor import NeighborForcing
from liveact_eval.rollouts.overlapping import OverlappingConfig, OverlappingWindows
from liveact_eval.rollouts.published import PUBLISHED
from liveact_eval.rollouts.strategy import Strategy
from liveact_eval.rollouts.trace import TracedCall


@dataclass(frozen=True)
class Backbone:
    """A transformer whose layers are all alike, so that one of them is enough to count tokens."""

    dim: int
    ffn: int
    layers: int
    context: int
    fresh_context: bool
    hearing_layers: int

    def tera(self, calls: Sequence[tuple[int, int, bool]]) -> float:
        """10^12 operations of calls of (queries, keys, with speech)."""
        d, total = self.dim, 0.0
        for q, k, heard in calls:
            total += 2 * q * (6 * d * d + 2 * d * self.ffn) + 4 * d * q * k + 4 * d * q * self.context
            total += 4 * d * d * self.context * self.fresh_context
            total += (4 * d * d * q + 4 * d * q * 32) * heard * self.hearing_layers / self.layers
        return total * self.layers / 1e12


SMALL = Backbone(1536, 8960, 30, 512, fresh_context=False, hearing_layers=0)
LARGE = Backbone(5120, 13824, 40, 512 + 257, fresh_context=True, hearing_layers=40)
SPEAKING = Backbone(5120, 13824, 40, 512, fresh_context=False, hearing_layers=12)
"""Wan S2V, over which Live-Avatar runs: no tokens of the picture beside the text, and speech in 12 layers."""


def steady_block(
    strategy: Strategy | None, backbone: Backbone, size: tuple[int, int], block: int
) -> list[tuple[int, int]]:
    """(queries, keys) of each call of a block, guidance included, from a run over shapes without numbers."""
    with torch.device("meta"):
        dit = CausalDiT(
            DiTConfig(dim=backbone.dim, num_heads=backbone.dim // 128, num_layers=1, ffn_dim=backbone.ffn)
        )
    calls: list[TracedCall] = []
    rollout: Rollout
    if strategy is None:
        rollout = NeighborForcing(dit)
        rollout.tracer = calls.append
    else:
        rollout = ForcedRollout(dit, strategy, tracer=calls.append)
    width, height = size
    shape = (1, 20, rollout.condition_latents, height // 8, width // 8)
    rollout.begin(torch.zeros(shape, device="meta"))
    context = dit.encode_context(torch.zeros(1, 4096, device="meta"), torch.zeros(257, 1280, device="meta"))
    noise = Noise(0)
    for n in range(block + 1):
        windows = torch.zeros(1, len(rollout.audio_span(n)), 5, 12, 768, device="meta")
        made = rollout.block(n, context, windows, noise)
        assert made.device.type == "meta" and made.shape[3:] == shape[3:]
    tokens = (height // 16) * (width // 16)
    return [(len(c.frames) * tokens, len(c.keys) * tokens) for c in calls if c.block == block]


WIDE = (832, 480)


@pytest.mark.parametrize(
    ("name", "block", "expected", "frames", "tera_per_frame"),
    [
        ("self-forcing", 3, [(4680, 18720)] * 5, 12, 11.8),
        ("longlive", 3, [(4680, 18720)] * 5, 12, 11.8),
        ("causvid", 3, [(4680, 18720)] * 4, 12, 9.4),
        # Frame 10 behind ten others.
        ("causal-forcing-frame", 9, [(1560, 17160)] * 5, 4, 11.2),
        ("rolling-forcing", 7, [(23400, 32760), (4680, 32760)], 12, 20.2),
        ("avatar-forcing", 3, [(24960, 29640), (6240, 10920)], 16, 14.4),
        ("knot-forcing", 3, [(6240, 12480)] * 4 + [(4680, 10920)], 12, 12.0),
    ],
)
def test_cost_of_the_small_backbone(
    name: str, block: int, expected: list[tuple[int, int]], frames: int, tera_per_frame: float
) -> None:
    calls = steady_block(PUBLISHED[name].strategy(), SMALL, WIDE, block)
    assert calls == expected
    found = SMALL.tera([(q, k, False) for q, k in calls]) / frames
    assert found == pytest.approx(tera_per_frame, rel=0.02)


def test_cost_of_live_avatar() -> None:
    calls = steady_block(PUBLISHED["live-avatar"].strategy(), SPEAKING, (512, 512), 5)
    assert calls == [(3072, 13 * 1024)] * 4
    assert SPEAKING.tera([(q, k, True) for q, k in calls]) / 12 == pytest.approx(37.4, rel=0.02)


@pytest.mark.parametrize(
    ("guidance", "block", "forwards", "frames", "expected"), [(1.0, 0, 4, 81, 49.4), (2.0, 1, 8, 72, 111.0)]
)
def test_cost_of_overlapping_windows(
    guidance: float, block: int, forwards: int, frames: int, expected: float
) -> None:
    strategy = OverlappingWindows(OverlappingConfig(steps=4, guidance=guidance))
    calls = steady_block(strategy, LARGE, (512, 512), block)
    assert calls == [(21504, 21504)] * forwards
    assert LARGE.tera([(q, k, True) for q, k in calls]) / frames == pytest.approx(expected, rel=0.02)


def test_cost_of_liveact() -> None:
    calls = steady_block(None, LARGE, (512, 512), 2)
    assert calls == [(8192, 14336)] * 3
    # The first step leaves speech out.
    heard = [(q, k, number > 0) for number, (q, k) in enumerate(calls)]
    assert LARGE.tera(heard) / 32 == pytest.approx(30.3, rel=0.02)


def test_many_steps_cost_fifty_guided_ones_and_the_cache() -> None:
    rollout = PUBLISHED["teacher-forcing"]
    assert (rollout.steps, rollout.extra_calls, rollout.strategy().guidance) == (50, 1, 3.0)
