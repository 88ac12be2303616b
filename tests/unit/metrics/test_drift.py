"""Drift of curves: last window, slope, the change point and its significance."""

from __future__ import annotations

import numpy as np
import pytest

from liveact_eval.metrics._change_point import block_means, find_change
from liveact_eval.metrics._drift import drift_of, last_window
from liveact_eval.metrics.base import Missing

FPS = 25.0


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(round(seconds * FPS))


@pytest.mark.parametrize(
    ("frames", "expected"), [(1, 1), (3, 1), (40, 10), (999, 249), (1000, 250), (5000, 250)]
)
def test_the_last_window_is_ten_seconds_or_a_quarter(frames: int, expected: int) -> None:
    assert last_window(frames, FPS) == expected


def test_total_last_and_slope() -> None:
    minutes = np.arange(3000) / (FPS * 60)
    found = drift_of(2 + 0.5 * minutes, FPS)
    assert found.total == pytest.approx(2 + 0.5 * minutes.mean())
    assert found.last == pytest.approx(2 + 0.5 * minutes[-250:].mean())
    assert found.slope_per_minute == pytest.approx(0.5)
    assert (found.measured, found.frames) == (3000, 3000)


def test_frames_without_a_value_are_counted_and_left_out() -> None:
    curve = np.arange(100.0)
    curve[::2] = np.nan
    found = drift_of(curve, FPS)
    assert found.total == 50.0
    assert found.last == pytest.approx(np.nanmean(curve[-25:]))
    assert found.slope_per_minute == pytest.approx(FPS * 60)
    assert found.measured == 50
    curve[-25:] = np.nan
    found = drift_of(curve, FPS)
    assert found.last == Missing("not_measured_at_the_end", "no value in the last 1.0 s")
    assert found.total == 37.0


def test_no_value_at_all_and_too_short_clips_have_reasons() -> None:
    nothing = drift_of(np.full(50, np.nan), FPS)
    assert nothing.total == nothing.last == Missing("not_measured", "none of 50 frames has a value")
    assert nothing.change is None
    assert isinstance(drift_of(np.zeros(0), FPS).total, Missing)
    short = drift_of(np.ones(5), FPS)
    assert short.total == 1.0
    assert isinstance(short.slope_per_minute, Missing)


def test_the_window_follows_the_clip_where_the_curve_lacks_the_first_frame() -> None:
    curve = np.arange(39.0)
    assert drift_of(curve, FPS, frames=40).last == pytest.approx(curve[-10:].mean())
    assert drift_of(curve, FPS).last == pytest.approx(curve[-9:].mean())


def test_a_step_is_found_where_it_is() -> None:
    curve = noise(120)
    curve[round(70 * FPS) :] += 1.0
    found = find_change(curve, FPS)
    assert found is not None
    assert found.at_s == pytest.approx(70, abs=1.5)
    assert found.after - found.before == pytest.approx(1, abs=0.2)
    assert found.p_value == 0.001


def test_noise_has_no_significant_change_and_false_alarms_are_as_rare_as_stated() -> None:
    p_values = [find_change(noise(30, seed), FPS, orders=99) for seed in range(60)]
    alarms = sum(found is not None and found.p_value <= 0.05 for found in p_values)
    assert alarms <= 8


def test_the_same_seed_gives_the_same_p_value() -> None:
    curve = noise(40, 5)
    assert find_change(curve, FPS, seed=3) == find_change(curve, FPS, seed=3)


def test_a_constant_curve_has_no_change_and_short_ones_are_not_judged() -> None:
    flat = find_change(np.full(500, 0.25), FPS)
    assert flat is not None
    assert flat.p_value == 1.0
    assert flat.before == flat.after
    assert find_change(np.arange(7.0), FPS) is None
    assert find_change(np.zeros(0), FPS) is None


def test_blocks_last_a_second_and_short_clips_have_twenty() -> None:
    means, starts = block_means(np.arange(60 * FPS), FPS)
    assert len(means) == 60
    assert starts[1] == 1.0
    assert means[0] == 12.0
    means, starts = block_means(np.arange(100.0), FPS)
    assert len(means) == 20
    gap = np.arange(100.0)
    gap[5:10] = np.nan
    assert np.isnan(block_means(gap, FPS)[0]).tolist() == [False, True] + 18 * [False]
