"""What is held over two hundred blocks: bytes of keys and values, frames that are looked at, tensors in flight."""

from __future__ import annotations

import gc
from itertools import pairwise

import pytest
import torch

from liveact_eval.liveact.errors import LiveActError
from liveact_eval.liveact.sampler import Noise
from liveact_eval.rollouts.avatar_forcing import AvatarForcing
from liveact_eval.rollouts.causal_forcing import CausalForcing, CausalForcingConfig, CausVid
from liveact_eval.rollouts.chained import ChainedCausVid, ChainedConfig
from liveact_eval.rollouts.forced import ForcedRollout
from liveact_eval.rollouts.knot import KnotConfig, KnotForcing
from liveact_eval.rollouts.live_avatar import LiveAvatar, LiveAvatarConfig
from liveact_eval.rollouts.longlive import LongLive, LongLiveConfig
from liveact_eval.rollouts.named import ROLLOUTS
from liveact_eval.rollouts.neighbor import NeighborForcing, NeighborOptions
from liveact_eval.rollouts.overlapping import OverlappingConfig, OverlappingWindows
from liveact_eval.rollouts.published import PUBLISHED
from liveact_eval.rollouts.rolling import RollingForcing, RollingForcingConfig
from liveact_eval.rollouts.self_forcing import SelfForcing, SelfForcingConfig
from liveact_eval.rollouts.strategy import Strategy
from liveact_eval.rollouts.trace import TracedCall
from liveact_eval.rollouts.tracing import small_transformer

BLOCKS = 200
_TOKEN_BYTES = 2 * 24 * 4
"""Key and value of one layer, 24 float32 numbers each, one token per latent frame."""


class Watched:
    """Follows a rollout over many blocks."""

    def __init__(self, strategy: Strategy, blocks: int = BLOCKS) -> None:
        self.calls: list[TracedCall] = []
        self.bytes_held: list[int] = []
        self.tensors: list[int] = []
        dit = small_transformer()
        rollout = ForcedRollout(dit, strategy, guidance=1.0, tracer=self.calls.append)
        rollout.begin(torch.zeros(1, 20, rollout.condition_latents, 2, 2))
        context = dit.encode_context(torch.zeros(1, 8), torch.zeros(2, 8), cache=False)
        noise = Noise(0)
        for n in range(blocks):
            windows = torch.zeros(1, len(rollout.audio_span(n)), 5, 1, 4)
            rollout.block(n, context, windows, noise)
            self.bytes_held.append(rollout.memory_bytes())
            if n in (blocks // 2, blocks - 1):
                self.tensors.append(_tensor_numbers())

    def tokens(self, block: int) -> list[tuple[int, int]]:
        """Own and seen latent frames of each call of a block."""
        return [(len(c.frames), len(c.keys)) for c in self.calls if c.block == block]


def _tensor_numbers() -> int:
    """Numbers in all tensors of this process."""
    gc.collect()
    return sum(t.numel() for t in gc.get_objects() if type(t) is torch.Tensor)


ONE = (1000.0,)
BOUNDED: dict[str, Strategy] = {
    "rolling-forcing": RollingForcing(),
    "avatar-forcing": AvatarForcing(),
    # Fewer steps than published: their number changes nothing from block to block.
    "longlive": LongLive(LongLiveConfig(levels=ONE)),
    "longlive-relative": LongLive(LongLiveConfig(levels=ONE, relative_rope=True)),
    "knot-forcing": KnotForcing(KnotConfig(levels=ONE)),
    "live-avatar": LiveAvatar(LiveAvatarConfig(levels=(1000.0, 500.0))),
    "overlapping-windows": OverlappingWindows(OverlappingConfig(steps=1)),
}


@pytest.mark.parametrize("name", BOUNDED)
def test_bounded_strategies_hold_and_see_the_same_at_every_block(name: str) -> None:
    strategy = BOUNDED[name]
    watched = Watched(strategy)
    assert strategy.slots is not None
    assert set(watched.bytes_held) == {strategy.slots * _TOKEN_BYTES}
    assert all(call.held <= strategy.slots for call in watched.calls)
    # The reference of some is encoded again from time to time, which is a call more.
    steady = [[t for t in watched.tokens(n) if t != (1, 1)] for n in range(20, BLOCKS)]
    assert all(tokens == steady[0] for tokens in steady)
    first, last = watched.tensors
    assert last <= first + 500


@pytest.mark.parametrize("strategy", [SelfForcing(), CausVid(), CausalForcing(CausalForcingConfig())])
def test_strategies_that_keep_all_grow_by_every_block(strategy: Strategy) -> None:
    watched = Watched(strategy, 24)
    assert {b - a for a, b in pairwise(watched.bytes_held)} == {3 * _TOKEN_BYTES}
    seen = [watched.tokens(n)[0][1] for n in range(24)]
    assert seen == [3 * n + 3 for n in range(24)]


def test_self_forcing_with_a_rolling_cache_is_bounded() -> None:
    watched = Watched(SelfForcing(SelfForcingConfig(cache_frames=21, sink_frames=3)), 20)
    assert set(watched.bytes_held) == {21 * _TOKEN_BYTES}
    assert {watched.tokens(n)[0] for n in range(7, 20)} == {(3, 21)}


def test_a_chain_holds_and_sees_the_same_in_every_clip() -> None:
    watched = Watched(ChainedCausVid(ChainedConfig(levels=ONE)))
    assert set(watched.bytes_held) == {21 * _TOKEN_BYTES}
    assert all(call.held <= 21 for call in watched.calls)
    opened, closed = [(3, 3), (3, 6), (3, 6)], [(3, 21), (3, 21)]
    for n in range(7, BLOCKS):
        place = (n - 7) % 6
        assert watched.tokens(n) == (opened if place == 0 else [(3, 6 + 3 * place)] * 2)
    assert watched.tokens(12) == closed == watched.tokens(6)
    first, last = watched.tensors
    assert last <= first + 500


def test_which_rollouts_of_the_list_grow() -> None:
    growing = {name for name, rollout in PUBLISHED.items() if rollout.slots is None}
    assert growing == {
        "teacher-forcing",
        "diffusion-forcing",
        "causvid",
        "self-forcing",
        "causal-forcing",
        "causal-forcing-frame",
        "causal-forcing-plus",
    }
    # What the blocks of a chain look at grows within a clip.
    assert growing | set(BOUNDED) | {"causvid-chained"} == set(PUBLISHED)


def test_the_trace_of_the_official_memory_says_what_was_folded_and_moved() -> None:
    calls: list[TracedCall] = []
    dit = small_transformer()
    rollout = ROLLOUTS["neighbor"].build(dit, NeighborOptions())
    assert isinstance(rollout, NeighborForcing)
    rollout.tracer = calls.append
    rollout.begin(torch.zeros(1, 20, 14, 2, 2))
    context = dit.encode_context(torch.zeros(1, 8), torch.zeros(2, 8), cache=False)
    noise = Noise(0)
    for n in range(11):
        rollout.block(n, context, torch.zeros(1, 53, 5, 1, 4), noise)
    for call in calls:
        n = call.block
        first = 0 if n == 0 else 6 + 8 * (n - 1)
        own = range(first, first + (6 if n == 0 else 8))
        assert call.frames == call.written == tuple(own)
        assert call.positions == tuple(range(6) if n == 0 else range(6, 14))
        assert [key.position for key in call.keys] == list(range(6 if n == 0 else 14))
        assert {key.timestep for key in call.keys if key.kind != "folded"} == set(call.timesteps)
        if n == 0:
            continue
        past: list[tuple[int, ...]]
        if n == 1:
            past = [(0,), (1,), (2,), (3,), (4,), (5,)]
        else:
            # All that is older goes into one slot, frames 1 to 5 of the block before into the other, 6 and 7 stay.
            before = first - 8
            past = [(0,), (1,), (2, before), (before + 1, before + 5), (before + 6,), (before + 7,)]
        assert [key.frames for key in call.keys[:6]] == past
        kinds = ["sink", "sink", *(["noisy"] * 4 if n == 1 else ["folded", "folded", "noisy", "noisy"])]
        assert [key.kind for key in call.keys[:6]] == kinds


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SelfForcingConfig(cache_frames=4, sink_frames=3), r"cache_frames 4: expected at least 6"),
        (lambda: LongLiveConfig(cache_frames=2), "expected at least 6, for 3 of a sink and 3 of a block"),
        (
            lambda: RollingForcingConfig(window=4),
            r"5 levels for a window of 4 blocks and 1 passes.*expected 4",
        ),
        (lambda: RollingForcingConfig(budget_frames=17), "expected at least 18 and 6"),
        (lambda: KnotConfig(knot=4), "chunk 3, knot 4"),
        (lambda: KnotConfig(stride=3), "stride 3: expected at least 4"),
        (lambda: OverlappingConfig(overlap=21), "window 21, overlap 21"),
    ],
)
def test_sizes_that_do_not_fit_each_other_are_refused(make: object, message: str) -> None:
    assert callable(make)
    with pytest.raises(LiveActError, match=message):
        make()
