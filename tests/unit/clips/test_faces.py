"""Face tracks, the alignment of faces, and the ground truth of drawn clips."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from liveact_eval.clips.clip import Clip, printable, safe_name
from liveact_eval.clips.faces import TEMPLATE_112, FaceOrder, FaceTrack, similarity
from liveact_eval.clips.truth import load_truth
from liveact_eval.errors import ClipError


def track(frames: int) -> FaceTrack:
    """A track whose numbers tell the frame."""
    n = np.arange(frames, dtype=np.float32)
    return FaceTrack(
        boxes=np.tile(n[:, None], (1, 4)),
        mouth_boxes=np.tile(100 + n[:, None], (1, 4)),
        landmarks=np.tile(n[:, None, None], (1, 5, 2)),
        source="test",
    )


@pytest.mark.parametrize(
    ("hold", "frames", "shown"),
    [
        (None, 5, [0, 1, 2, 3, 4]),
        (None, 7, [0, 1, 2, 3, 4, 4, 4]),
        (None, 3, [0, 1, 2]),
        (0, 5, [0, 0, 0, 0, 0]),
        (2, 5, [0, 1, 2, 2, 2]),
    ],
)
def test_order_of_faces(hold: int | None, frames: int, shown: list[int]) -> None:
    made = FaceOrder(hold=hold).apply(track(5), frames)
    assert len(made) == frames and made.source == "test"
    assert made.boxes[:, 0].tolist() == shown
    assert (made.mouth_boxes[:, 3] - 100).tolist() == shown
    assert made.landmarks[:, 4, 1].tolist() == shown


def test_similarity_undoes_a_similarity() -> None:
    random = np.random.RandomState(0)
    for _ in range(20):
        angle, scale, shift = random.uniform(-3, 3), random.uniform(0.2, 5), random.uniform(-99, 99, 2)
        turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        points = TEMPLATE_112 @ turn.T + shift
        matrix = similarity(points[None])[0]
        assert np.allclose(points @ matrix[:, :2].T + matrix[:, 2], TEMPLATE_112, atol=1e-9)


def test_similarity_does_not_mirror() -> None:
    points = TEMPLATE_112[None] * [-1.0, 1.0]
    assert np.linalg.det(similarity(points)[0][:, :2]) > 0


def test_similarity_is_the_least_squares_fit() -> None:
    random = np.random.RandomState(1)
    points = TEMPLATE_112 * 3 + random.normal(0, 10, (5, 2))
    a, b, tx, c, d, ty = similarity(points[None])[0].ravel()
    assert (a, b) == (pytest.approx(d), pytest.approx(-c))

    def error(delta: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
        p, q = a + delta[0], c + delta[1]
        moved = points @ np.array([[p, -q], [q, p]]).T + [tx + delta[2], ty + delta[3]]
        return float(((moved - TEMPLATE_112) ** 2).sum())

    assert all(error(random.normal(0, 1e-3, 4)) > error(np.zeros(4)) for _ in range(50))


def test_a_face_in_one_point_is_refused() -> None:
    with pytest.raises(ValueError, match="lie in one place"):
        similarity(np.ones((1, 5, 2)))


def test_truth_of_a_drawn_clip(talker: Clip) -> None:
    assert talker.truth is not None
    truth = load_truth(talker.truth)
    assert (truth.fps, len(truth.faces), truth.faces.source) == (25.0, 125, "truth")
    assert 0 <= truth.mouth_opening.min() < 0.1 and 0.4 < truth.mouth_opening.max() <= 1
    assert truth.at(Fraction(25)) is truth


@pytest.mark.parametrize("rate", [Fraction(20), Fraction(30), Fraction(30_000, 1001)])
def test_truth_at_another_rate(talker: Clip, rate: Fraction) -> None:
    assert talker.truth is not None
    truth = load_truth(talker.truth)
    other = truth.at(rate)
    assert len(other.faces) == len(other.mouth_opening) == round(5 * rate)
    assert other.fps == pytest.approx(float(rate))
    seconds = np.arange(len(other.faces)) / float(rate)
    # At most half a tick of the new rate lies between a frame and where it is shown.
    for n, time in enumerate(seconds):
        same = np.flatnonzero((truth.faces.landmarks == other.faces.landmarks[n]).all(axis=(1, 2)))
        assert np.abs(same / 25 - time).min() <= 0.5 / float(rate) + 0.04 + 1e-9


def test_truth_that_is_missing_or_damaged(tmp_path: Path) -> None:
    damaged, foreign = tmp_path / "damaged.npz", tmp_path / "foreign.npz"
    damaged.write_bytes(b"no archive")
    np.savez(foreign, other=np.zeros(3))
    for path in (tmp_path / "none.npz", damaged, foreign):
        with pytest.raises(ClipError, match="bad_truth"):
            load_truth(path)


def test_safe_names_never_meet() -> None:
    names = ["a", "a b", "a_b", "a/b", "..", "-a", ".a", "", "日本", "日木", "x" * 200, "x" * 201, "\udcff"]
    made = [safe_name(name) for name in names]
    assert len(set(made)) == len(names)
    for name in made:
        assert name.isascii() and "/" not in name and name[0] not in "-." and len(name) < 100
    assert safe_name("plain-1_2.3") == "plain-1_2.3"


def test_undecodable_names_can_be_printed() -> None:
    assert printable("a\udcffb").encode().decode() == "a\\xffb"
    assert printable("日本") == "日本"
