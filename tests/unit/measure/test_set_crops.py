"""Crops of face boxes for FID and FVD: which pixels, how they are resized, and what has none."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from liveact_eval.clips.faces import FaceTrack
from liveact_eval.measure.set_crops import area_crops, clean_crops, cut_box, resize_area
from liveact_eval.measure.streams import DerivedStreams, StreamKey
from liveact_eval.metrics._fid_resize import to_inception_levels

NONE = [np.nan] * 4


def pictures(count: int, height: int, width: int) -> np.ndarray:
    return np.random.RandomState(0).randint(0, 256, (count, height, width, 3)).astype(np.uint8)


def test_boxes_lose_what_is_behind_the_point_and_stay_in_the_picture() -> None:
    picture = pictures(1, 60, 80)[0]
    found = cut_box(picture, [10.9, 5.2, 30.1, 25.9])
    assert found is not None and np.array_equal(found, picture[5:25, 10:29])
    # A box that begins beyond the picture is moved to its edge, one that ends there is cut.
    moved, ended = cut_box(picture, [-10.5, -3, 20, 20]), cut_box(picture, [70, 50, 95, 75])
    assert moved is not None and np.array_equal(moved, picture[:23, :30])
    assert ended is not None and np.array_equal(ended, picture[50:, 70:])
    assert cut_box(picture, [90, 10, 120, 40]) is None
    assert cut_box(picture, [10, 10, 10.5, 40]) is None
    assert cut_box(picture, NONE) is None


def test_smaller_pictures_are_means_of_areas() -> None:
    picture = pictures(1, 40, 60)[0].astype(np.float64)
    halves = picture.reshape(20, 2, 20, 3, 3).mean(axis=(1, 3))
    made = resize_area(torch.from_numpy(picture.astype(np.uint8)), (20, 20))
    assert np.abs(made.numpy() - halves).max() <= 0.5
    # Three pixels to two: each is one and a half wide.
    row = torch.tensor([30, 90, 240], dtype=torch.uint8)[None, :, None].expand(3, 3, 3)
    assert resize_area(row, (2, 2))[0, :, 0].tolist() == [50, 190]


def test_larger_pictures_are_interpolated_as_opencv_does() -> None:
    # Figures of OpenCV 5.0, resize of [10, 110, 210] to 7 and of [10, 250] to 5 with INTER_AREA.
    for levels, expected in (
        ([10, 110, 210], [10, 10, 77, 110, 143, 210, 210]),
        ([10, 250], [10, 10, 130, 250, 250]),
    ):
        row = torch.tensor(levels, dtype=torch.uint8)[None, :, None].expand(len(levels), -1, 3)
        made = resize_area(row, (len(expected), len(expected)))
        assert np.abs(made[0, :, 0].numpy() - expected).max() <= 1


@pytest.mark.parametrize("size", [(30, 20), (224, 224)])
def test_frames_without_a_face_are_nan_and_others_do_not_depend_on_them(size: tuple[int, int]) -> None:
    frames = pictures(3, 60, 80)
    boxes = np.array([[10, 5, 50, 45], NONE, [12, 6, 52, 46]], np.float32)
    for crops in (area_crops(frames, boxes, size), clean_crops(frames, boxes)):
        assert crops.dtype == torch.float32
        assert crops[1].isnan().all() and crops[0].isfinite().all()
    made = area_crops(frames, boxes, size)
    assert made.shape == (3, size[1], size[0], 3)
    assert torch.equal(made[2:], area_crops(frames[2:], boxes[2:], size))
    assert torch.equal(made[0], made[0].round())


def test_clean_crops_are_those_of_fid() -> None:
    frames = pictures(1, 60, 80)
    made = clean_crops(frames, np.array([[10, 5, 50, 45]]))
    expected = to_inception_levels(torch.from_numpy(frames[:, 5:45, 10:50].copy()), "clean")
    assert torch.equal(made.permute(0, 3, 1, 2), expected)


def test_streams_take_the_boxes_of_their_frames() -> None:
    frames = pictures(4, 60, 80)
    boxes = np.tile(np.array([10, 5, 50, 45], np.float32), (6, 1)) + np.arange(6, dtype=np.float32)[:, None]
    track = FaceTrack(
        boxes=boxes, mouth_boxes=boxes, landmarks=np.zeros((6, 5, 2), np.float32), source="truth"
    )
    streams = DerivedStreams(frames, 2, track)
    area = streams.get(StreamKey("rgb", "box_area", (30, 20)))
    assert torch.equal(area, area_crops(frames, boxes[2:], (30, 20)))
    clean = streams.get(StreamKey("rgb", "box_clean", None))
    assert torch.equal(clean, clean_crops(frames, boxes[2:]))
