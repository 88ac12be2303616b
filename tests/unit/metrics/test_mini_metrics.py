"""FID, FVD, CSIM and the mouth of the mini tier through the engine: drawn clips alone, whole frames, one pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from liveact_eval.clips.clip import Clip
from liveact_eval.clips.faces import FaceTrack
from liveact_eval.clips.image import load_image
from liveact_eval.clips.truth import ClipTruth, load_truth
from liveact_eval.measure.engine import Job, Measurement, measure
from liveact_eval.metrics._csim import cosines
from liveact_eval.metrics._drift import drift_of
from liveact_eval.metrics._gaussian_collector import GaussianCollector, unpack
from liveact_eval.metrics.base import ClipContext, ClipScore, Metric, Missing
from liveact_eval.metrics.mini_csim import MiniCSIM
from liveact_eval.metrics.mini_fid import MiniFID
from liveact_eval.metrics.mini_fvd import MiniFVD
from liveact_eval.metrics.mini_mouth import MiniMouth
from liveact_eval.networks.mini_clip import seeded_mini_clip, to_mini_clips
from liveact_eval.networks.mini_frame import seeded_mini_frame, to_mini_frames
from liveact_eval.networks.provider import Networks
from tests.helpers import moving_square, numbers, read_all, tone, values, write_av

FRAMES = 40
METRICS: tuple[type[Metric], ...] = (MiniFID, MiniFVD, MiniCSIM, MiniMouth)


@dataclass(frozen=True)
class These(Networks):
    """Hands out given networks."""

    given: tuple[tuple[str, nn.Module], ...] = ()

    def missing(self, name: str) -> str | None:
        return None

    def get(self, name: str) -> nn.Module:
        return dict(self.given)[name]


@pytest.fixture(scope="module")
def networks() -> These:
    return These(given=(("mini_frame", seeded_mini_frame()), ("mini_clip", seeded_mini_clip())))


@pytest.fixture(scope="module")
def clip(talker: Clip) -> Clip:
    return replace(talker, seconds=FRAMES / 25)


def run(clip: Clip, networks: Networks, metrics: Sequence[Metric], video: Path | None = None) -> Measurement:
    video = video or clip.video
    assert video is not None
    found = measure(Job(clip=clip, video=video, metrics=metrics, networks=networks))
    assert not found.traces, found.traces
    return found


@pytest.fixture(scope="module")
def pictures(clip: Clip) -> torch.Tensor:
    assert clip.video is not None
    frames = [frame.rgb for frame in read_all(clip.video, seconds=FRAMES / 25, sound=False)[0]]
    return torch.from_numpy(np.stack(frames[:FRAMES]))


@torch.no_grad()
def test_values_are_those_of_the_whole_clip_at_once(
    clip: Clip, networks: These, pictures: torch.Tensor
) -> None:
    passes: list[int] = []
    network = networks.get("mini_frame")
    hook = network.register_forward_pre_hook(lambda _, given: passes.append(len(given[0])))
    found = run(clip, networks, [kind() for kind in METRICS])
    hook.remove()
    # 40 frames in two full passes, the portrait in one, for three metrics together.
    assert passes == [32] * 3
    seen = network(to_mini_frames(pictures))

    assert clip.image is not None and clip.truth is not None
    portrait = network(to_mini_frames(torch.from_numpy(load_image(clip.image).copy())[None])).identity[0]
    likeness = cosines(seen.identity.numpy(), portrait.numpy())
    drift, got = drift_of(likeness, 25.0), numbers(found)
    np.testing.assert_allclose(found.scores["mini_csim"].curves["mini_csim"], likeness, atol=1e-5)
    assert got["mini_csim"] == pytest.approx(drift.total, abs=1e-5)
    assert got["mini_csim_last"] == pytest.approx(drift.last, abs=1e-5)
    assert got["mini_csim_slope_per_min"] == pytest.approx(drift.slope_per_minute, abs=1e-3)

    script = load_truth(clip.truth).mouth_opening[:FRAMES]
    opening = seen.mouth[:, 0].numpy()
    assert got["mini_mouth_correlation"] == pytest.approx(np.corrcoef(opening, script)[0, 1], abs=1e-3)
    np.testing.assert_allclose(
        found.scores["mini_mouth"].curves["mini_mouth_opening"], opening, atol=1e-5, rtol=1e-4
    )

    fid = unpack(found.scores["mini_fid"].parts["mini_fid"])[0]
    assert fid.n == FRAMES
    np.testing.assert_allclose(fid.mean, seen.features.numpy().mean(axis=0), atol=1e-4)
    fvd = unpack(found.scores["mini_fvd"].parts["mini_fvd"])[0]
    windows = to_mini_clips(pictures[:32].unflatten(0, (2, 16)))
    moved = networks.get("mini_clip")(windows).numpy()
    assert fvd.n == 2
    np.testing.assert_allclose(fvd.mean, moved.mean(axis=0), atol=1e-4)


def test_larger_videos_are_brought_to_64(clip: Clip, networks: These, tmp_path: Path) -> None:
    sizes: set[tuple[int, ...]] = set()
    network = networks.get("mini_frame")
    hook = network.register_forward_pre_hook(lambda _, given: sizes.add(tuple(given[0].shape[2:])))
    path = write_av(tmp_path / "large.mp4", moving_square(20, (128, 96)), sound=tone(0.8))
    made = numbers(run(replace(clip, seconds=0.8, size=None), networks, [MiniCSIM()], path))
    hook.remove()
    assert sizes == {(64, 64)} and -1 <= made["mini_csim"] <= 1


def test_only_drawn_clips_have_them(clip: Clip, networks: These) -> None:
    found = values(run(replace(clip, truth=None), networks, [kind() for kind in METRICS]))
    assert {one.reason for one in found.values() if isinstance(one, Missing)} == {"no_truth"}
    assert not any(isinstance(one, float) for one in found.values())


@pytest.mark.parametrize("kind", METRICS)
def test_they_are_named_after_their_tier(kind: type[Metric]) -> None:
    metric = kind()
    assert metric.name.startswith("mini_") and metric.recipe == f"{metric.name.replace('_', '-')}@1"
    for output in metric.outputs:
        assert output.name.startswith("mini_") and "(mini)" in output.title
    assert metric.truth and not metric.face


def distance(metric: MiniFID | MiniFVD, real: NDArray[np.float64], made: NDArray[np.float64]) -> float:
    """Fréchet distance of features (n, d), in four clips each."""
    parts = []
    for features in (real, made):
        clips = [GaussianCollector() for _ in range(4)]
        for collector, rows in zip(clips, np.split(features, 4), strict=True):
            collector.append(rows)
        need = next(iter(metric.needs))
        scores = [metric.score({need: c.table}, ClipContext(fps=25.0, truth=None)) for c in clips]
        parts.append([score.parts[metric.frechet] for score in scores])
    return float(metric.distances(metric.frechet, parts[0], parts[1], None)[0])


@pytest.mark.parametrize("kind", [MiniFID, MiniFVD])
def test_distances_are_those_of_two_gaussians(kind: type[MiniFID] | type[MiniFVD]) -> None:
    real = np.random.default_rng(0).normal(size=(400, 6))
    assert distance(kind(), real, real) == pytest.approx(0, abs=1e-9)
    moved = real + np.array([0.5, 0, 0, 0, 0, 0])
    assert distance(kind(), real, moved) == pytest.approx(0.25, abs=1e-6)
    twice = distance(kind(), real, 2 * real)
    assert twice == pytest.approx((real.mean(axis=0) ** 2).sum() + np.cov(real.T).trace(), rel=1e-6)


def test_a_clip_without_rows_says_so() -> None:
    context = ClipContext(fps=25.0, truth=None)
    nothing = np.zeros((0, 1))
    for metric, need, reason in (
        (MiniFID(), "frames", "no_frames"),
        (MiniFVD(), "windows", "too_short"),
        (MiniCSIM(), "frames", "too_short"),
    ):
        found = metric.score({need: nothing}, context).values
        assert {one.reason for one in found.values() if isinstance(one, Missing)} == {reason}
        assert len(found) == len(metric.outputs)


def mouth(seen: NDArray[np.float64], script: NDArray[np.float64]) -> ClipScore:
    boxes = np.zeros((len(script), 4), np.float32)
    landmarks = np.zeros((len(script), 5, 2), np.float32)
    faces = FaceTrack(boxes=boxes, mouth_boxes=boxes, landmarks=landmarks, source="truth")
    truth = ClipTruth(mouth_opening=script.astype(np.float32), faces=faces, fps=25.0)
    return MiniMouth().score({"frames": seen[:, None]}, ClipContext(fps=25.0, truth=truth))


def script_of(frames: int) -> NDArray[np.float64]:
    levels = np.random.default_rng(0).uniform(0, 1, frames + 4)
    return np.asarray(np.convolve(levels, np.ones(5) / 5, "valid"))


@pytest.mark.parametrize("late", [-4, 0, 3])
def test_a_late_mouth_has_its_lag_and_loses_correlation(late: int) -> None:
    script = script_of(120)
    found = mouth(0.5 * np.roll(script, late) + 0.1, script).values
    assert found["mini_mouth_offset_frames"] == late and found["mini_mouth_offset_abs_frames"] == abs(late)
    assert found["mini_mouth_best_correlation"] == pytest.approx(1.0, abs=1e-5)
    expected = np.corrcoef(np.roll(script, late), script)[0, 1]
    assert found["mini_mouth_correlation"] == pytest.approx(expected, abs=1e-5)


def test_a_mouth_that_follows_nothing_has_a_correlation_but_no_offset() -> None:
    found = mouth(np.random.default_rng(9).uniform(0, 1, 120), script_of(120)).values
    offset = found["mini_mouth_offset_frames"]
    assert isinstance(offset, Missing) and offset.reason == "no_sync"
    assert isinstance(found["mini_mouth_correlation"], float) and abs(found["mini_mouth_correlation"]) < 0.3


@pytest.mark.parametrize(
    ("seen", "script", "reason"),
    [
        (np.full(50, 0.4), script_of(50), "no_mouth_motion"),
        (script_of(50), np.zeros(50), "no_speech"),
        (script_of(50)[:2], script_of(50), "too_short"),
    ],
)
def test_where_there_is_no_correlation_it_says_why(
    seen: NDArray[np.float64], script: NDArray[np.float64], reason: str
) -> None:
    found = mouth(seen, script).values
    assert len(found) == 4
    assert {one.reason for one in found.values() if isinstance(one, Missing)} == {reason}


def test_a_video_shorter_than_its_script_is_compared_as_far_as_it_goes() -> None:
    script = script_of(100)
    assert mouth(script[:60], script).values["mini_mouth_correlation"] == pytest.approx(1.0, abs=1e-5)
