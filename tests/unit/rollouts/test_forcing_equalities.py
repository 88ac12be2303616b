"""Strategies that must be equal, and equal to their algorithm carried out by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from liveact_eval.liveact.sampler import predict_clean, renoise
from liveact_eval.rollouts.avatar_forcing import AvatarForcing, AvatarForcingConfig
from liveact_eval.rollouts.causal_forcing import CausalForcing
from liveact_eval.rollouts.knot import KnotConfig, KnotForcing
from liveact_eval.rollouts.longlive import LongLive, LongLiveConfig
from liveact_eval.rollouts.overlapping import OverlappingConfig, OverlappingWindows
from liveact_eval.rollouts.rolling import RollingForcing, RollingForcingConfig
from liveact_eval.rollouts.self_forcing import SelfForcing, SelfForcingConfig
from liveact_eval.rollouts.windows import SlidingWindow, WindowConfig
from tests.unit.liveact.models import small_dit
from tests.unit.rollouts.rollout_cases import GRADED, WARPED, ByHand, Made, make


def close(ours: Tensor, theirs: Tensor) -> None:
    assert ours.abs().max() > 0.1
    torch.testing.assert_close(ours, theirs, atol=2e-5, rtol=1e-5)


def same(first: Made, second: Made) -> None:
    assert all(torch.equal(a, b) for a, b in zip(first.blocks, second.blocks, strict=True))


def sample(
    hand: ByHand,
    frames: Sequence[int],
    levels: Sequence[float],
    past: Sequence[tuple[int, int]],
    **given: Any,
) -> Tensor:
    """The few-step sampler over one block."""
    x = torch.cat([hand.normal("begin", f) for f in frames], dim=2)
    for t, after in zip(levels, [*levels[1:], 0.0], strict=True):
        velocity = hand.velocity(frames, x, [t] * len(frames), past, **given)
        clean = predict_clean(x, velocity, t / 1000)
        if after > 0:
            fresh = torch.cat([hand.normal("between", f) for f in frames], dim=2)
            x = renoise(clean, fresh, after / 1000)
    return clean


def test_self_forcing_is_its_algorithm() -> None:
    dit = small_dit()
    hand, made = ByHand(dit, 15), make(SelfForcing(), 4, dit=dit)
    for b, block in enumerate(made.blocks):
        frames, past = range(3 * b, 3 * b + 3), [(f, f) for f in range(3 * b)]
        clean = sample(hand, frames, WARPED, past)
        hand.velocity(frames, clean, [0.0] * 3, past, keep=True)
        close(block, clean)


def test_self_causal_and_long_live_are_one_while_the_window_is_longer_than_the_video() -> None:
    dit = small_dit()
    plain = make(SelfForcing(), 6, dit=dit)
    same(plain, make(CausalForcing(), 6, dit=dit))
    same(plain, make(LongLive(LongLiveConfig(cache_frames=18)), 6, dit=dit))
    short = make(LongLive(), 6, dit=dit)
    assert all(torch.equal(a, b) for a, b in zip(plain.blocks[:4], short.blocks[:4], strict=True))
    assert (plain.blocks[4] - short.blocks[4]).abs().max() > 1e-3


def test_positions_within_the_window_change_nothing_but_rounding_until_it_moves() -> None:
    dit = small_dit()
    absolute = make(LongLive(), 5, dit=dit)
    relative = make(LongLive(LongLiveConfig(relative_rope=True)), 5, dit=dit)
    same(Made(absolute.blocks[:4]), Made(relative.blocks[:4]))
    assert (absolute.blocks[4] - relative.blocks[4]).abs().max() > 1e-4


def test_rolling_forcing_is_its_algorithm() -> None:
    dit, blocks = small_dit(), 7
    hand, made = ByHand(dit, 3 * blocks), make(RollingForcing(), blocks, dit=dit, latents=3 * blocks)
    noisy: dict[int, Tensor] = {}
    done: dict[int, Tensor] = {}
    for window in range(blocks + 4):
        first, last = max(0, window - 4), min(blocks - 1, window)
        start, frames = 3 * first, range(3 * first, 3 * last + 3)
        levels = [GRADED[window - f // 3] for f in frames]
        working = min(21 - 3 - len(frames), max(0, start - 3))
        place = start - working - 3
        past = [] if start == 0 else [(f, place + f) for f in range(3)]
        past += [(f, f) for f in range(start - working, start)]
        for f in frames:
            if f not in noisy:
                noisy[f] = hand.normal("begin", f)
        x = torch.cat([noisy[f] for f in frames], dim=2)
        velocity = hand.velocity(frames, x, levels, past)
        for index, f in enumerate(frames):
            cut = slice(index, index + 1)
            done[f] = predict_clean(x[:, :, cut], velocity[:, :, cut], levels[index] / 1000)
            place_in_grid = window - f // 3 + 1
            if place_in_grid < 5:
                noisy[f] = renoise(done[f], hand.normal("between", f), GRADED[place_in_grid] / 1000)
        left = range(start, start + 3)
        clean = torch.cat([done[f] for f in left], dim=2)
        cached = [(f, f) for f in range(max(0, start - 18), start)]
        hand.velocity(left, clean, [0.0] * 3, cached, keep=True)
    close(made.latents, torch.cat([done[f] for f in range(3 * blocks)], dim=2))


def test_rolling_forcing_of_one_block_is_self_forcing_of_one_step() -> None:
    dit = small_dit()
    one = SelfForcingConfig(levels=(1000.0,))
    # The trained length, behind which the published cache moves its sink.
    rolled = RollingForcing(RollingForcingConfig(window=1, levels=(1000.0,)))
    same(make(rolled, 7, dit=dit), make(SelfForcing(one), 7, dit=dit))
    long = RollingForcingConfig(window=1, levels=(1000.0,), cache_frames=40, budget_frames=40)
    same(make(RollingForcing(long), 10, dit=dit), make(SelfForcing(one), 10, dit=dit))


def test_the_window_of_avatar_forcing_in_the_sizes_of_rolling_forcing_is_rolling_forcing() -> None:
    dit = small_dit()
    sizes = WindowConfig(
        block=3, window=5, levels=tuple(GRADED), sink_frames=3, cache_frames=24, budget_frames=21
    )

    class Sized(AvatarForcing):
        """AvatarForcing's code without picture and silence, over other sizes."""

        def __init__(self) -> None:
            super().__init__()
            SlidingWindow.__init__(self, sizes)
            self.first_audio = "muted"

        condition = RollingForcing.condition

    ours, theirs = (make(s, 10, dit=dit, latents=30) for s in (Sized(), RollingForcing()))
    for a, b in zip(ours.blocks, theirs.blocks, strict=True):
        torch.testing.assert_close(a, b, atol=1e-6, rtol=0)
    seen = [
        [(call.frames, [(k.frames, k.position) for k in call.keys]) for call in m.calls]
        for m in (ours, theirs)
    ]
    assert seen[0] == seen[1]


@pytest.mark.parametrize("passes", [1, 2])
def test_avatar_forcing_without_a_look_ahead_is_the_causal_update_with_anchors(passes: int) -> None:
    levels = (1000.0, 625.0)[:passes]
    dit = small_dit()
    config = AvatarForcingConfig(window=1, passes=passes, levels=levels)
    hand, made = ByHand(dit, 21), make(AvatarForcing(config), 5, dit=dit)

    def beside(frames: Sequence[int]) -> Tensor:
        picture = hand.y[:, :, [0] * len(frames)].clone()
        picture[:, :4] = torch.tensor([float(f == 0) for f in frames])[:, None, None]
        return picture

    picture = hand.y[:, 4:, :1]
    hand.velocity([0], picture, [0.0], keep=True, beside=beside([0]), audio=hand.silence[:, :1], mute=False)
    for b, block in enumerate(made.blocks):
        frames = range(1 + 4 * b, 5 + 4 * b)
        working = [] if b == 0 else [frames.start - 2, frames.start - 1]
        anchor = frames.start - len(working) - 1
        past = [(0, anchor), *((f, f) for f in working)]
        clean = sample(hand, frames, levels, past, beside=beside(frames))
        at_home = [(0, 0), *((f, f) for f in working)]
        hand.velocity(frames, clean, [0.0] * 4, at_home, keep=True, beside=beside(frames))
        close(block[:, :, -4:], clean)
    close(made.blocks[0][:, :, :1], picture)


def test_what_the_anchor_hears_matters() -> None:
    dit = small_dit()
    silent = make(AvatarForcing(), 1, dit=dit)
    heard = make(AvatarForcing(AvatarForcingConfig(anchor_audio="heard")), 1, dit=dit)
    assert torch.equal(silent.latents[:, :, :1], heard.latents[:, :, :1])
    assert (silent.latents - heard.latents).abs().max() > 1e-4


def test_knot_forcing_without_knot_and_reference_is_a_sliding_window() -> None:
    dit = small_dit()
    knot = make(KnotForcing(KnotConfig(knot=0, reference=False)), 10, dit=dit)
    same(knot, make(SelfForcing(SelfForcingConfig(cache_frames=6)), 10, dit=dit))


def test_knot_forcing_is_its_algorithm() -> None:
    dit = small_dit()
    hand, made = ByHand(dit, 26), make(KnotForcing(KnotConfig(ahead=5, stride=6)), 6, dit=dit)
    picture, ones = hand.y[:, 4:, :1], torch.ones(1, 4, 1, 4, 4)
    place, knot = 5, None
    for chunk, block in enumerate(made.blocks):
        i = 3 * chunk
        moved = i + 4 > place
        place += 6 * moved
        if chunk == 0 or moved:
            known = torch.cat([ones, picture], dim=1)
            hand.velocity(
                [-1], picture, [0.0], positions=[place], keep=True, beside=known, deaf=True, mute=False
            )
        frames = range(i, i + 4)
        past = [(-1, place), *((f, f) for f in range(max(0, i - 3), i))]
        beside = hand.beside(frames).clone()
        if knot is not None:
            beside[:, :, :1] = torch.cat([ones, knot], dim=1)
        clean = sample(hand, frames, WARPED, past, beside=beside).clone()
        if knot is not None:
            first = clean[:, :, :1].clone()
            clean[:, :, :1] = (knot + first) / 2
            assert (knot - first).abs().max() > 1e-3
        knot = clean[:, :, 3:]
        hand.velocity(range(i, i + 3), clean[:, :, :3], [0.0] * 3, past, keep=True)
        close(block, clean[:, :, :3])


def test_longlive_encodes_its_last_frames_block_by_block_under_the_new_prompt() -> None:
    """One masked pass equals passes block by block, seen in the block that comes after."""
    dit = small_dit()
    made = make(LongLive(), 7, dit=dit, switch_at=6)
    hand = ByHand(dit, 24)
    latents = made.latents
    for b in range(2, 6):
        frames = range(3 * b, 3 * b + 3)
        past = [(f, f) for f in range(6, 3 * b)]
        hand.velocity(frames, latents[:, :, 3 * b : 3 * b + 3], [0.0] * 3, past, keep=True)
    first = range(3)
    hand.velocity(first, latents[:, :, :3], [0.0] * 3, keep=True)
    # The same draws as in the run: frames before the block have asked already, frames of the block have not.
    clean = sample(hand, range(18, 21), WARPED, [(f, f) for f in (0, 1, 2, *range(12, 18))])
    close(made.blocks[6], clean)


def test_a_window_takes_over_the_last_frames_of_the_one_before_clean() -> None:
    dit, inputs = small_dit(), []

    def note(module: nn.Module, given: tuple[Any, ...], named: dict[str, Any]) -> None:
        del module, named
        inputs.append(given[0].clone())

    dit.register_forward_pre_hook(note, with_kwargs=True)
    made = make(OverlappingWindows(OverlappingConfig(steps=4, guidance=1.0)), 2, dit=dit)
    for x in inputs[4:]:
        assert torch.equal(x[:, :16, :3], made.blocks[0][:, :, -3:])
        # The picture stands beside the first frame of every window.
        assert torch.equal(x[:, 16:], inputs[0][:, 16:]) and bool((x[:, 16:20, 0] == 1).all())
    assert not torch.equal(inputs[4][:, :16, 3:], inputs[5][:, :16, 3:])
