"""What each family of metrics says of clips at the edge: no face, two faces, 3 s, 24 frames a second, no sound.

The table in docs/metrics.md ("Clips at the edge") says the same in words.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from torch import nn

from liveact_eval.datasets.talkers import TalkerSpec, render
from liveact_eval.measure.engine import Job, Measurement, measure
from liveact_eval.measure.face_finding import Faces
from liveact_eval.metrics.base import Missing
from liveact_eval.metrics.composite import CompositeMetric
from liveact_eval.metrics.registry import select, shipped
from liveact_eval.networks.provider import Networks
from tests.helpers import Pixels, Samples, clip_of, tone, values, write_av
from tests.stand_ins import install

SIDE = 128
PICTURES = ("psnr", "temporal_flickering", "repetition", "shot_cuts", "subject_consistency", "fid", "fvd")
FACES = ("csim_first", "delta_e_face", "human_identity", "blink", "face_coverage", "fid_face")
SYNC = ("sync", "sync_lse")


@pytest.fixture(scope="module")
def talker() -> tuple[Pixels, Samples]:
    """A drawn talker of 3 s, and its sound."""
    made = render(TalkerSpec(split="test", speaker=0, utterance=0, seconds=3.0, size=SIDE))
    return np.stack(list(made.frames)), made.samples


@pytest.fixture(autouse=True)
def _stand_ins(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    install(monkeypatch)
    yield


def faces_at(middles: list[float]) -> Faces:
    """Faces of 80 pixels and a little less the further right, around these places of the width."""
    half = np.array([40.0 - n for n in range(len(middles))])
    x, y = np.array(middles), np.full(len(middles), SIDE / 2)
    boxes = np.stack([x - half, y - half, x + half, y + half], axis=1).reshape(-1, 4)
    points = np.array([[-0.4, -0.3], [0.4, -0.3], [0, 0.1], [-0.3, 0.5], [0.3, 0.5]])
    landmarks = np.stack([x, y], axis=1).reshape(-1, 1, 2) + points * half[:, None, None]
    return Faces(boxes, landmarks.reshape(-1, 5, 2))


def show(monkeypatch: pytest.MonkeyPatch, middles: list[float]) -> None:
    """The detector sees faces there in every picture."""

    def find(network: nn.Module, frames: np.ndarray) -> list[Faces]:
        return [faces_at(middles) for _ in frames]

    for place in ("face_finding", "face_pass"):
        monkeypatch.setattr(f"liveact_eval.measure.{place}.find_faces", find)


def run(video: Path, *names: str) -> Measurement:
    job = Job(clip=clip_of(video), video=video, metrics=select(list(names)), networks=Networks(mode="seeded"))
    found = measure(job)
    assert not found.traces, found.traces
    return found


def reasons(found: Measurement, metric: str) -> set[str]:
    """Why a metric has no value, and contributes nothing to a set; empty where it has one."""
    score = found.scores[metric]
    numbers = [value for value in score.values.values() if isinstance(value, float)]
    if numbers or score.parts:
        return set()
    return {value.reason for value in score.values.values() if isinstance(value, Missing)}


def test_a_clip_without_a_face(
    talker: tuple[Pixels, Samples], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    show(monkeypatch, [])
    found = run(write_av(tmp_path / "none.mp4", talker[0][:35], sound=talker[1]), *PICTURES, *FACES, *SYNC)
    assert {name: reasons(found, name) for name in PICTURES} == {name: set() for name in PICTURES}
    for name in (*FACES, "sync"):
        if name != "face_coverage":
            assert reasons(found, name) == {"no_face"}, (name, found.scores[name])
    assert not reasons(found, "sync_lse")


def test_a_clip_with_two_faces(
    talker: tuple[Pixels, Samples], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = np.concatenate([talker[0][:35], talker[0][:35]], axis=2)
    show(monkeypatch, [SIDE / 2, SIDE * 3 / 2])
    both = run(write_av(tmp_path / "two.mp4", pictures, sound=talker[1]), *FACES, "sync")
    assert both.faces is not None and both.faces.several == both.faces.frames == 35
    show(monkeypatch, [SIDE / 2])
    alone = run(tmp_path / "two.mp4", *FACES, "sync")
    # The largest is taken and kept, as if it were alone.
    for name in ("csim_first", "delta_e_face", "sync", "blink"):
        assert both.scores[name].values == alone.scores[name].values, name
    # The one that wants exactly one face in its first frame has none to follow.
    assert reasons(both, "human_identity") == {"first_frame_not_one_face"}
    assert not reasons(alone, "human_identity")
    assert values(both)["face_coverage"] == 1.0


def test_a_clip_of_three_seconds(
    talker: tuple[Pixels, Samples], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    show(monkeypatch, [SIDE / 2])
    names = (*PICTURES, *FACES, *SYNC, "subject_consistency_long")
    found = run(write_av(tmp_path / "short.mp4", talker[0], sound=talker[1]), *names)
    assert found.frames == 75
    assert {name for name in names if reasons(found, name)} <= {"subject_consistency_long", "blink"}
    assert reasons(found, "subject_consistency_long") == {"too_short"}


def test_a_clip_of_24_frames_a_second(
    talker: tuple[Pixels, Samples], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    show(monkeypatch, [SIDE / 2])
    names = (*PICTURES, *FACES, *SYNC)
    found = run(write_av(tmp_path / "film.mp4", talker[0][:36], rate=24, sound=talker[1]), *names)
    assert found.fps == 24
    for name in SYNC:
        assert reasons(found, name) == {"wrong_rate"}
    assert {name for name in (*PICTURES, *FACES) if reasons(found, name)} <= {"blink"}


def test_a_clip_without_sound(
    talker: tuple[Pixels, Samples], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    show(monkeypatch, [SIDE / 2])
    names = (*PICTURES, *FACES, *SYNC, "lip_stability")
    found = run(write_av(tmp_path / "mute.mp4", talker[0][:35]), *names)
    for name in (*SYNC, "lip_stability"):
        assert reasons(found, name) == {"no_audio"}
    assert {name for name in (*PICTURES, *FACES) if reasons(found, name)} <= {"blink"}


def test_a_clip_of_one_frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    show(monkeypatch, [SIDE / 2])
    picture = np.full((1, SIDE, SIDE, 3), 90, np.uint8)
    short = ("temporal_flickering", "fvd", "shot_cuts", *FACES, *SYNC)
    found = run(write_av(tmp_path / "one.mp4", picture, sound=tone(0.04)), *short, "psnr")
    values_there = {"psnr", "face_coverage"}
    for name in (*short, "psnr"):
        assert reasons(found, name) == (set() if name in values_there else {"too_short"}), name
    assert values(found)["face_coverage"] == 1.0


def test_every_metric_of_all_takes_one_frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    show(monkeypatch, [SIDE / 2])
    names = [
        name
        for name, metric in shipped().items()
        if not (metric.by_name_only or isinstance(metric, CompositeMetric))
    ]
    found = run(write_av(tmp_path / "one.mkv", texture(1), sound=tone(0.04)), *names)
    assert len(names) > 25 and set(found.scores) == set(names)
    for name in names:
        assert reasons(found, name) <= {"too_short", "no_truth"}, (name, found.scores[name])
    assert values(found)["adjacent_ssim"] == Missing("too_short", "one frame has no neighbour")


def texture(frames: int) -> Pixels:
    """(T, 128, 128, 3): pictures with edges."""
    ground = np.add.outer(np.arange(SIDE), np.arange(SIDE)) // 8 % 2 * 120 + 60
    return np.repeat(np.repeat(ground[None, :, :, None], 3, axis=3), frames, axis=0).astype(np.uint8)
