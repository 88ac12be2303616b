"""The rules of VBench-2.0's human dimensions at their edges."""

from __future__ import annotations

import numpy as np
import pytest

from liveact_eval.metrics._human_anatomy import Part, anatomy_score, square_crops
from liveact_eval.metrics._human_fidelity import (
    clothes_frames,
    clothes_value,
    group_score,
    is_yes,
    set_score,
)
from liveact_eval.metrics._human_identity import identity_score
from liveact_eval.metrics.base import Missing


def features(cosines: list[float]) -> np.ndarray:
    """Vectors with these cosines to the first one, which comes before them."""
    along = np.array([1.0, *cosines])
    return np.stack([along, np.sqrt(1 - along**2)], axis=1)


def test_identity_counts_one_face_and_none_and_leaves_several_out() -> None:
    faces = np.array([1] + 18 * [1] + [0, 0, 2, 3, 1])
    likes = 18 * [0.9] + [0.0, 0.0, 0.0, 0.0, 0.1]
    score = identity_score(features(likes), faces)
    assert (score.consistent, score.counted, score.without_face, score.several_faces) == (20, 21, 2, 2)
    assert score.value == 20 / 21


def test_identity_is_consistent_from_the_threshold_on() -> None:
    score = identity_score(
        np.array([[1.0, 0.0]] + 10 * [[0.4, np.sqrt(0.84)]] + 10 * [[0.39, 0.92]]), np.ones(21, int)
    )
    assert score.value == 0.5


def test_identity_needs_one_face_first_and_twenty_counted_frames() -> None:
    for first in (0, 2):
        faces = np.array([first] + 30 * [1])
        value = identity_score(features(30 * [1.0]), faces).value
        assert value == Missing(
            "first_frame_not_one_face", f"{first} faces in the first frame; one is needed"
        )
    assert isinstance(identity_score(features(20 * [1.0]), np.ones(21, int)).value, float)
    short = identity_score(features(19 * [1.0]), np.ones(20, int))
    assert short.value == Missing("too_few_frames", "19 frames with at most one face; 20 are needed")
    assert identity_score(np.zeros((0, 4)), np.zeros(0, int)).value == Missing(
        "no_frames", "the video has no frame"
    )


def test_anatomy_counts_people_by_frame_and_everybody_is_well_where_nobody_is() -> None:
    parts = [
        Part(0, 0, "human", 0.45),
        Part(0, 0, "face", 0.31),
        Part(0, 1, "human", 0.45454545454545453),
        Part(3, 0, "hand", 0.33),
        Part(3, 0, "hand", 0.34),
        Part(4, 0, "tail", 0.99),
    ]
    score = anatomy_score(parts)
    assert (score.persons, score.abnormal) == (4, 2)
    assert score.value == 0.5
    assert score.by_frame == {0: (2, 1), 3: (1, 1), 4: (1, 0)}
    assert anatomy_score([]).value == 1.0


def test_crops_are_squares_in_the_frame() -> None:
    generator = np.random.default_rng(0)
    corner = generator.uniform(0, 100, (200, 2))
    boxes = np.concatenate([corner, corner + generator.uniform(1, 60, (200, 2))], axis=1)
    crops = square_crops(boxes, (200, 170))
    sides = crops[:, 2:] - crops[:, :2]
    assert (crops >= 0).all()
    assert (crops[:, 2] <= 200).all()
    assert (crops[:, 3] <= 170).all()
    assert np.abs(sides[:, 0] - sides[:, 1]).max() <= 1


@pytest.mark.parametrize(
    ("box", "crop"),
    [
        ([40, 20, 60, 60], [30, 20, 70, 60]),
        # Moved in from the left and from the bottom, still around the box.
        ([2, 10, 12, 60], [0, 10, 50, 60]),
        ([30, 70, 70, 79], [30, 40, 70, 80]),
        # Wider than the frame is high: the middle of the box.
        ([5, 30, 95, 50], [40, 30, 60, 50]),
        ([10.2, 10.4, 20.2, 20.4], [10, 10, 21, 21]),
    ],
)
def test_the_square_is_moved_before_it_is_made_smaller(box: list[float], crop: list[int]) -> None:
    assert square_crops(np.array([box], float), (100, 80)).tolist() == [crop]


def test_boxes_without_a_square_are_named() -> None:
    with pytest.raises(ValueError, match=r"box \[5.0, 5.0, 5.0, 9.0\] has no area"):
        square_crops(np.array([[1, 1, 2, 2], [5, 5, 5, 9]], float), (20, 20))
    with pytest.raises(ValueError, match=r"no square around the box .* 20x20"):
        square_crops(np.array([[-30, -30, 50, 50]], float), (20, 20))
    assert square_crops(np.zeros((0, 4)), (20, 20)).shape == (0, 4)


def test_clothes_answers() -> None:
    assert clothes_value(True, True, True) == 1.0
    assert clothes_value(True, True, False) == clothes_value(True, False, True) == 0.0
    assert isinstance(clothes_value(False, True, True), Missing)
    assert is_yes("Yes.")
    assert not is_yes("No, the jacket changes")
    assert clothes_frames(1) == 64 * [0]
    assert clothes_frames(100)[:3] == [0, 1, 3]
    assert clothes_frames(100)[-1] == 99
    with pytest.raises(ValueError, match="0 frames has nothing"):
        clothes_frames(0)


def test_invalid_videos_are_counted_by_reason_and_not_averaged() -> None:
    score = set_score([1.0, Missing("a"), 0.5, Missing("b"), Missing("a")])
    assert score.value == 0.75
    assert (score.valid, score.videos) == (2, 5)
    assert score.reasons == {"a": 2, "b": 1}
    assert set_score([Missing("a")]).value == Missing("no_valid_video", "a: 1")
    assert set_score([]).value == Missing("no_valid_video", "no video")


def test_a_group_is_the_mean_of_all_its_dimensions_or_nothing() -> None:
    three = {"Human Anatomy": 0.966, "Human Clothes": 1.0, "Human Identity": 1.0}
    assert group_score("human_fidelity", three) == pytest.approx(0.98866667)
    assert group_score("human_fidelity", three | {"Human Clothes": Missing("no_model")}) == Missing(
        "dimension_missing", "human_fidelity needs Human Clothes too"
    )
    with pytest.raises(KeyError):
        group_score("no_such_group", {})
