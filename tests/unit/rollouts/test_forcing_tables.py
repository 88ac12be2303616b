"""What each strategy looks at, where and when, against tables that were written from the papers' algorithms."""

from __future__ import annotations

from itertools import pairwise

import pytest

from liveact_eval.rollouts.avatar_forcing import AvatarForcing, AvatarForcingConfig
from liveact_eval.rollouts.causal_forcing import CausalForcing, CausalForcingConfig, CausVid
from liveact_eval.rollouts.knot import KnotConfig, KnotForcing
from liveact_eval.rollouts.live_avatar import LiveAvatar, LiveAvatarConfig
from liveact_eval.rollouts.longlive import LongLive, LongLiveConfig
from liveact_eval.rollouts.overlapping import OverlappingConfig, OverlappingWindows
from liveact_eval.rollouts.rolling import RollingForcing
from liveact_eval.rollouts.self_forcing import SelfForcing
from liveact_eval.rollouts.strategy import Strategy
from tests.unit.rollouts.rollout_cases import GRADED, WARPED, looked_at, make

BLOCKS = 12


def at_home(*frames: int) -> list[tuple[int, int]]:
    """Frames at the positions of their own numbers."""
    return [(frame, frame) for frame in frames]


@pytest.mark.parametrize(
    ("strategy", "levels"),
    [(SelfForcing(), WARPED), (CausVid(), [1000.0, 757.0, 522.0]), (CausalForcing(), WARPED)],
)
def test_block_by_block_behind_all_that_is_clean(strategy: Strategy, levels: list[float]) -> None:
    made = make(strategy, BLOCKS)
    per_block = len(levels) + 1
    assert len(made.calls) == per_block * BLOCKS
    for b in range(BLOCKS):
        p = 3 * b
        calls = made.calls[per_block * b : per_block * (b + 1)]
        assert [call.purpose for call in calls] == ["denoise"] * len(levels) + ["cache"]
        assert [call.timesteps[0] for call in calls] == pytest.approx([*levels, 0.0])
        for call in calls:
            assert call.frames == call.positions == (p, p + 1, p + 2)
            assert len(set(call.timesteps)) == 1 and call.mask is None
            assert looked_at(call, "clean") == looked_at(call) == at_home(*range(p))
        assert [call.written for call in calls] == [()] * len(levels) + [(p, p + 1, p + 2)]


def test_causal_forcing_frame_by_frame_behind_the_picture() -> None:
    made = make(CausalForcing(CausalForcingConfig.frame_wise()), BLOCKS)
    first, *rest = made.calls
    assert (first.purpose, first.frames, first.timesteps, first.written) == ("cache", (0,), (0.0,), (0,))
    assert made.blocks[0].shape[2] == 2 and made.blocks[1].shape[2] == 1
    for b in range(BLOCKS):
        calls = rest[5 * b : 5 * b + 5]
        assert [call.timesteps[0] for call in calls] == pytest.approx([*WARPED, 0.0])
        assert {call.frames for call in calls} == {(b + 1,)}
        assert all(looked_at(call) == at_home(*range(b + 1)) for call in calls)


@pytest.mark.parametrize(("steps", "later"), [(2, [1000.0, 833.3333]), (1, [1000.0])])
def test_causal_forcing_plus_plus_has_all_levels_in_the_first_block_alone(
    steps: int, later: list[float]
) -> None:
    made = make(CausalForcing(CausalForcingConfig.plus_plus(steps)), 10)
    levels: list[list[float]] = [[] for _ in range(10)]
    for call in made.of("denoise"):
        levels[call.block].append(call.timesteps[0])
    assert levels[0] == pytest.approx(WARPED)
    assert all(found == pytest.approx(later) for found in levels[1:])


@pytest.mark.parametrize("relative", [False, True])
def test_longlive_sees_twelve_frames_with_a_sink(relative: bool) -> None:
    made = make(LongLive(LongLiveConfig(relative_rope=relative)), BLOCKS)
    past = {
        0: [],
        1: [0, 1, 2],
        2: [0, 1, 2, 3, 4, 5],
        3: [0, 1, 2, 3, 4, 5, 6, 7, 8],
        4: [0, 1, 2, 6, 7, 8, 9, 10, 11],
        5: [0, 1, 2, 9, 10, 11, 12, 13, 14],
        6: [0, 1, 2, 12, 13, 14, 15, 16, 17],
        7: [0, 1, 2, 15, 16, 17, 18, 19, 20],
        8: [0, 1, 2, 18, 19, 20, 21, 22, 23],
        9: [0, 1, 2, 21, 22, 23, 24, 25, 26],
        10: [0, 1, 2, 24, 25, 26, 27, 28, 29],
        11: [0, 1, 2, 27, 28, 29, 30, 31, 32],
    }
    for call in made.calls:
        frames = past[call.block]
        places = list(range(len(frames))) if relative else frames
        own = 3 * call.block
        assert looked_at(call) == list(zip(frames, places, strict=True))
        assert looked_at(call, "sink") == looked_at(call)[:3]
        start = len(frames) if relative else own
        assert call.positions == (start, start + 1, start + 2)
        assert call.frames == (own, own + 1, own + 2)
    assert [call.timesteps[0] for call in made.calls[-5:]] == pytest.approx([*WARPED, 0.0])


def test_rolling_forcing_by_windows() -> None:
    made = make(RollingForcing(), BLOCKS, latents=3 * BLOCKS)
    main, cache = made.of("denoise"), made.of("cache")
    # Per window: first frame, own frames, position of the sink, finished frames; the plan of 12 blocks.
    table: list[tuple[int, int, int | None, list[int]]] = [
        (0, 3, None, []),
        (0, 6, None, []),
        (0, 9, None, []),
        (0, 12, None, []),
        (0, 15, None, []),
        (3, 15, 0, []),
        (6, 15, 0, [3, 4, 5]),
        (9, 15, 3, [6, 7, 8]),
        (12, 15, 6, [9, 10, 11]),
        (15, 15, 9, [12, 13, 14]),
        (18, 15, 12, [15, 16, 17]),
        (21, 15, 15, [18, 19, 20]),
        (24, 12, 15, [18, 19, 20, 21, 22, 23]),
        (27, 9, 15, [18, 19, 20, 21, 22, 23, 24, 25, 26]),
        (30, 6, 15, list(range(18, 30))),
        (33, 3, 15, list(range(18, 33))),
    ]
    assert len(main) == len(cache) == len(table)
    for window, (call, kept, (start, own, sink, working)) in enumerate(zip(main, cache, table, strict=True)):
        assert call.frames == call.positions == tuple(range(start, start + own))
        sinks = [] if sink is None else [(i, sink + i) for i in range(3)]
        assert looked_at(call) == sinks + at_home(*working)
        assert call.mask is None and call.written == ()
        # The block that is n places from the right has gone through n levels.
        last = min(window, BLOCKS - 1)
        expected = [GRADED[window - b] for b in range(start // 3, last + 1) for _ in range(3)]
        assert call.timesteps == pytest.approx(tuple(expected))
        assert (kept.timesteps, kept.written) == ((0.0,) * 3, tuple(range(start, start + 3)))
        # 21 cached frames at most: the sink at home while the cache begins with it, and no sink once it is full.
        seen = range(max(0, start - 18), start)
        assert looked_at(kept) == at_home(*seen)
        assert looked_at(kept, "sink") == at_home(*(f for f in seen if f < 3))


def test_rolling_forcing_of_a_live_source_stays_full() -> None:
    made = make(RollingForcing(), 11)
    steady = made.of("denoise")[-4:]
    assert [call.frames for call in steady] == [tuple(range(p, p + 15)) for p in (21, 24, 27, 30)]
    assert all(call.timesteps == pytest.approx([t for t in GRADED[::-1] for _ in "123"]) for call in steady)


@pytest.mark.parametrize("reindex", [True, False])
def test_avatar_forcing_by_windows(reindex: bool) -> None:
    made = make(AvatarForcing(AvatarForcingConfig(reindex=reindex)), 10, latents=1 + 4 * 10)
    prefix, *rest = made.calls
    assert (prefix.purpose, prefix.frames, prefix.timesteps, prefix.written) == ("cache", (0,), (0.0,), (0,))
    main, cache = rest[::2], rest[1::2]
    # Per window: first frame, own frames, position of the anchor, finished frames; 10 blocks behind the picture.
    table: list[tuple[int, int, int, list[int]]] = [
        (1, 4, 0, []),
        (1, 8, 0, []),
        (1, 12, 0, []),
        (1, 16, 0, []),
        (5, 16, 2, [3, 4]),
        (9, 16, 6, [7, 8]),
        (13, 16, 10, [11, 12]),
        (17, 16, 14, [15, 16]),
        (21, 16, 18, [19, 20]),
        (25, 16, 22, [23, 24]),
        (29, 12, 26, [27, 28]),
        (33, 8, 30, [31, 32]),
        (37, 4, 34, [35, 36]),
    ]
    levels = [1000.0, 952.3809523, 769.2307692, 555.5555555]
    assert len(main) == len(cache) == len(table)
    for window, (call, kept, (start, own, anchor, working)) in enumerate(
        zip(main, cache, table, strict=True)
    ):
        assert call.frames == call.positions == tuple(range(start, start + own))
        assert looked_at(call, "anchor") == [(0, anchor if reindex else 0)]
        assert looked_at(call, "clean") == at_home(*working)
        first = (start - 1) // 4
        expected = [levels[window - b] for b in range(first, first + own // 4) for _ in range(4)]
        assert call.timesteps == pytest.approx(tuple(expected))
        # The whole cache of seven frames, with the anchor at home.
        assert looked_at(kept) == at_home(0, *working)
        assert kept.frames == kept.written == tuple(range(start, start + 4))
        assert len(kept.keys) <= 7 and kept.held <= 7
    assert [block.shape[2] for block in made.blocks] == [5] + [4] * 9


def test_avatar_forcing_without_its_anchors() -> None:
    bare = make(AvatarForcing(AvatarForcingConfig(style_anchor=False, temporal_anchor=False)), 3)
    assert all(looked_at(call) == [] for call in bare.of("denoise"))
    faceless = make(AvatarForcing(AvatarForcingConfig(style_anchor=False)), 6)
    assert looked_at(faceless.of("denoise")[-1]) == at_home(19, 20)


def test_avatar_forcing_of_two_passes_moves_a_block_by_two_levels_per_slide() -> None:
    made = make(AvatarForcing(AvatarForcingConfig(window=2, passes=2)), 10)
    levels: dict[int, list[float]] = {}
    for call in made.of("denoise"):
        for frame, timestep in zip(call.frames, call.timesteps, strict=True):
            levels.setdefault(frame, []).append(timestep)
    finished = [levels[frame] for frame in range(1, 41)]
    assert all(found == pytest.approx([1000, 952.3809, 769.2307, 555.5555]) for found in finished)
    for first, second in pairwise(made.of("denoise")[2:4]):
        assert first.frames == second.frames and looked_at(first) == looked_at(second)


def test_knot_forcing_by_chunks() -> None:
    made = make(KnotForcing(), BLOCKS)
    position = {0: 20, 1: 20, 2: 20, 3: 20, 4: 20, 5: 20, 6: 35, 7: 35, 8: 35, 9: 35, 10: 35, 11: 50}
    for b in range(BLOCKS):
        i, n = 3 * b, position[b]
        calls = [call for call in made.calls if call.block == b]
        moved = b in (0, 6, 11)
        assert [call.purpose for call in calls] == ["reference"] * moved + ["denoise"] * 4 + ["cache"]
        if moved:
            assert (calls[0].frames, calls[0].positions, calls[0].timesteps) == ((-1,), (n,), (0.0,))
        *denoise, cache = calls[moved:]
        past = at_home(*range(max(0, i - 3), i))
        for call, level in zip(denoise, WARPED, strict=True):
            assert call.frames == call.positions == (i, i + 1, i + 2, i + 3)
            assert call.timesteps == pytest.approx((level,) * 4)
            assert looked_at(call, "reference") == [(-1, n)] and looked_at(call, "clean") == past
            assert call.written == () and call.mask is None
        assert cache.frames == cache.written == (i, i + 1, i + 2) and set(cache.timesteps) == {0.0}
        assert looked_at(cache) == [(-1, n), *past]
    assert made.latents.shape[2] == 3 * BLOCKS


def test_knot_forcing_encodes_the_newest_frames_of_a_longer_window_again() -> None:
    made = make(KnotForcing(KnotConfig(window=8)), 10)
    for call in made.of("cache"):
        i = 3 * call.block
        assert call.frames == tuple(range(max(0, i - 2), i + 3))
        assert looked_at(call, "clean") == at_home(*range(max(0, i - 5), max(0, i - 2)))


def test_live_avatar_has_a_ring_per_step_and_a_reference_ahead() -> None:
    made = make(LiveAvatar(), BLOCKS)
    levels = [1000.0, 858.0, 602.0, 9.0]
    for b in range(BLOCKS):
        p = 3 * b
        calls = [call for call in made.calls if call.block == b and call.purpose == "denoise"]
        assert [call.timesteps[0] for call in calls] == levels
        for call in calls:
            # The same level as the call's own, which is what forces the timestep.
            past = [(k.frames[0], k.position, k.timestep) for k in call.keys if k.kind == "noisy"]
            assert past == [(f, f, call.timesteps[0]) for f in range(max(0, p - 9), p)]
            ((reference, place),) = looked_at(call, "reference")
            assert reference == (-1 if b < 4 else 0) and p + 4 <= place <= p + 30
            assert call.written == call.frames == call.positions == (p, p + 1, p + 2)
    assert [(c.block, c.frames) for c in made.of("reference")] == [(0, (-1,)), (4, (0,))]
    distances = {looked_at(c, "reference")[0][1] - c.frames[0] for c in made.of("denoise")}
    assert len(distances) > 10
    again = make(LiveAvatar(), 3)
    assert [c.keys for c in again.calls] == [c.keys for c in made.calls[: len(again.calls)]]
    fixed = make(LiveAvatar(LiveAvatarConfig(distance=(30, 30), replace_after=None)), 10)
    assert {looked_at(c, "reference")[0][1] - c.frames[0] for c in fixed.of("denoise")} == {30}


def test_overlapping_windows() -> None:
    made = make(OverlappingWindows(OverlappingConfig(steps=3, guidance=1.0)), 10)
    for b in range(10):
        calls = [call for call in made.calls if call.block == b]
        assert len(calls) == 3
        for call in calls:
            assert call.frames == tuple(range(18 * b, 18 * b + 21))
            assert call.positions == tuple(range(21)) and looked_at(call) == [] and call.written == ()
            held = [key.frames[0] for key in call.keys if key.kind == "held"]
            assert held == ([] if b == 0 else [18 * b, 18 * b + 1, 18 * b + 2])
    assert [block.shape[2] for block in made.blocks] == [21] + [18] * 9


def test_longlive_runs_its_last_frames_again_at_a_change_of_prompt() -> None:
    made = make(LongLive(), 10, switch_at=6)
    (again,) = made.of("recache")
    assert (again.block, again.frames, set(again.timesteps)) == (6, tuple(range(6, 18)), {0.0})
    assert looked_at(again) == [] and again.written == (12, 13, 14, 15, 16, 17)
    # A block sees itself and those before it.
    assert again.mask is not None
    for row, query in enumerate(range(6, 18)):
        assert list(again.mask[row]) == [key // 3 <= query // 3 for key in range(6, 18)]
    after = next(call for call in made.calls if call.block == 6 and call.purpose == "denoise")
    assert looked_at(after, "sink") == at_home(0, 1, 2)

    early = make(LongLive(), 4, switch_at=2).of("recache")[0]
    assert (early.frames, early.written) == (tuple(range(6)), (3, 4, 5))
    rebuilt = make(LongLive(LongLiveConfig(global_sink=False)), 8, switch_at=6)
    assert rebuilt.of("recache")[0].written == (6, 7, 8, 12, 13, 14, 15, 16, 17)
    assert looked_at(rebuilt.of("denoise")[-1], "sink") == at_home(6, 7, 8)
    assert make(LongLive(LongLiveConfig(recache=False)), 8, switch_at=6).of("recache") == []
