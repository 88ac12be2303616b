"""Printed blocks: what is read of them, and what follows from known times."""

from __future__ import annotations

import json
from typing import Any

import pytest

from liveact_eval.efficiency.printed import (
    ALL_WARM_UP,
    NO_FRAMES,
    NO_LINES,
    NO_SHOWN_FRAMES,
    NO_STATED_BLOCKS,
    SHARED,
    PrintedVideo,
    printed_video,
)
from liveact_eval.efficiency.printed_figures import LATENCIES, PRINTED_FIGURES, first_frame_s, printed_values
from tests.unit.efficiency.printing_program import BLOCKS

Blocks = list[list[float | int | None]]


def details(blocks: Blocks, warm_up: int = 1, **more: Any) -> dict[str, Any]:
    """What the adapter leaves of a video."""
    known = {
        "blocks": json.dumps(blocks),
        "warm_up_blocks": warm_up,
        "program_fps": 25.0,
        "program_frames": 50,
    }
    return known | {"clips_in_process": 1} | more


def video(blocks: Blocks | None = None, warm_up: int = 1, **more: Any) -> PrintedVideo:
    found = printed_video(details([list(b) for b in BLOCKS] if blocks is None else blocks, warm_up, **more))
    assert isinstance(found, PrintedVideo)
    return found


def test_known_blocks_give_known_figures() -> None:
    """Blocks of 0.4, 0.2, 0.9 and 0.3 s last 0.4 s each: the third comes 0.3 s late, and all after it."""
    found = printed_values([video()], None)
    assert set(found) == set(PRINTED_FIGURES)
    assert found == pytest.approx(
        {
            "fps_sustained": 40 / 1.8,
            "frame_ms": 45.0,
            "real_time_factor": 1.125,
            "ttff_ms": 400.0,
            "block_p50_ms": 300.0,
            "block_p95_ms": 900.0,
            "block_p99_ms": 900.0,
            "tail_ms": 600.0,
            "deadline_misses": 1.0,
            "deadline_miss_share": 0.25,
            "stalls": 1.0,
            "stalled_ms": 300.0,
            "buffer_ms": 300.0,
            "lip_delay_p95_ms": 700.0,
        }
    )


def test_deadlines_are_those_of_the_target() -> None:
    assert printed_values([video()], 40.0)["deadline_misses"] == 3.0
    assert printed_values([video()], 10.0)["deadline_misses"] == 0.0


def test_several_videos_are_one_lot_of_blocks() -> None:
    """Stalls and misses are counted over all, the buffer is the largest, the first frame a mean."""
    steady: Blocks = [[0.1, 10]] * 6
    quick = video([[9.0, 10], *steady])
    found = printed_values([video(), quick], None)
    assert found["stalls"] == found["deadline_misses"] == 1.0
    assert found["deadline_miss_share"] == pytest.approx(0.1)
    assert found["ttff_ms"] == pytest.approx(250.0)
    assert found["block_p50_ms"] == pytest.approx(100.0)
    assert found["block_p95_ms"] == pytest.approx(900.0)
    assert found["buffer_ms"] == pytest.approx(300.0)
    assert found["fps_sustained"] == pytest.approx(100 / 2.4)


def test_a_cut_last_block_is_played_and_not_steady() -> None:
    cut = video([[9.0, 10], [0.4, 10], [0.4, 10], [5.0, 1]])
    found = printed_values([cut], None)
    assert found["block_p99_ms"] == pytest.approx(400.0)
    assert (found["deadline_misses"], found["stalls"]) == (0.0, 1.0)
    assert found["stalled_ms"] == pytest.approx(1000 * (5.0 - 0.4))


def test_a_line_about_the_first_frame_goes_before_the_first_block() -> None:
    assert first_frame_s(video(first_frame_s=7.5)) == 7.5
    assert first_frame_s(video(first_frame_s="soon")) == 0.4
    assert printed_values([video(first_frame_s=7.5)], None)["ttff_ms"] == 7500.0


def test_frames_that_are_not_said_leave_the_times() -> None:
    found = printed_values([video([[9.0, 10], [0.4, 10], [0.2, None]])], None)
    known = {name for name, value in found.items() if not isinstance(value, str)}
    assert known == {"ttff_ms", *LATENCIES}
    assert {value for value in found.values() if isinstance(value, str)} == {NO_FRAMES}


@pytest.mark.parametrize(
    ("blocks", "warm_up", "reason"),
    [([[1.0, 10]], 1, ALL_WARM_UP), ([[1.0, 10], [1.0, 0]], 1, NO_SHOWN_FRAMES)],
)
def test_nothing_steady_is_no_figure(blocks: Blocks, warm_up: int, reason: str) -> None:
    found = printed_values([video(blocks, warm_up)], None)
    assert found["stalls"] == found["fps_sustained"] == reason


def test_blocks_that_took_no_time_have_no_rate() -> None:
    found = printed_values([video([[1.0, 10], [0.0, 10], [0.0, 10]])], None)
    assert "no time has passed" in str(found["fps_sustained"])
    assert found["stalls"] == 0.0


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"clips_in_process": 1}, NO_LINES),
        ({"clips_in_process": 3}, SHARED),
        ({"starts": 1}, NO_STATED_BLOCKS),
    ],
)
def test_no_blocks_have_a_reason(given: dict[str, Any], reason: str) -> None:
    assert printed_video(given | {"program_frames": 50}) == reason
