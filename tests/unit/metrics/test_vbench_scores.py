"""Leaderboards and headline numbers of VBench; long videos."""

from __future__ import annotations

import numpy as np
import pytest

from liveact_eval.metrics import _vbench_scores as scores
from liveact_eval.metrics._vbench_consistency import consistency
from liveact_eval.metrics._vbench_long import (
    LongConsistency,
    LongConsistencyRun,
    clip_frames,
    clip_means,
    clips,
    onto_in_clip_scale,
)
from liveact_eval.metrics._vbench_long_tables import BACKGROUND, SUBJECT

RAW = {
    "subject_consistency": 0.98,
    "background_consistency": 0.97,
    "temporal_flickering": 0.985,
    "motion_smoothness": 0.994,
    "dynamic_degree": 0.0,
    "aesthetic_quality": 0.6,
    "imaging_quality": 0.7,
}


@pytest.mark.parametrize("missing", ["dynamic_degree", "imaging_quality"])
def test_a_missing_dimension_makes_its_groups_missing(missing: str) -> None:
    for raw in ({**RAW, missing: None}, {key: value for key, value in RAW.items() if key != missing}):
        board = scores.leaderboard(raw)
        assert board.quality is None and board.total is None
        assert missing not in board.weighted


def test_boards_of_text_and_image_to_video() -> None:
    board = scores.leaderboard(RAW)
    assert (board.alignment, board.total) == (None, None)
    assert board.weighted["dynamic_degree"] == 0.0
    everything = {**RAW, **dict.fromkeys(scores.I2V_ALIGNMENT, 1.0)}
    image = scores.i2v_leaderboard(everything)
    assert image.alignment == pytest.approx(1.0)
    assert image.quality is not None
    assert image.total == pytest.approx((image.quality + 1) / 2)
    without = {key: value for key, value in RAW.items() if key != "temporal_flickering"}
    assert scores.i2v_leaderboard(without).quality == image.quality


def test_clips_of_scenes() -> None:
    assert clip_frames(25) == 50
    assert clip_frames(29.97) == 58
    assert clips([range(0, 10)], 5) == [range(0, 5), range(5, 10)]
    # The last clip reaches back, a short scene is one clip.
    assert clips([range(0, 12), range(12, 15)], 5) == [
        range(0, 5), range(5, 10), range(7, 12), range(12, 15),
    ]  # fmt: skip
    means = clip_means(np.arange(12.0), clips([range(0, 12)], 5))
    assert means.tolist() == [2.0, 7.0, 9.0]


@pytest.mark.parametrize("count", [2, 7, 8, 20, 23])
@pytest.mark.parametrize("step", [1, 3, 100])
def test_a_long_video_in_pieces(count: int, step: int) -> None:
    features = np.random.RandomState(count).standard_normal((count, 8)) + 1
    run = LongConsistencyRun(7)
    for start in range(0, count, step):
        run.push(features[start : start + step])
    found = run.finish()
    spans = clips([range(count)], 7)
    by_hand = [consistency(features[span.start : span.stop])[0].mean() for span in spans]
    np.testing.assert_allclose(found.in_clip, by_hand)
    firsts = consistency(features[[span.start for span in spans]])[0]
    assert found.clip_to_clip == (pytest.approx(firsts.mean()) if len(spans) > 1 else None)
    assert len(run._held) == 0


def test_a_single_frame_is_no_video() -> None:
    run = LongConsistencyRun(7)
    run.push(np.ones((1, 4)))
    with pytest.raises(ValueError, match="fewer than two frames"):
        run.finish()


def test_both_scores_are_averaged_on_one_scale() -> None:
    long = LongConsistency(in_clip=np.array([0.9, 1.0]), clip_to_clip=0.505)
    mapped = (SUBJECT[50] + SUBJECT[51]) / 2
    assert long.fused(SUBJECT) == pytest.approx((0.95 + mapped) / 2)
    assert long.fused(SUBJECT, in_clip_weight=0.7) == pytest.approx(0.7 * 0.95 + 0.3 * mapped)
    assert LongConsistency(in_clip=np.array([0.9]), clip_to_clip=None).fused(SUBJECT) == 0.9
    assert LongConsistency(in_clip=np.array([0.9]), clip_to_clip=0.0).fused(SUBJECT) == 0.9


@pytest.mark.parametrize("table", [SUBJECT, BACKGROUND])
def test_tables_rise_from_zero_to_one(table: tuple[float, ...]) -> None:
    assert len(table) == 101
    assert (table[0], table[-1]) == (0.0, 1.0)
    assert list(table) == sorted(set(table))
    assert onto_in_clip_scale(0.3, table) == pytest.approx(table[30])
