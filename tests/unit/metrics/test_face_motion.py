"""Landmark statistics on faces whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from liveact_eval.metrics import _landmarks
from liveact_eval.metrics._face_motion import (
    blinks_of,
    head_motion,
    silent_frames,
    silent_lips,
)
from liveact_eval.metrics._landmarks import (
    IBUG_68,
    MEDIAPIPE_478,
    Scheme,
    eye_distance,
    eye_opening,
    face_distance,
    head_pose,
    lip_distance,
    mouth_opening,
)
from liveact_eval.metrics.base import Missing

FPS = 25.0
RATE = 16000


def face(frames: int, scheme: Scheme = IBUG_68, opening: float | np.ndarray = 0.1) -> np.ndarray:
    """A face with an eye distance of 100 pixels and a mouth opened by a share of it; other points are scattered."""
    points = np.random.default_rng(0).uniform(0, 200, (1, scheme.points, 2)).repeat(frames, axis=0)
    points[:, scheme.rigid[2]], points[:, scheme.rigid[3]] = (50, 60), (150, 60)
    for upper, lower in scheme.inner_lips:
        points[:, upper] = (100, 140)
        points[:, lower] = points[:, upper] + np.stack(
            [np.zeros(frames), 100 * opening * np.ones(frames)], axis=1
        )
    return points


@pytest.mark.parametrize("scheme", [IBUG_68, MEDIAPIPE_478])
def test_schemes_are_consistent(scheme: Scheme) -> None:
    eyes = {*scheme.left_eye, *scheme.right_eye}
    assert len(eyes) == 12
    assert len(set(scheme.lips)) == len(scheme.lips)
    assert {point for pair in scheme.inner_lips for point in pair} <= set(scheme.lips)
    assert max(*scheme.lips, *eyes, *scheme.rigid) < scheme.points
    assert scheme.rigid[2] == scheme.left_eye[0]
    assert scheme.rigid[3] == scheme.right_eye[3]


@pytest.mark.parametrize("scheme", [IBUG_68, MEDIAPIPE_478])
def test_openings_are_shares_of_the_face(scheme: Scheme) -> None:
    points = face(3, scheme, np.array([0.0, 0.1, 0.25]))
    np.testing.assert_allclose(eye_distance(points, scheme), 100)
    np.testing.assert_allclose(mouth_opening(points, scheme), [0, 0.1, 0.25])
    np.testing.assert_allclose(mouth_opening(points * 3 + 7, scheme), [0, 0.1, 0.25])
    points[1] = np.nan
    assert np.isnan(mouth_opening(points, scheme)).tolist() == [False, True, False]
    for p1, p2, p3, p4, p5, p6 in (scheme.left_eye, scheme.right_eye):
        points[:, [p1, p2, p3, p4, p5, p6]] = [(0, 0), (10, -4), (20, -4), (30, 0), (20, 5), (10, 5)]
    np.testing.assert_allclose(eye_opening(points, scheme), 0.3)


def test_lip_distance_does_not_see_where_the_head_is() -> None:
    real = face(4)
    moved = real + np.array([30.0, -12.0])
    np.testing.assert_allclose(lip_distance(moved, real, IBUG_68), np.zeros((2, 4)), atol=1e-9)
    wider = real.copy()
    lips = np.array(IBUG_68.lips)
    wider[:, lips, 0] = real[:, lips, 0] * 1.1
    pixels, share = lip_distance(wider, real, IBUG_68)
    centred = real[:, lips, 0] - real[:, lips, 0].mean(axis=1, keepdims=True)
    np.testing.assert_allclose(pixels, 0.1 * np.abs(centred).mean(axis=1))
    np.testing.assert_allclose(share, pixels / 100)


def test_face_distance_is_that_of_all_points_about_their_middle() -> None:
    real = face(4)
    np.testing.assert_allclose(face_distance(real + np.array([5.0, 9.0]), real, IBUG_68), 0, atol=1e-12)
    centred = real - real.mean(axis=1, keepdims=True)
    expected = 0.2 * np.linalg.norm(centred, axis=2).mean(axis=1) / 100
    np.testing.assert_allclose(face_distance(real * 1.2, real, IBUG_68), expected)


def turned(yaw: float, pitch: float, roll: float, scale: float = 0.3) -> np.ndarray:
    """Landmarks of the generic head turned by these angles, nodding first and leaning last."""
    y, p, r = np.radians([yaw, pitch, roll])
    turn = np.array([[np.cos(y), 0, -np.sin(y)], [0, 1, 0], [np.sin(y), 0, np.cos(y)]])
    nod = np.array([[1, 0, 0], [0, np.cos(p), -np.sin(p)], [0, np.sin(p), np.cos(p)]])
    lean = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    points = np.zeros((1, 68, 2))
    points[0, list(IBUG_68.rigid)] = scale * (_landmarks._HEAD @ (lean @ turn @ nod).T)[:, :2] + 200
    return points


@pytest.mark.parametrize(
    "angles", [(0, 0, 0), (20, 0, 0), (-35, 0, 0), (0, 15, 0), (0, -10, 0), (0, 0, 12), (0, 0, -40)]
)
@pytest.mark.parametrize("scale", [0.05, 2.0])
def test_poses_are_found_whatever_the_size(angles: tuple[float, float, float], scale: float) -> None:
    np.testing.assert_allclose(head_pose(turned(*angles, scale), IBUG_68)[0], angles, atol=1e-6)


def test_head_motion_leaves_frames_without_a_face_out() -> None:
    yaws = np.tile([0.0, 2.0], 20)
    points = np.concatenate([turned(yaw, 0, 0) for yaw in yaws])
    points[11] = np.nan
    pose = head_pose(points, IBUG_68)
    motion = head_motion(pose, FPS)
    assert motion.speed_deg_s == pytest.approx(2 * FPS)
    assert not isinstance(motion.deviation_deg, Missing)
    assert motion.deviation_deg == pytest.approx((1, 0, 0), abs=1e-2)
    assert motion.range_deg == pytest.approx((2, 0, 0), abs=1e-2)
    # One frame that is thrown far off does not make a range.
    pose[20] = 80
    assert head_motion(pose, FPS).range_deg == pytest.approx((2, 0, 0), abs=1e-2)
    short = head_motion(pose[:20], FPS)
    assert short.speed_deg_s == Missing("too_short", "0.76 s with a face; 1 s are needed")


def power(samples: np.ndarray) -> np.ndarray:
    return np.asarray((samples / 32768) ** 2)


def test_silence_is_found_with_a_margin() -> None:
    samples = np.zeros(4 * RATE, np.int16)
    tone = (8000 * np.sin(np.arange(RATE) * 0.2)).astype(np.int16)
    samples[:RATE], samples[3 * RATE :] = tone, tone
    samples += np.random.default_rng(0).integers(-3, 4, len(samples)).astype(np.int16)
    silent = silent_frames(power(samples), RATE, FPS, 100)
    assert np.flatnonzero(silent).tolist() == list(range(30, 70))
    # Steps of 10 ms say the same as samples.
    steps = power(samples).reshape(-1, 160).mean(axis=1)
    assert (silent_frames(steps, 100, FPS, 100) == silent).all()
    # Beyond the end of the sound there is silence; without any sound everything is silent.
    assert silent_frames(power(tone), RATE, FPS, 50)[30:].all()
    assert silent_frames(np.zeros(0), RATE, FPS, 10).all()
    assert silent_frames(power(samples), RATE, FPS, 0).shape == (0,)


def test_lips_are_judged_within_each_silence() -> None:
    silent = np.zeros(100, bool)
    silent[10:40] = silent[60:90] = True
    # Each silence is perfectly still, at an opening of its own; speech in between does not count.
    opening = np.where(np.arange(100) < 50, 0.05, 0.15) + np.where(silent, 0, 0.3)
    lips = silent_lips(opening, silent, FPS)
    assert lips.deviation == pytest.approx(0, abs=1e-9)
    assert lips.opening == pytest.approx(0.1)
    assert lips.frames == 60
    opening[10:40] += np.tile([0.01, -0.01], 15)
    lips = silent_lips(opening, silent, FPS)
    assert lips.deviation == pytest.approx(0.01 * np.sqrt(0.5))
    opening[10:35] = np.nan
    assert silent_lips(opening, silent, FPS).frames == 35
    none = silent_lips(opening, np.zeros(100, bool), FPS)
    assert none.deviation == Missing("no_silence", "0.00 s of silence with a face; 0.5 s are needed")


def test_blinks_are_short_and_whole() -> None:
    opening = np.full(500, 0.3)
    for start, stop in ((0, 4), (50, 54), (100, 106), (200, 260), (300, 303), (497, 500)):
        opening[start:stop] = 0.1
    # Those at both ends are cut off, one is too long for a blink, and one is lost from sight as the eyes shut.
    opening[303:310] = np.nan
    found = blinks_of(opening, FPS)
    assert found.count == 2
    assert found.mean_length_s == pytest.approx(5 / FPS)
    assert found.per_minute == pytest.approx(2 * 60 * FPS / 493)
    staring = blinks_of(np.full(125, 0.3), FPS)
    assert staring.per_minute == 0
    assert isinstance(staring.mean_length_s, Missing)
    assert blinks_of(np.full(124, 0.3), FPS).per_minute == Missing(
        "too_short", "4.96 s with a face; 5 s are needed"
    )
    assert blinks_of(np.full(500, np.nan), FPS).per_minute == Missing("no_face", "no face in any frame")
