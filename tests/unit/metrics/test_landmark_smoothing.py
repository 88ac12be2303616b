"""Alignment for Adj-LPIPS: smoothing with bounded look-ahead, the same in one go and in runs."""

from __future__ import annotations

import numpy as np
import pytest

from liveact_eval.clips.faces import TEMPLATE_112, similarity
from liveact_eval.metrics._csim import template_for
from liveact_eval.metrics._lpips import LandmarkSmoother, crop_matrices, per_second, smooth_landmarks

FPS = 25.0


def track(frames: int, jitter: float, seed: int = 0) -> np.ndarray:
    trembling = np.random.default_rng(seed).standard_normal((frames, 5, 2)) * jitter
    return TEMPLATE_112 * 2 + np.linspace(0, 30, frames)[:, None, None] + trembling


@pytest.mark.parametrize("runs", [[1] * 60, [7, 30, 1, 22], [60], [0, 60, 0]])
def test_runs_of_any_length_give_the_same(runs: list[int]) -> None:
    landmarks = track(60, 1.0)
    landmarks[20:25] = np.nan
    smoother = LandmarkSmoother(FPS)
    parts, start = [], 0
    for run in runs:
        parts.append(smoother.push(landmarks[start : start + run]))
        start += run
        assert start - sum(map(len, parts)) <= smoother.radius == 10
    parts.append(smoother.finish())
    np.testing.assert_allclose(np.concatenate(parts), smooth_landmarks(landmarks, FPS), atol=1e-12)


def test_jitter_goes_and_motion_stays() -> None:
    still, trembling = track(100, 0.0), track(100, 1.0)
    smooth = smooth_landmarks(trembling, FPS)
    inside = slice(10, 90)
    np.testing.assert_allclose(smooth_landmarks(still, FPS)[inside], still[inside], atol=1e-9)
    assert (smooth - still)[inside].std() < 0.35
    assert np.diff(smooth - still, axis=0)[inside].std() < 0.1


def test_gaps_are_filled_from_neighbours_where_there_are_any() -> None:
    landmarks = track(80, 0.0)
    landmarks[30:33] = np.nan
    landmarks[45:80] = np.nan
    smooth = smooth_landmarks(landmarks, FPS)
    assert len(smooth) == 80
    assert np.isfinite(smooth[:55]).all()
    assert np.isnan(smooth[55:]).all()
    matrices = crop_matrices(landmarks, FPS)
    assert np.isfinite(matrices[:55]).all()
    assert np.isnan(matrices[55:]).all()


def test_matrices_take_a_still_face_to_the_template_of_that_size() -> None:
    landmarks = np.broadcast_to(TEMPLATE_112 * 1.5 + 40, (30, 5, 2))
    np.testing.assert_allclose(
        crop_matrices(landmarks, FPS), similarity(landmarks.copy(), template_for(256)), atol=1e-9
    )


def test_nothing_in_nothing_out() -> None:
    assert len(LandmarkSmoother(FPS).finish()) == 0
    assert crop_matrices(np.zeros((0, 5, 2)), FPS).shape == (0, 2, 3)
    assert np.isnan(crop_matrices(np.full((3, 5, 2), np.nan), FPS)).all()


def test_distances_per_second_need_a_frame_rate() -> None:
    assert per_second(0.01, 25) == 0.25
    with pytest.raises(ValueError, match="positive and finite; got 0"):
        per_second(0.01, 0)
