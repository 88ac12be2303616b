"""The live call and its player against a second one that walks through time millisecond by millisecond."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from liveact_eval.efficiency.block_log import block_lines
from liveact_eval.efficiency.playout import play, smoothest_delay_s
from liveact_eval.efficiency.simulator import Timeline, Work, simulate, timeline_of
from liveact_eval.errors import UserError

FPS = 25


def by_steps(works: Sequence[Work], start_delay_ms: int) -> tuple[list[int], int, int]:
    """When each frame is shown, the stalls, and their length, in whole milliseconds, one after the other."""
    period = 1000 // FPS
    ready: list[int] = []
    shown: list[int] = []
    queue = list(works)
    left, stalls, stalled, now = 0, 0, 0, 0
    next_due: int | None = None
    waiting = False
    busy = False
    while len(shown) < sum(work.frames for work in works):
        # The generator: done with a block, or free to begin one whose sound has arrived.
        if busy and left == 0:
            ready += [now] * queue.pop(0).frames
            busy = False
        if not busy and queue and now >= round(queue[0].heard_s * 1000):
            busy, left = True, round(queue[0].compute_s * 1000)
            if left == 0:
                continue
        # The player.
        if next_due is None and ready:
            next_due = ready[0] + start_delay_ms
        if next_due is not None and now >= next_due:
            if len(ready) > len(shown):
                shown.append(now)
                next_due, waiting = now + period, False
            else:
                stalls += not waiting
                stalled += 1
                waiting = True
        now += 1
        left -= busy
    return shown, stalls, stalled


def drawn(seed: int) -> list[Work]:
    """Blocks of changing size, some of which take longer than they last."""
    numbers = random.Random(seed)
    works, frames = [], 0
    for index in range(14):
        count = 9 if index == 0 else numbers.choice([4, 8, 16])
        frames += count
        heard = (frames * 1000 // FPS + numbers.choice([0, 40, 200])) / 1000
        compute = numbers.randrange(20, 60 * count) / 1000
        works.append(Work(frames=count, heard_s=heard, compute_s=compute))
    return works


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("delay_ms", [0, 130])
def test_what_a_viewer_sees(seed: int, delay_ms: int) -> None:
    works = drawn(seed)
    shown, stalls, stalled = by_steps(works, delay_ms)
    seen = play(simulate(works, FPS), delay_ms / 1000)
    assert [round(1000 * at) for at in seen.shown_s] == pytest.approx(shown, abs=2)
    assert seen.stalls == stalls
    assert 1000 * seen.stalled_s == pytest.approx(stalled, abs=2)
    late = [at - 1000 * index / FPS for index, at in enumerate(shown)]
    assert [1000 * at for at in seen.lip_delay_s] == pytest.approx(late, abs=2)


@pytest.mark.parametrize("seed", range(12))
def test_smallest_buffer(seed: int) -> None:
    """With it nothing stalls; with 2 ms less something does."""
    timeline = simulate(drawn(seed), FPS)
    least = smoothest_delay_s(timeline)
    assert play(timeline, least).stalls == 0
    if least > 0.002:
        assert play(timeline, least - 0.002).stalls > 0


def test_some_of_the_drawn_calls_stall() -> None:
    assert sum(play(simulate(drawn(seed), FPS)).stalls > 0 for seed in range(12)) >= 3


def test_a_slow_block_delays_those_behind_it() -> None:
    works = [Work(frames=10, heard_s=0.4 * n, compute_s=2.0 if n == 2 else 0.1) for n in range(1, 5)]
    assert [e.at_s for e in simulate(works, FPS).emissions] == pytest.approx([0.5, 2.8, 2.9, 3.0])


def test_nothing_to_show() -> None:
    with pytest.raises(ValueError, match="0 frames"):
        play(Timeline((), FPS))
    with pytest.raises(ValueError, match="start delay -1"):
        play(timeline_of([(1.0, 4)], FPS), -1)


LOG = [
    "loading ...",
    "[gen] block 0 done t=1.25s n=21",
    "something else t=9 n=",
    "[gen] block 1 done t=2.75s n=32",
]
PATTERN = r"done t=(?P<seconds>[0-9.]+)s n=(?P<frames>\d+)"


def test_a_programs_own_log_makes_a_timeline() -> None:
    blocks = block_lines(LOG, PATTERN)
    assert blocks == [(1.25, 21), (2.75, 32)]
    timeline = timeline_of(blocks, 20)
    assert [(e.first_frame, e.frames) for e in timeline.emissions] == [(0, 21), (21, 32)]
    # Frame 21 is due 1.05 s behind the first one, and comes after 1.5 s.
    assert play(timeline).stalled_s == pytest.approx(0.45)
    assert smoothest_delay_s(timeline) == pytest.approx(0.45)
    assert timeline.intervals() == pytest.approx([1.5])


@pytest.mark.parametrize(
    ("lines", "pattern", "said"),
    [
        (LOG, r"t=(?P<seconds>\d+", "no regular expression"),
        (LOG, r"t=(?P<seconds>[0-9.]+)", "lacks the group frames"),
        (["t=x n=1"], r"t=(?P<seconds>\w) n=(?P<frames>\d)", "expected numbers"),
        (["t=2 n=1", "t=1 n=1"], r"t=(?P<seconds>\d) n=(?P<frames>\d)", "not before the last one"),
        (["t=2 n=0"], r"t=(?P<seconds>\d) n=(?P<frames>\d)", "1 frame or more"),
        (["t=inf n=1"], r"t=(?P<seconds>\w+) n=(?P<frames>\d)", "a time that"),
    ],
)
def test_logs_that_make_no_sense(lines: list[str], pattern: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        block_lines(lines, pattern)
