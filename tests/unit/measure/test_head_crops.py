"""Crops of the landmark network, against the library whose geometry they follow."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from liveact_eval.clips.faces import FaceTrack
from liveact_eval.measure.head_crops import head_crops, head_squares, in_picture
from liveact_eval.measure.streams import DerivedStreams, StreamKey
from liveact_eval.networks.fan import points_of

BOXES = np.array([(100.3, 60.8, 210.7, 200.1), (-20.5, 10.2, 60.1, 110.9), (200.2, 150.7, 330.9, 300.4)])
"""Inside the picture, over its left edge, over its lower right corner."""
PLACES = [(0, 0), (17, 200), (128, 128), (255, 255), (90, 31)]
# Said by face-alignment 1.5.0 (`crop`, with OpenCV) of `picture()` at these boxes with the scale of its YuNet detector:
# mean of each channel, and the levels at PLACES.
LIBRARY_MEANS = [(102.0025, 101.9531, 99.3336), (55.9156, 51.8155, 49.7679), (50.2876, 49.7106, 49.9789)]
LIBRARY_LEVELS = [
    [(0, 0, 0), (0, 0, 0), (69, 129, 154), (0, 0, 0), (194, 181, 159)],
    [(0, 0, 0), (0, 0, 0), (108, 118, 139), (29, 186, 54), (0, 0, 0)],
    [(71, 172, 12), (0, 0, 0), (236, 169, 201), (0, 0, 0), (57, 196, 11)],
]
# Of its `get_preds_fromhm` for RandomState(5).rand(1, 68, 64, 64) as float32 and these crops: the first two points and
# the last one, which it cuts to whole pixels.
LIBRARY_POINTS = [
    [(241, 58), (118, -22), (130, -29)],
    [(82, 8), (-6, -50), (1, -55)],
    [(362, 145), (224, 54), (237, 46)],
]


def picture() -> np.ndarray:
    """(240, 320, 3): steep slopes, so that a crop that is off by a pixel is far off in levels."""
    y, x = np.mgrid[:240, :320]
    return np.stack([(x * 3 + y) % 256, (x + 2 * y) % 256, (x * y // 7) % 256], axis=-1).astype(np.uint8)


def test_crops_are_those_of_the_library() -> None:
    crops = head_crops(np.repeat(picture()[None], 3, axis=0), head_squares(BOXES)).numpy()
    assert crops.shape == (3, 256, 256, 3) and crops.dtype == np.float32
    np.testing.assert_allclose(crops.mean(axis=(1, 2)), LIBRARY_MEANS, atol=0.15)
    # OpenCV resizes in fixed-point arithmetic: it may be a level off.
    found = np.array([[crop[place] for place in PLACES] for crop in crops])
    np.testing.assert_allclose(found, LIBRARY_LEVELS, atol=1)


def test_points_come_back_to_the_picture_as_in_the_library() -> None:
    maps = torch.from_numpy(np.random.RandomState(5).rand(1, 68, 64, 64).astype(np.float32))
    points = points_of(maps).double().numpy().repeat(3, axis=0)
    found = in_picture(points, head_squares(BOXES))[:, [0, 1, 67]]
    assert np.trunc(found).tolist() == np.array(LIBRARY_POINTS, float).tolist()


def test_a_square_lies_higher_than_its_box_and_is_wider() -> None:
    (left, top, side) = head_squares(np.array([[100, 200, 180, 300.0]]))[0]
    assert side == pytest.approx(180 * 200 / 165)
    assert left + side / 2 == pytest.approx(140)
    assert top + side / 2 == pytest.approx(250 - 12)


def test_a_box_that_is_no_face_is_refused() -> None:
    with pytest.raises(ValueError, match=r"side 0\.00 at x 5\.0, y 5\.0 holds no pixel"):
        head_crops(picture()[None], head_squares(np.array([[5, 5, 5, 5.0]])))


def test_streams_hold_crops_and_their_squares() -> None:
    boxes = np.repeat(BOXES[:1], 6, axis=0).astype(np.float32) + np.arange(6, dtype=np.float32)[:, None]
    boxes[3] = np.nan
    landmarks = np.zeros((6, 5, 2), np.float32)
    track = FaceTrack(boxes=boxes, mouth_boxes=boxes, landmarks=landmarks, source="truth")
    frames = np.repeat(picture()[None], 3, axis=0)
    streams = DerivedStreams(frames, 2, track)
    squares = streams.get(StreamKey("rgb", "head_square", None))
    np.testing.assert_allclose(squares.numpy(), head_squares(boxes[2:5]))
    crops = streams.get(StreamKey("rgb", "head", None))
    assert crops.isnan().all(dim=3).all(dim=2).all(dim=1).tolist() == [False, True, False]
    assert crops[2].equal(head_crops(frames[:1], head_squares(boxes[4:5]))[0])
