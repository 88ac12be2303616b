from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from liveact_eval.datasets.talkers import (
    MOUTH_DARK_LUMA,
    MOUTH_INTERIOR_RGB,
    Block,
    TalkerSpec,
    draw_specs,
)
from liveact_eval.datasets.talkers.identity import draw_identity
from liveact_eval.datasets.talkers.shapes import Canvas, ellipse
from liveact_eval.datasets.talkers.stream import render_window

Clips = list[tuple[TalkerSpec, Block]]
LUMA = np.array([0.299, 0.587, 0.114])


def luma(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    result: npt.NDArray[np.float64] = pixels.astype(np.float64) @ LUMA
    return result


def dark_pixels(clip: Block) -> npt.NDArray[np.int64]:
    """Number of pixels of each mouth box that are as dark as an open mouth."""
    counts = []
    for frame, box in zip(clip.frames, np.rint(clip.truth.mouth_box).astype(int), strict=True):
        x0, y0, x1, y1 = box
        counts.append(int((luma(frame[y0:y1, x0:x1]) < MOUTH_DARK_LUMA).sum()))
    return np.array(counts)


def around(
    frame: npt.NDArray[np.uint8], point: npt.NDArray[np.float64], radius: float
) -> npt.NDArray[np.uint8]:
    """Pixels of the square around a landmark."""
    x0, y0 = np.maximum(np.floor(point - radius), 0).astype(int)
    x1, y1 = np.ceil(point + radius).astype(int)
    return frame[y0:y1, x0:x1].reshape(-1, 3)


def silent(spec: TalkerSpec) -> Block:
    """The whole clip without its sound, which takes as long as the pictures."""
    return render_window(spec, range(spec.frames), sound=False)


def plain(speaker: int, **changes: object) -> Block:
    return silent(TalkerSpec(split="test", speaker=speaker, utterance=0, **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [64, 128])
def test_dark_area_of_the_mouth_follows_the_script(size: int, clips: Clips, large_clips: Clips) -> None:
    for spec, clip in clips if size == 64 else large_clips:
        dark, truth = dark_pixels(clip), clip.truth
        assert np.corrcoef(dark, truth.mouth_opening)[0, 1] > 0.9, spec.clip_id
        assert dark[truth.mouth_opening < 0.01].max() == 0, spec.clip_id


def test_nothing_else_in_the_mouth_box_is_as_dark() -> None:
    for spec in draw_specs("train", 40, speakers=40, seconds=0.2):
        clip = silent(spec)
        shut = clip.truth.mouth_opening < 0.01
        assert dark_pixels(clip)[shut].max() == 0, spec.prompt


def test_an_open_mouth_shows_the_interior_colour(large_clips: Clips) -> None:
    for _, clip in large_clips:
        widest = int(np.argmax(clip.truth.mouth_opening))
        x0, y0, x1, y1 = np.rint(clip.truth.mouth_box[widest]).astype(int)
        distance = np.abs(clip.frames[widest, y0:y1, x0:x1].astype(int) - MOUTH_INTERIOR_RGB).max(axis=-1)
        assert (distance <= 1).sum() > 20


def test_mouth_box_contains_the_mouth(clips: Clips) -> None:
    for _, clip in clips:
        box, corners = clip.truth.mouth_box, clip.truth.landmarks[:, 3:]
        assert np.all(corners > box[:, None, :2])
        assert np.all(corners < box[:, None, 2:])
        assert np.all(box[:, 3] - box[:, 1] > clip.truth.mouth_opening_px)


def test_eyes_are_where_the_landmarks_say(large_clips: Clips) -> None:
    for _, clip in large_clips:
        frame = int(np.argmin(clip.truth.blink))
        for eye in clip.truth.landmarks[frame, :2]:
            values = luma(around(clip.frames[frame], eye, 6.0))
            assert values.min() < 60
            assert values.max() > 215
            # The pupil is at the landmark, up to the direction of the gaze.
            assert luma(around(clip.frames[frame], eye, 3.0)).min() < 70


def test_mouth_corners_are_between_lip_and_cheek(large_clips: Clips) -> None:
    for _, clip in large_clips:
        shut = int(np.argmin(clip.truth.mouth_opening))
        left, right = clip.truth.landmarks[shut, 3:]
        middle = (left + right) / 2
        inside = around(clip.frames[shut], middle, 2.0).astype(float)
        outside = around(clip.frames[shut], right + (right - left) * 0.25, 1.0).astype(float)
        redness = [float((p[:, 0] - p[:, 1]).mean()) for p in (inside, outside)]
        assert redness[0] > redness[1] + 10


def test_landmarks_are_in_the_face_and_in_order(clips: Clips) -> None:
    for _, clip in clips:
        points, box = clip.truth.landmarks, clip.truth.face_box
        assert np.all(points > box[:, None, :2] - 1)
        assert np.all(points < box[:, None, 2:] + 1)
        assert np.all(points[:, 0, 0] < points[:, 1, 0])
        assert np.all(points[:, 3, 0] < points[:, 4, 0])
        assert np.all(points[:, :2, 1].max(axis=1) < points[:, 2, 1])
        assert np.all(points[:, 2, 1] < points[:, 3:, 1].min(axis=1))


def test_blinks_happen_and_hide_the_eyes() -> None:
    clip = plain(0, size=128)
    blink = clip.truth.blink
    assert blink.min() == 0
    assert blink.max() > 0.8
    shut, open_ = int(np.argmax(blink)), int(np.argmin(blink))
    for side in (0, 1):
        white = [
            (luma(around(clip.frames[k], clip.truth.landmarks[k, side], 7.0)) > 225).sum()
            for k in (shut, open_)
        ]
        assert white[0] < 0.5 * white[1]


def test_nod_moves_the_pitch_and_shake_the_yaw() -> None:
    spread = {
        action: plain(2, action=action, size=32).truth.pose.std(axis=0) for action in ("none", "nod", "shake")
    }
    yaw, pitch = 3, 4
    assert spread["nod"][pitch] > 2 * spread["none"][pitch]
    assert spread["shake"][yaw] > 1.3 * spread["none"][yaw]
    assert spread["shake"][pitch] == pytest.approx(spread["none"][pitch])


def test_wave_shows_a_hand_in_the_lower_part_only() -> None:
    still, waving = plain(2, action="none"), plain(2, action="wave")
    changed = (still.frames != waving.frames).any(axis=-1)
    assert not changed[:, :32].any()
    assert changed[:, 32:, 32:].sum(axis=(1, 2)).max() > 60
    assert not changed[0].any()
    for frame, box in enumerate(np.rint(still.truth.mouth_box).astype(int)):
        x0, y0, x1, y1 = box
        assert not changed[frame, y0:y1, x0:x1].any()


def test_emotions_change_the_face_and_the_corners_of_the_mouth() -> None:
    emotions = ("neutral", "happy", "sad", "angry", "surprised")
    clips = {emotion: plain(4, emotion=emotion) for emotion in emotions}
    frames = [clip.frames.tobytes() for clip in clips.values()]
    assert len(set(frames)) == 5
    corner = {emotion: float(clip.truth.landmarks[:, 3:, 1].mean()) for emotion, clip in clips.items()}
    assert corner["happy"] < corner["neutral"] - 0.5 < corner["sad"] - 1.0


def test_frames_change_from_one_to_the_next(clips: Clips) -> None:
    for _, clip in clips:
        moved = np.abs(np.diff(clip.frames.astype(int), axis=0)).reshape(124, -1).max(axis=1)
        assert moved.min() > 0


def test_edges_are_anti_aliased() -> None:
    canvas = Canvas(np.zeros((3, 64, 64), dtype=np.float32), 1)
    patch = canvas.patch((-0.6, -0.6, 0.6, 0.6))
    canvas.paint(patch, canvas.fill(ellipse(patch.x, patch.y, 0.5, 0.5)), (1.0, 1.0, 1.0))
    disc = canvas.to_uint8()[0, :, :, 0].astype(float)
    between = (disc > 10) & (disc < 245)
    assert 60 < between.sum() < 200
    assert disc.sum() / 255 == pytest.approx(np.pi * 16**2, rel=0.005)


def test_a_band_has_its_exact_area_however_thin() -> None:
    canvas = Canvas(np.zeros((3, 64, 64), dtype=np.float32), 1)
    patch = canvas.patch((-1, -1, 1, 1))
    zero = np.zeros_like(patch.y)
    for height in (0.0, 0.004, 0.05):
        cover = canvas.band(patch.y, zero, zero + np.float32(height))
        assert cover.sum() == pytest.approx(64 * height * 32, abs=1e-3)


@pytest.mark.parametrize("size", [32, 50, 96])
def test_any_size_is_drawn(size: int) -> None:
    clip = plain(1, size=size, seconds=0.4)
    assert clip.frames.shape == (10, size, size, 3)
    assert clip.frames.std() > 20


def test_sizes_show_the_same_picture() -> None:
    small, large = plain(3, size=64, seconds=0.4), plain(3, size=128, seconds=0.4)
    halved = large.frames.reshape(10, 64, 2, 64, 2, 3).mean(axis=(2, 4))
    assert np.abs(halved - small.frames).mean() < 3
    assert np.allclose(large.truth.landmarks, 2 * small.truth.landmarks)


def test_colours_are_plausible() -> None:
    for speaker in range(100):
        look = draw_identity("test", speaker)
        red, green, blue = look.skin
        assert red > green > blue > 0.2
