"""Following faces: gaps, several faces, shots, what counts."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from liveact_eval.clips.face_tracking import (
    BoxTrack,
    FaceTracker,
    TrackRules,
    filled,
    main_track,
    overlap,
    track_faces,
)

RULES = TrackRules(min_detections=3, min_side=10.0)
NONE = np.zeros((0, 4))


def box(x: float, y: float = 0.0, side: float = 20.0) -> NDArray[np.float64]:
    return np.array([x, y, x + side, y + side])


def one(x: float) -> NDArray[np.float64]:
    return box(x)[None]


def test_missed_frames_are_interpolated() -> None:
    (track,) = track_faces([NONE, one(0), one(1), NONE, NONE, one(4), NONE], RULES)
    assert (track.start, len(track), track.detections) == (1, 5, 3)
    assert track.boxes[:, 0].tolist() == pytest.approx([0, 1, 2, 3, 4])


@pytest.mark.parametrize(("missed", "tracks"), [(24, 1), (25, 2)])
def test_a_track_bridges_twenty_five_frames(missed: int, tracks: int) -> None:
    frames = [one(0)] * 3 + [NONE] * missed + [one(0)] * 3
    assert len(track_faces(frames, RULES)) == tracks


def test_boxes_that_overlap_by_half_or_less_are_two_faces() -> None:
    # Two squares of 20 that are shifted by 20 / 3 overlap by half.
    assert overlap(box(0), box(20 / 3)) == pytest.approx(0.5)
    assert len(track_faces([one(0)] * 3 + [one(6.5)] * 3, RULES)) == 1
    assert len(track_faces([one(0)] * 3 + [one(7.0)] * 3, RULES)) == 2


def test_two_faces_keep_their_tracks_in_whatever_order_they_are_found() -> None:
    both = [np.stack([box(x), box(100 - x)]) for x in range(10)]
    mixed = [frame[::-1] if index % 2 else frame for index, frame in enumerate(both)]
    first, second = track_faces(mixed, RULES)
    assert first.boxes[:, 0].tolist() == pytest.approx(list(range(10)))
    assert second.boxes[:, 0].tolist() == pytest.approx([100 - x for x in range(10)])


def test_the_older_track_chooses_first() -> None:
    tracker = FaceTracker(RULES)
    tracker.push(0, np.stack([box(0), box(9)]))
    assert list(tracker.push(1, one(4))) == [0]


def test_a_shot_ends_all_tracks() -> None:
    assert len(track_faces([one(0)] * 8, RULES, cuts=frozenset({4}))) == 2


def test_short_and_small_tracks_do_not_count() -> None:
    assert track_faces([one(0)] * 2, RULES) == []
    assert track_faces([box(0, side=10.0)[None]] * 5, RULES) == []
    assert len(track_faces([box(0, side=10.1)[None]] * 5, RULES)) == 1


def test_by_default_a_hundred_frames_are_too_few() -> None:
    large = box(0, side=200.0)[None]
    assert track_faces([large] * 100, TrackRules()) == []
    assert len(track_faces([large] * 101, TrackRules())) == 1


def test_the_main_track_is_the_longest_then_the_largest() -> None:
    def track(length: int, side: float) -> BoxTrack:
        return filled(range(length), [box(0, side=side)] * length)

    long, large, small = track(9, 10), track(8, 99), track(8, 5)
    assert main_track([small, large, long]) is long
    assert main_track([small, large]) is large
    assert main_track([]) is None


def test_empty_boxes_overlap_by_nothing() -> None:
    assert overlap(box(3, side=0.0), box(3, side=0.0)) == 0.0
