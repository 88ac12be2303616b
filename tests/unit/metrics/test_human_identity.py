"""Human Identity in the engine: which frames count, which boxes are cut out, and what invalid videos say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from liveact_eval.clips.clip import Clip
from liveact_eval.clips.faces import FaceOrder
from liveact_eval.measure.box_crops import lone_boxes
from liveact_eval.measure.engine import Job, Measurement, measure
from liveact_eval.measure.face_finding import Faces
from liveact_eval.metrics._face_crops import grey, grey_faces, whole_pixels
from liveact_eval.metrics._human_identity import identity_score
from liveact_eval.metrics.base import ClipContext, Missing
from liveact_eval.metrics.human_identity import HumanIdentity, ToFirstFrame
from liveact_eval.networks.provider import Networks
from liveact_eval.networks.resnet_face import embed
from liveact_eval.networks.seeded import fill_seeded
from tests.helpers import clip_of, values, write_av

SIDE = 160
FRAMES = 40


@pytest.fixture(scope="module")
def networks() -> Networks:
    """A small stand-in that maps the same tensors: tested is which faces it gets, and what is made of its vectors."""
    stand_in = nn.Sequential(nn.AvgPool2d(16), nn.Flatten(), nn.Linear(64, 512))
    stand_in.eval().requires_grad_(False)
    fill_seeded(stand_in, "stand_in")
    found = Networks(mode="seeded")
    found._loaded["resnet_face18"] = stand_in
    return found


def film(folder: Path, changed: range) -> Path:
    """A striped face in the middle of every frame; another one in the frames of `changed`."""
    y, x = np.mgrid[:SIDE, :SIDE]
    face = 128 + 90 * np.sin(x / 9)
    other = 128 + 90 * np.sin(y / 5)
    pictures = [np.repeat((other if n in changed else face)[..., None], 3, axis=2) for n in range(FRAMES)]
    return write_av(
        folder / "film.mp4", np.array(pictures, np.uint8), options={"crf": "4", "bf": "0"}, rate=25
    )


def faces_by_frame(monkeypatch: pytest.MonkeyPatch, counts: dict[int, int], *, small: bool = False) -> None:
    """Let the detector see that many faces in a frame, else one; always the first of them in the middle."""
    seen = 0

    def find(network: nn.Module, frames: np.ndarray) -> list[Faces]:
        nonlocal seen
        found = []
        for _ in frames:
            half = 20.0 if small else 40.0
            middle = np.array(
                [[80 - half, 80 - half, 80 + half, 80 + half], [2.0, 2, 20, 20], [130, 2, 150, 30]]
            )
            boxes = middle[: counts.get(seen, 1)]
            found.append(Faces(boxes, boxes[:, None, :2] + np.linspace(1, 9, 10).reshape(5, 2)))
            seen += 1
        return found

    monkeypatch.setattr("liveact_eval.measure.face_finding.find_faces", find)


def run(video: Path, networks: Networks) -> Measurement:
    found = measure(Job(clip=clip_of(None), video=video, metrics=[HumanIdentity()], networks=networks))
    assert not found.traces, found.traces
    return found


def test_official_rules_with_their_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, networks: Networks
) -> None:
    path = film(tmp_path, range(30, 36))
    # Frames 10 and 11 show nobody, 20 to 22 several, one of which and 35 are of the other face.
    faces_by_frame(monkeypatch, {10: 0, 11: 0, 20: 2, 21: 3, 22: 2, 35: 2})
    found = run(path, networks)
    got = values(found)
    counted = FRAMES - 1 - 4
    assert got == {
        "human_identity": pytest.approx((counted - 5) / counted),
        "human_identity_consistent": counted - 5,
        "human_identity_counted": counted,
        "human_identity_without_face": 2,
        "human_identity_several": 4,
    }
    curve = found.scores["human_identity"].curves["human_identity_cosine"]
    assert np.flatnonzero(np.isnan(curve)).tolist() == [10, 11, 20, 21, 22, 35]
    assert curve[0] == pytest.approx(1.0) and (curve[30:35] < 0.4).all() and (curve[1:10] > 0.9).all()


@pytest.mark.parametrize(
    ("first", "reason"), [(0, "first_frame_not_one_face"), (2, "first_frame_not_one_face")]
)
def test_the_first_frame_needs_one_face(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, networks: Networks, first: int, reason: str
) -> None:
    faces_by_frame(monkeypatch, {0: first})
    got = values(run(film(tmp_path, range(0)), networks))
    assert {value.reason for value in got.values() if isinstance(value, Missing)} == {reason}
    assert len(got) == 5


def test_two_faces_throughout_and_no_face_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, networks: Networks
) -> None:
    path = film(tmp_path, range(0))
    for count, reason in ((2, "first_frame_not_one_face"), (0, "no_face")):
        faces_by_frame(monkeypatch, dict.fromkeys(range(FRAMES), count))
        got = values(run(path, networks))
        assert {value.reason for value in got.values() if isinstance(value, Missing)} == {reason}


def test_too_few_counted_frames_still_say_how_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, networks: Networks
) -> None:
    faces_by_frame(monkeypatch, dict.fromkeys(range(15, FRAMES), 2))
    got = values(run(film(tmp_path, range(0)), networks))
    value = got.pop("human_identity")
    assert isinstance(value, Missing) and value.reason == "too_few_frames"
    assert list(got.values()) == [14.0, 14.0, 0.0, 25.0]


def test_drawn_clips_bring_their_face_along(talker: Clip, networks: Networks) -> None:
    clip = replace(talker, seconds=1.0)
    assert clip.video is not None
    job = Job(
        clip=clip,
        video=clip.video,
        metrics=[HumanIdentity()],
        faces=FaceOrder(),
        networks=networks,
    )
    found = measure(job)
    assert not found.traces, found.traces
    got = values(found)
    assert got["human_identity_counted"] == 24.0 and got["human_identity_several"] == 0.0
    consistent = got["human_identity_consistent"]
    assert isinstance(consistent, float) and got["human_identity"] == pytest.approx(consistent / 24)


def test_a_real_clip_with_the_seeded_detector(shared: Path, networks: Networks) -> None:
    clip = replace(clip_of(None), seconds=0.9)
    video = shared / "clips" / "portrait_a.mp4"
    found = measure(Job(clip=clip, video=video, metrics=[HumanIdentity()], networks=networks))
    assert not found.traces, found.traces
    got = values(found)
    assert got["human_identity_counted"] == found.frames - 1
    assert isinstance(got["human_identity"], float)


def test_boxes_are_cut_as_the_parity_vectors_have_them() -> None:
    random = np.random.RandomState(0)
    pictures = torch.from_numpy(random.randint(0, 256, (4, 60, 80, 3)).astype(np.uint8))
    boxes = np.array([[3.9, 2.2, 50.7, 41.9], [np.nan] * 4, [-5, 30, 20.5, 99], [90, 10, 95, 20]], np.float32)
    crops = lone_boxes(pictures, boxes, (128, 128))
    assert crops.shape == (4, 128, 128, 3)
    # No face, and a box beside the picture.
    assert crops[[1, 3]].isnan().all()
    for n in (0, 2):
        whole = whole_pixels(torch.from_numpy(boxes[n : n + 1]), (80, 60))
        assert torch.equal(grey(crops[n : n + 1]), grey_faces(pictures[n : n + 1], whole))
    # Truncated, not rounded.
    assert torch.equal(crops[0], lone_boxes(pictures[:1], np.array([[3, 2, 50, 41]]), (128, 128))[0])


def test_the_score_is_that_of_the_plain_formula(networks: Networks) -> None:
    faces = torch.randint(0, 256, (30, 128, 128), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    vectors = embed(networks.get("resnet_face18"), faces).numpy()
    counts = np.ones(30, np.int64)
    counts[[4, 5]], vectors[[4, 5]] = 0, np.nan
    gathered = ToFirstFrame()
    for part in np.split(vectors, [1, 7, 20]):
        gathered.append(part)
    context = ClipContext(fps=25.0, truth=None, face_counts=counts)
    got = HumanIdentity().score({"faces": gathered.table}, context).values
    expected = identity_score(vectors, counts)
    assert got["human_identity"] == expected.value
    assert got["human_identity_consistent"] == expected.consistent
