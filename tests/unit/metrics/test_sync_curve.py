"""Lip-sync curves: sign, padding, runs, scores, the curve over time."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from liveact_eval.metrics._sync_curve import (
    DistanceStream,
    SyncScores,
    curve_scores,
    distances,
    framewise_confidence,
    mean_curve,
    over_time,
    scores,
    usable_windows,
)

Rows = NDArray[np.float32]


def planted(lag: int, windows: int = 80, width: int = 16) -> tuple[Rows, Rows]:
    """Embeddings whose sound comes `lag` windows earlier than the mouth."""
    noise = np.random.RandomState(5).standard_normal((windows + 60, width)).astype(np.float32)
    return noise[30 : 30 + windows], noise[30 + lag : 30 + lag + windows]


@pytest.mark.parametrize("lag", [-7, 0, 4])
def test_a_positive_offset_means_that_the_sound_comes_earlier(lag: int) -> None:
    made = scores(distances(*planted(lag)))
    assert made.offset == lag
    assert not made.at_edge
    assert made.windows == 80


@pytest.mark.parametrize(("lag", "at_edge"), [(13, False), (14, True), (-15, True)])
def test_an_offset_at_the_end_of_the_search_is_no_sync(lag: int, at_edge: bool) -> None:
    made = scores(distances(*planted(lag, windows=200)))
    assert (made.offset, made.at_edge) == (lag, at_edge)


def test_scores_are_read_off_the_curve() -> None:
    curve = np.arange(31, dtype=np.float64) + 10
    curve[20] = 2.0
    # The median is that of the changed curve: one value has moved from the upper to the lower half.
    assert curve_scores(curve, 25) == SyncScores(
        offset=-5, distance=2.0, confidence=22.0, distance_at_zero=25.0, windows=25
    )


def test_beyond_the_ends_the_sound_is_zero() -> None:
    ones = np.ones((4, 9), np.float32)
    table = distances(ones, ones)
    assert table[0, 15] == pytest.approx(3e-6)
    assert table[0, 14] == pytest.approx(3.0, abs=1e-4)
    assert table[0, 18] == pytest.approx(3e-6)
    assert table[0, 19] == pytest.approx(3.0, abs=1e-4)


@pytest.mark.parametrize("run", [1, 7, 30, 500])
def test_runs_of_any_length_give_the_same(run: int) -> None:
    video, audio = planted(2)
    stream, made = DistanceStream(), []
    for start in range(0, len(video), run):
        made.append(stream.push_video(video[start : start + run]))
        made.append(stream.push_audio(audio[start : start + run]))
    assert np.concatenate([*made, stream.finish()]) == pytest.approx(distances(video, audio), rel=1e-6)


def test_rows_come_before_the_end_and_nothing_more_is_held() -> None:
    video, audio = planted(0)
    stream = DistanceStream()
    stream.push_video(video[:40])
    assert len(stream.push_audio(audio[:40])) == 24
    assert stream._video is not None
    assert len(stream._video) == 16


def test_sound_and_pictures_beyond_the_clip_are_left_out() -> None:
    video, audio = planted(1)
    stream = DistanceStream()
    made = [stream.push_video(video[:50]), stream.push_audio(audio[:46]), stream.finish(45)]
    assert np.concatenate(made) == pytest.approx(distances(video[:45], audio[:45]), rel=1e-6)


def test_a_clip_that_ends_before_what_was_compared_is_an_error() -> None:
    video, audio = planted(1)
    stream = DistanceStream()
    stream.push_video(video[:50])
    stream.push_audio(audio[:46])
    with pytest.raises(ValueError, match="said to have 44 windows, but 46 have been given"):
        stream.finish(44)


def test_a_stream_without_sound_has_no_rows() -> None:
    stream = DistanceStream()
    stream.push_video(planted(0)[0])
    assert stream.finish().shape == (0, 31)


def test_embeddings_of_different_lengths_are_an_error() -> None:
    with pytest.raises(ValueError, match="differ in shape"):
        distances(np.zeros((4, 8), np.float32), np.zeros((5, 8), np.float32))
    with pytest.raises(ValueError, match="without windows"):
        scores(np.zeros((0, 31), np.float32))


def test_five_windows_fewer_than_frames_with_sound() -> None:
    assert usable_windows(50, 32_000) == 45
    assert usable_windows(60, 32_639) == 45
    assert usable_windows(60, 38_400) == 55
    assert usable_windows(3, 38_400) == 0


def test_short_clips_say_so() -> None:
    curve = np.linspace(1, 2, 31)
    assert curve_scores(curve, 249).short
    assert not curve_scores(curve, 250).short


def test_the_curve_over_time_has_whole_stretches_only() -> None:
    table = distances(*planted(3, windows=260))
    stretches = over_time(table)
    # 5 s are 125 windows and begin at 0, 62 (2.5 s are 62.5 frames) and 125; the next would end at 312.
    assert len(stretches) == 3
    assert [stretch.offset for stretch in stretches] == [3, 3, 3]
    assert stretches[1].distance == pytest.approx(float(table[62:187, 12].mean()), rel=1e-5)
    assert over_time(table[:124]) == []


def test_confidence_per_frame_is_filtered_over_nine() -> None:
    table = distances(*planted(0))
    table[40] += 100
    curve = mean_curve(table)
    made = framewise_confidence(table)
    assert made.shape == (80,)
    assert made[40] > 0
    gain = np.median(curve) - table[:, 15]
    assert made[20] == pytest.approx(float(np.median(gain[16:25])))
