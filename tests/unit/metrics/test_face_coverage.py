"""Face coverage: none is a number, and the count is that of the one search."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from torch import nn

from liveact_eval.clips.clip import Clip
from liveact_eval.clips.faces import FaceOrder
from liveact_eval.measure.engine import Job, measure
from liveact_eval.measure.face_finding import Faces
from liveact_eval.metrics.base import ClipContext, Missing
from liveact_eval.metrics.blink import Blink
from liveact_eval.metrics.face_coverage import FaceCoverage
from liveact_eval.networks.provider import Networks
from tests.helpers import clip_of, moving_square, values, write_av

POINTS = np.array([[-0.4, -0.3], [0.4, -0.3], [0, 0.1], [-0.3, 0.5], [0.3, 0.5]])


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "video.mp4"
    write_av(path, moving_square(40, (160, 128)), rate=25)
    return path


def search(monkeypatch: pytest.MonkeyPatch, counts: list[int]) -> None:
    """Faces side by side, that many in each frame of the video."""
    left = list(counts)

    def find(network: nn.Module, frames: np.ndarray) -> list[Faces]:
        found = []
        for _ in frames:
            middles = np.array([[40.0 + 70 * n, 60] for n in range(left.pop(0))]).reshape(-1, 2)
            boxes = np.concatenate([middles - 30, middles + 30], axis=1)
            found.append(Faces(boxes, middles[:, None] + 30 * POINTS))
        return found

    monkeypatch.setattr("liveact_eval.measure.face_finding.find_faces", find)


def test_frames_are_counted_as_the_detector_saw_them(video: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = [0] * 8 + [1] * 10 + [0] * 2 + [1] * 10 + [2] * 10
    search(monkeypatch, counts)
    job = Job(clip=clip_of(video), video=video, metrics=(FaceCoverage(),), networks=Networks(mode="seeded"))
    found = measure(job)
    assert values(found) == {"face_coverage": 0.75, "several_faces": 0.25}
    assert found.scores["face_coverage"].curves["faces"].tolist() == counts


def test_no_face_at_all_is_a_number_here_and_a_reason_elsewhere(
    video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    search(monkeypatch, [0] * 40)
    networks = Networks(mode="seeded")
    # Never asked for anything.
    networks._loaded["fan"] = nn.Identity()
    found = values(
        measure(Job(clip=clip_of(video), video=video, metrics=(FaceCoverage(), Blink()), networks=networks))
    )
    assert found["face_coverage"] == found["several_faces"] == 0.0
    assert found["blinks_per_min"] == Missing("no_face", "no face in any of 40 frames")


def test_in_drawn_clips_faces_are_known_without_networks(talker: Clip) -> None:
    assert talker.video is not None
    clip = replace(talker, seconds=0.4)
    found = values(measure(Job(clip=clip, video=talker.video, metrics=(FaceCoverage(),), faces=FaceOrder())))
    assert found == {"face_coverage": 1.0, "several_faces": 0.0}


def test_without_a_search_there_is_a_reason(video: Path) -> None:
    found = values(measure(Job(clip=clip_of(video), video=video, metrics=(FaceCoverage(),))))
    assert {value.reason for value in found.values() if isinstance(value, Missing)} == {"no_face_track"}
    nothing = (
        FaceCoverage().score({}, ClipContext(fps=25.0, truth=None, face_counts=np.zeros(0, np.int64))).values
    )
    assert {value.reason for value in nothing.values() if isinstance(value, Missing)} == {"too_short"}
