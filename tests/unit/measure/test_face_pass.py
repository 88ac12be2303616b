"""Faces that nobody knows: found once per frame, followed, one of them chosen, the same in any runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import av
import numpy as np
import pytest
import torch
from torch import nn

from liveact_eval.measure import engine
from liveact_eval.measure.engine import Job, measure
from liveact_eval.measure.face_finding import FaceFinder, Faces, find_faces, largest_face, mouth_boxes
from liveact_eval.measure.face_pass import FacePass, face_of
from liveact_eval.measure.needs import FrameNeed, Need
from liveact_eval.metrics.base import Batch, ClipContext, ClipScore, Metric, Missing, Output, Rows
from liveact_eval.networks.provider import Networks
from liveact_eval.networks.seeded_networks import CentralFace
from tests.helpers import clip_of, moving_square, tone, write_av

SIDE = 128
Box = tuple[float, float, float]


class Scripted(nn.Module):
    """Knows which faces frame n shows: (x, y, half side) each; n is the level of its pixels. Counts its pictures."""

    def __init__(
        self, script: Mapping[int, list[Box]] | None = None, always: list[Box] | None = None
    ) -> None:
        super().__init__()
        self.script, self.always = script or {}, always or []
        self.pictures: list[int] = []

    def faces(self, n: int) -> Faces:
        here = np.array(self.script.get(n, self.always), np.float64).reshape(-1, 3)
        x, y, half = here.T
        boxes = np.stack([x - half, y - half, x + half, y + half], axis=1)
        points = np.array([[-0.4, -0.3], [0.4, -0.3], [0, 0.1], [-0.3, 0.5], [0.3, 0.5]])
        return Faces(boxes, here[:, None, :2] + points * half[:, None, None])


@pytest.fixture(autouse=True)
def _scripted(monkeypatch: pytest.MonkeyPatch) -> None:
    def find(network: nn.Module, frames: np.ndarray) -> list[Faces]:
        if not isinstance(network, Scripted):
            return find_faces(network, frames)
        levels = [int(frame[0, 0, 0]) for frame in frames]
        network.pictures += levels
        return [network.faces(level) for level in levels]

    monkeypatch.setattr("liveact_eval.measure.face_finding.find_faces", find)
    monkeypatch.setattr("liveact_eval.measure.face_pass.find_faces", find)


def numbered(count: int) -> np.ndarray:
    """Frames whose level is their index."""
    return np.repeat(np.arange(count, dtype=np.uint8), 8 * 8 * 3).reshape(count, 8, 8, 3)


def followed(network: nn.Module, frames: np.ndarray, runs: list[int] | None = None) -> np.ndarray:
    """Middle and half side of the chosen face in each frame, (T, 3)."""
    found = FaceFinder(network, reach=5)
    rows, start, given = [], 0, 0
    for run in runs or [len(frames)]:
        found.push(frames[given : given + run])
        given += run
        stop = max(start, found.decided - 5)
        if given == len(frames):
            found.finish()
            stop = given
        if stop > start:
            track, at = found.around(start, stop)
            rows.append(track.boxes[at : at + stop - start])
            assert len(track) >= at + stop - start
            start = stop
    boxes = np.concatenate(rows)
    return np.stack(
        [boxes[:, ::2].mean(axis=1), boxes[:, 1::2].mean(axis=1), (boxes[:, 2] - boxes[:, 0]) / 2], 1
    )


def test_missed_frames_are_interpolated_up_to_the_longest_gap() -> None:
    seen = [0, 1, 2, 3, 4, 5, 6, 31, 32]
    network = Scripted({n: [(100.0 + n, 90.0, 40.0)] for n in seen})
    made = followed(network, numbered(40))
    assert made[:33, 0] == pytest.approx(100.0 + np.arange(33))
    assert np.isnan(made[33:]).all()
    network = Scripted({n: [(100.0 + n, 90.0, 40.0)] for n in [*range(7), *range(32, 39)]})
    made = followed(network, numbered(40))
    assert np.isnan(made[7:32]).all() and np.isfinite(made[:7]).all() and np.isfinite(made[32:39]).all()


@pytest.mark.parametrize("face", [(90.0, 90.0, 20.0), None])
def test_small_and_fleeting_faces_do_not_count(face: Box | None) -> None:
    network = Scripted({n: [face or (90.0, 90.0, 40.0)] for n in range(30 if face else 6)})
    assert np.isnan(followed(network, numbered(40))).all()


def test_the_largest_face_is_kept_while_it_lasts() -> None:
    left, right = (60.0, 90.0, 40.0), (200.0, 90.0, 45.0)
    late = (400.0, 90.0, 80.0)
    network = Scripted(
        {n: [left, right, *([late] if n > 20 else [])] for n in range(40)}
        | {n: [left, late] for n in range(40, 80)}
    )
    made = followed(network, numbered(80))
    assert (made[:40, 0] == 200.0).all()
    # Between two faces stands a frame without any.
    assert np.isnan(made[40]).all()
    assert (made[41:, 0] == 400.0).all()


def test_several_faces_and_coverage_are_counted() -> None:
    found = FaceFinder(
        Scripted({n: [(60.0, 90.0, 40.0), (200.0, 90.0, 45.0)] for n in range(10, 30)}), reach=5
    )
    found.push(numbered(40))
    found.finish()
    summary = found.summary
    assert (summary.frames, summary.seen, summary.several, summary.coverage) == (40, 20, 20, 0.5)


@pytest.mark.parametrize("runs", [[1] * 90, [32, 32, 26], [7] * 12 + [6]])
def test_faces_do_not_depend_on_the_runs(runs: list[int]) -> None:
    random = np.random.RandomState(1)
    script = {
        n: [(100.0 + n / 4, 90.0, 40.0 + random.rand())] * bool(random.rand() < 0.4)
        + [(300.0, 90.0, 50.0)] * bool(30 < n < 60)
        for n in range(90)
    }
    expected = followed(Scripted(script), numbered(90))
    assert np.isfinite(expected).any()
    np.testing.assert_array_equal(followed(Scripted(script), numbered(90), runs), expected)


@pytest.mark.parametrize("run", [1, 9, 32])
@pytest.mark.parametrize("reals", [0, 40, 90])
def test_frames_come_back_in_order_beside_their_real_ones(run: int, reals: int) -> None:
    network = Scripted(always=[(100.0, 90.0, 40.0)])
    passed = FacePass(track=None, real_track=None, network=network, search_real=True, fps=25.0)
    frames, real = numbered(90), numbered(reals)
    parts, held = [], 0
    for start in range(0, 90, run):
        parts += list(passed.push(frames[start : start + run], real[start : start + run] if reals else None))
        held = max(held, start + run - sum(len(part.own.frames) for part in parts))
    parts += list(passed.finish())
    assert held <= 35 + run
    assert np.concatenate([part.own.frames[:, 0, 0, 0] for part in parts]).tolist() == list(range(90))
    beside = [level for part in parts if part.real for level in part.real.frames[:, 0, 0, 0].tolist()]
    assert beside == list(range(reals))
    for part in parts:
        for shown in (part.own, part.real):
            if shown is not None and shown.track is not None:
                assert shown.track.source == "yunet"
                assert np.isfinite(shown.track.boxes[shown.at : shown.at + len(shown.frames)]).all()
        # Crops and smoothed landmarks reach ten frames to both sides.
        first = int(part.own.frames[0, 0, 0, 0])
        after = first + len(part.own.frames)
        assert part.own.track is not None
        assert part.own.at >= min(10, first)
        assert len(part.own.track) - part.own.at - len(part.own.frames) >= min(10, 90 - after)
    assert len(network.pictures) == 90 + reals


def test_faces_of_large_pictures_come_in_their_own_pixels() -> None:
    (small,), (large,) = (find_faces(CentralFace(), np.zeros((1, n, n * 2, 3), np.uint8)) for n in (128, 512))
    assert small.boxes.tolist() == [pytest.approx([96, 32, 160, 96], abs=1e-3)]
    assert large.boxes / 4 == pytest.approx(small.boxes, abs=1e-3)
    assert large.landmarks / 4 == pytest.approx(small.landmarks, abs=1e-3)
    points = largest_face(large)
    assert points is not None
    x0, y0, x1, y1 = mouth_boxes(points[None])[0]
    for x, y in points[3:]:
        assert x0 < x < x1 and y0 < y < y1


def test_a_portrait_without_a_face_is_a_track_of_nothing() -> None:
    assert np.isnan(face_of(Scripted(), numbered(1)).landmarks).all()
    both = Scripted(always=[(60.0, 90.0, 40.0), (200.0, 90.0, 45.0)])
    assert face_of(both, numbered(1)).landmarks[0, 2, 0] == 200.0


class Middle(Metric):
    """Writes down the mean level of each aligned face."""

    name = "middle"
    outputs = (Output(name="middle", title="", direction="none"),)
    needs: ClassVar[Mapping[str, Need]] = {"faces": FrameNeed(region="face", size=(112, 112), anchor=True)}
    recipe = summary = source = "test"

    def features(self, need: str, batch: Batch) -> torch.Tensor:
        assert batch.anchor is not None
        return torch.stack(
            [batch.windows[:, 0].mean(dim=(1, 2, 3)), batch.anchor.mean().expand(len(batch.windows))], 1
        )

    def score(self, rows: Mapping[str, Rows], clip: ClipContext) -> ClipScore:
        return ClipScore(values={self.name: float(np.nanmean(rows["faces"]))}, curves={"rows": rows["faces"]})


class Compared(Middle):
    """The same beside the real face."""

    name = "compared"
    outputs = (Output(name="compared", title="", direction="none"),)
    needs: ClassVar[Mapping[str, Need]] = {"faces": FrameNeed(region="face", size=(112, 112), paired=True)}

    def features(self, need: str, batch: Batch) -> torch.Tensor:
        assert batch.reference is not None
        return (batch.windows - batch.reference).abs().mean(dim=(1, 2, 3, 4))


@dataclass(frozen=True)
class Finder(Networks):
    """Has the detector of the test, and nothing else."""

    network: nn.Module | None = None

    def missing(self, name: str) -> str | None:
        return None if name == "yunet" and self.network else "fetch it with: liveact-eval metrics fetch yunet"

    def get(self, name: str) -> nn.Module:
        assert self.network is not None
        return self.network


def video(path: Path, frames: int, start: int = 0) -> Path:
    return write_av(path, moving_square(frames, (SIDE, SIDE), start=start), sound=tone(frames / 25))


def test_one_open_and_one_search_for_all_metrics(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    original = av.open

    def counting(file: Any, *arguments: Any, **options: Any) -> Any:
        opened.append(Path(str(file).removeprefix("file:")).name)
        return original(file, *arguments, **options)

    monkeypatch.setattr(av, "open", counting)
    network = Scripted(always=[(64.0, 64.0, 40.0)])
    real, made = video(tmp_path / "real.mp4", 60), video(tmp_path / "made.mp4", 50, start=4)
    opened.clear()
    job = Job(
        clip=clip_of(real), video=made, metrics=[Middle(), Compared()], networks=Finder(network=network)
    )
    found = measure(job)
    assert sorted(opened) == ["made.mp4", "real.mp4"]
    assert len(network.pictures) == 50 + 50
    assert found.traces == {}
    assert found.faces is not None and found.faces.coverage == 1.0
    assert found.scores["compared"].curves["rows"].shape == (50, 1)
    network.pictures.clear()
    same = measure(Job(clip=clip_of(real), video=real, metrics=[Middle(), Compared()], networks=job.networks))
    assert same.scores["compared"].values == {"compared": 0.0}
    assert len(network.pictures) == 60
    monkeypatch.setattr(engine, "RUN_BYTES", 1)
    again = measure(job)
    for name in ("middle", "compared"):
        np.testing.assert_allclose(
            again.scores[name].curves["rows"], found.scores[name].curves["rows"], rtol=1e-6
        )


def test_no_face_and_no_detector_each_have_a_reason(tmp_path: Path) -> None:
    path = video(tmp_path / "video.mp4", 12)

    def reason(network: nn.Module | None) -> Missing:
        job = Job(clip=clip_of(None), video=path, metrics=[Middle()], networks=Finder(network=network))
        value = measure(job).scores["middle"].values["middle"]
        assert isinstance(value, Missing)
        return value

    assert reason(Scripted()) == Missing("no_face", "no face in any of 12 frames")
    missing = reason(None)
    assert missing.reason == "no_weights" and "metrics fetch yunet" in missing.detail


def test_the_first_picture_to_compare_with_is_the_first_with_a_face(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Late(Scripted):
        def faces(self, n: int) -> Faces:
            return super().faces(n) if len(self.pictures) > 12 else Scripted().faces(n)

    monkeypatch.setattr(engine, "RUN_BYTES", 1)
    network = Late(always=[(64.0, 64.0, 40.0)])
    path = video(tmp_path / "video.mp4", 60)
    found = measure(Job(clip=clip_of(None), video=path, metrics=[Middle()], networks=Finder(network=network)))
    rows = found.scores["middle"].curves["rows"]
    assert found.faces is not None and 0 < found.faces.seen < 60
    first = int(np.isfinite(rows[:, 0]).argmax())
    assert first > 0
    assert rows[-1, 1] == pytest.approx(rows[first, 0], rel=1e-5)
