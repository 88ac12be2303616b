"""Derived streams: made once, with the colours and geometry that they promise."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from liveact_eval.clips.faces import TEMPLATE_112, FaceTrack
from liveact_eval.measure import streams
from liveact_eval.measure.needs import FrameNeed
from liveact_eval.measure.streams import DerivedStreams, StreamKey, _warp
from liveact_eval.metrics._lpips import crop_matrices
from tests.helpers import Pixels, moving_square

RANDOM = np.random.RandomState(0)


@pytest.fixture
def frames() -> Pixels:
    return RANDOM.randint(0, 256, (3, 48, 64, 3)).astype(np.uint8)


def track(count: int, box: tuple[float, float, float, float]) -> FaceTrack:
    boxes = np.tile(np.array(box, np.float32), (count, 1))
    landmarks = np.tile(TEMPLATE_112.astype(np.float32), (count, 1, 1))
    return FaceTrack(boxes=boxes, mouth_boxes=boxes, landmarks=landmarks, source="test")


def test_luma_is_bt601(frames: Pixels) -> None:
    made = DerivedStreams(frames, 0, None).get(StreamKey("luma", "frame", None))
    expected = frames.astype(np.float64) @ [0.299, 0.587, 0.114]
    assert made.dtype == torch.float32
    assert np.abs(made.numpy() - expected).max() < 1e-4


def test_the_whole_picture_is_not_copied(frames: Pixels) -> None:
    made = DerivedStreams(frames, 0, None).get(StreamKey("rgb", "frame", None))
    assert made.dtype == torch.uint8
    assert np.shares_memory(made.numpy(), frames)


def test_each_stream_is_made_once(frames: Pixels, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    def counted(name: str) -> Any:
        original = getattr(streams, name)

        def call(*arguments: Any) -> Any:
            calls.append(name)
            return original(*arguments)

        return call

    for name in ("_luma", "_resize", "_warp"):
        monkeypatch.setattr(streams, name, counted(name))
    derived = DerivedStreams(frames, 0, track(3, (8, 8, 24, 20)))
    small, face = StreamKey("rgb", "frame", (16, 16)), StreamKey("rgb", "face", (112, 112))
    for key in (small, face, StreamKey("luma", "frame", (16, 16)), StreamKey("luma", "frame", None)) * 3:
        assert derived.get(key) is derived.get(key)
    assert sorted(calls) == ["_luma", "_luma", "_resize", "_warp"]


def test_needs_that_differ_in_windows_share_a_stream() -> None:
    one, two = FrameNeed(colour="luma"), FrameNeed(colour="luma", window=8, hop=4, paired=True, anchor=True)
    assert StreamKey.of(one) == StreamKey.of(two)
    assert StreamKey.of(one) != StreamKey.of(FrameNeed(colour="luma", size=(64, 64)))


def test_resizing_keeps_size_order_and_even_areas(frames: Pixels) -> None:
    made = DerivedStreams(frames, 0, None).get(StreamKey("rgb", "frame", (20, 10)))
    assert tuple(made.shape) == (3, 10, 20, 3)
    even = np.tile(np.array([200, 100, 50], np.uint8), (2, 48, 64, 1))
    assert (
        DerivedStreams(even, 0, None).get(StreamKey("rgb", "frame", (20, 10))).numpy() == even[0, 0, 0]
    ).all()


def test_resizing_averages_what_it_merges() -> None:
    # Without antialiasing a fine checkerboard would alias to black or white.
    board = np.indices((64, 64)).sum(axis=0) % 2 * 255
    frames = np.repeat(board[None, :, :, None], 3, axis=3).astype(np.uint8)
    made = DerivedStreams(frames, 0, None).get(StreamKey("rgb", "frame", (16, 16))).numpy()
    assert np.abs(made[0, 2:-2, 2:-2].astype(float) - 127.5).max() < 3


def test_a_box_of_the_crops_own_size_is_the_identity(frames: Pixels) -> None:
    derived = DerivedStreams(frames, 0, track(3, (8, 6, 40, 30)))
    made = derived.get(StreamKey("rgb", "mouth", (32, 24))).numpy()
    assert np.array_equal(made, frames[:, 6:30, 8:40])


def test_a_box_that_leaves_the_picture_is_black_there(frames: Pixels) -> None:
    made = (
        DerivedStreams(frames, 0, track(3, (-10, 40, 22, 64)))
        .get(StreamKey("rgb", "mouth", (32, 24)))
        .numpy()
    )
    assert np.array_equal(made[:, :8, 10:], frames[:, 40:48, :22])
    assert not made[:, 8:].any() and not made[:, :, :10].any()


def test_a_face_on_the_template_is_the_identity() -> None:
    frames = RANDOM.randint(0, 256, (2, 112, 112, 3)).astype(np.uint8)
    made = DerivedStreams(frames, 0, track(2, (0, 0, 9, 9))).get(StreamKey("rgb", "face", (112, 112)))
    assert np.abs(made.numpy() - frames).max() < 0.05


def test_larger_faces_are_the_same_faces() -> None:
    derived = DerivedStreams(moving_square(3, (64, 48)), 0, track(3, (0, 0, 9, 9)))
    small, large = (derived.get(StreamKey("rgb", "face", (side, side))) for side in (112, 224))
    halved = torch.nn.functional.avg_pool2d(large.permute(0, 3, 1, 2), 2).permute(0, 2, 3, 1)
    # Only where the picture is: both have a black border.
    inside = (slice(None), slice(2, 46), slice(2, 62))
    assert (halved[inside] - small[inside]).abs().mean() < 3


@pytest.mark.parametrize("start", [0, 1, 7, 14])
def test_smoothed_faces_are_those_of_smoothing_the_whole_clip(start: int) -> None:
    clip = RANDOM.randint(0, 256, (20, 48, 64, 3)).astype(np.uint8)
    trembling = track(20, (0, 0, 9, 9))
    trembling.landmarks[:] += RANDOM.uniform(-2, 2, trembling.landmarks.shape)
    key = StreamKey("rgb", "face", (256, 256), smooth=True)
    run = DerivedStreams(clip[start : start + 3], start, trembling, fps=10.0).get(key)
    expected = _warp(torch.from_numpy(clip), crop_matrices(trembling.landmarks, 10.0), (256, 256))
    assert torch.allclose(run, expected[start : start + 3], atol=1e-2)
    unsmoothed = DerivedStreams(clip, 0, trembling, fps=10.0).get(StreamKey("rgb", "face", (256, 256)))
    assert (unsmoothed - expected).abs().mean() > 5


def test_a_frame_without_a_face_has_a_crop_of_nothing(frames: Pixels) -> None:
    lost = track(3, (0, 0, 9, 9))
    lost.landmarks[1] = np.nan
    made = DerivedStreams(frames, 0, lost).get(StreamKey("rgb", "face", (112, 112)))
    assert torch.isnan(made).flatten(1).all(dim=1).tolist() == [False, True, False]
    assert torch.isfinite(made[[0, 2]]).all()


def test_what_aligned_faces_need(frames: Pixels) -> None:
    derived = DerivedStreams(frames, 0, track(3, (0, 0, 9, 9)))
    with pytest.raises(ValueError, match="need the frame rate"):
        derived.get(StreamKey("rgb", "face", (256, 256), smooth=True))
    with pytest.raises(ValueError, match=r"square; got a size of \(112, 96\)"):
        derived.get(StreamKey("rgb", "face", (112, 96)))


def test_crops_follow_the_frames_of_the_clip(frames: Pixels) -> None:
    moving = track(9, (0, 0, 16, 16))
    moving.mouth_boxes[:] += np.arange(9)[:, None]
    made = DerivedStreams(frames, 4, moving).get(StreamKey("rgb", "mouth", (16, 16))).numpy()
    for n in range(3):
        assert np.array_equal(made[n], frames[n, 4 + n : 20 + n, 4 + n : 20 + n])


@pytest.mark.parametrize("region", ["face", "mouth"])
def test_a_crop_needs_a_track(frames: Pixels, region: Any) -> None:
    with pytest.raises(ValueError, match="needs a face track"):
        DerivedStreams(frames, 0, None).get(StreamKey("rgb", region, (16, 16)))
