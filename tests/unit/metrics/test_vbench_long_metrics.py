"""Consistency of long videos: scenes as they stream by, and the two metrics in the engine."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from liveact_eval.measure.engine import Job, measure
from liveact_eval.metrics._shot_cuts import SHORTEST, cuts
from liveact_eval.metrics._vbench_consistency import consistency
from liveact_eval.metrics._vbench_long import clip_frames, clips
from liveact_eval.metrics._vbench_long_scenes import THRESHOLD, Scenes, scenes_of
from liveact_eval.metrics._vbench_long_tables import BACKGROUND, SUBJECT
from liveact_eval.metrics.background_consistency import BackgroundConsistency
from liveact_eval.metrics.background_consistency_long import BackgroundConsistencyLong
from liveact_eval.metrics.base import ClipContext, Missing, merge
from liveact_eval.metrics.subject_consistency import SubjectConsistency
from liveact_eval.metrics.subject_consistency_long import SubjectConsistencyLong
from liveact_eval.networks.provider import Networks
from tests.helpers import clip_of, write_av

FPS = 4.0
Floats = NDArray[np.float64]


class MeanColour(nn.Module):
    """Stands for a network: mean and spread of each plane."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, pictures: Tensor) -> Tensor:
        planes = pictures.flatten(2)
        return torch.cat([planes.mean(dim=2), planes.std(dim=2)], dim=1) * self.scale


class Stand:
    """Has that network under every name."""

    def __init__(self) -> None:
        self._network = MeanColour().eval().requires_grad_(False)

    def missing(self, name: str) -> None:
        return None

    def get(self, name: str) -> nn.Module:
        return self._network


def feed(features: Floats, changes: Floats, steps: Sequence[int]) -> tuple[Scenes, Floats]:
    """What the engine does: frames in runs, their changes after them or before."""
    scenes = Scenes(FPS)
    at = 0
    for number, step in enumerate(steps):
        stop = min(at + step, len(features))
        ends = [
            (scenes.frames, features[at:stop]),
            (scenes.changes, changes[max(0, at - 1) : max(0, stop - 1)][:, None]),
        ]
        for end, rows in ends if number % 2 else ends[::-1]:
            if len(rows):
                end.append(rows)
        at = stop
    return scenes, scenes.frames.table


@pytest.mark.parametrize("frames", [2, 7, 40, 97, 700])
@pytest.mark.parametrize("step", [1, 5, 32])
def test_scenes_are_those_of_the_cuts(frames: int, step: int) -> None:
    stream = np.random.RandomState(frames)
    features = stream.standard_normal((frames, 6)) + 1
    changes = np.where(stream.uniform(size=frames - 1) < 0.12, 60.0, 30.0)
    scenes, table = feed(features, changes, [step] * frames)
    edges = [0, *cuts(changes, THRESHOLD), frames]
    ranges = [range(a, b) for a, b in itertools.pairwise(edges) if b - a > 1]
    found = scenes_of(table)
    assert len(found) == len(ranges)
    for scene, span in zip(found, ranges, strict=True):
        parts = clips([span], clip_frames(FPS))
        by_hand = [consistency(features[part.start : part.stop])[0].mean() for part in parts]
        np.testing.assert_allclose(scene.in_clip, by_hand)
        firsts = consistency(features[[part.start for part in parts]])[0]
        assert scene.clip_to_clip == (pytest.approx(firsts.mean()) if len(parts) > 1 else None)
    assert frames < 90 or len(ranges) > 1
    np.testing.assert_array_equal(scenes.frames.table, table)


@pytest.mark.parametrize("order", [1, -1])
def test_a_cut_that_is_known_late_still_divides(order: int) -> None:
    changes = np.zeros(99)
    # After the cut at frame 20 the changes at 30 to 45 are one cut, which is known at 60.
    changes[[19, 29, 35, 39, 44]] = 60
    assert cuts(changes, THRESHOLD) == [20, 45]
    scenes = Scenes(FPS)
    ends = [(scenes.frames, np.ones((100, 3))), (scenes.changes, changes[:, None])][::order]
    for end, rows in ends:
        for row in rows:
            end.append(row[None])
    assert [len(scene.in_clip) for scene in scenes_of(scenes.frames.table)] == [3, 4, 7]


def test_a_scene_of_one_frame_is_left_out() -> None:
    changes = np.zeros(39)
    changes[[19, 38]] = 60
    _, table = feed(np.ones((40, 3)), changes, [8] * 5)
    assert cuts(changes, THRESHOLD) == [20, 39]
    assert [len(scene.in_clip) for scene in scenes_of(table)] == [3, 3]


def test_little_is_held_of_a_long_video() -> None:
    scenes = Scenes(25.0)
    for _ in range(40):
        scenes.frames.append(np.ones((32, 8)))
        scenes.changes.append(np.zeros((32, 1)))
        assert len(scenes._waiting) <= SHORTEST
        assert len(scenes._run._held) < clip_frames(25.0)
    assert scenes.frames.table.shape == (len(clips([range(40 * 32)], 50)), 3)


@pytest.mark.parametrize(
    ("metric", "table", "prefix"),
    [(SubjectConsistencyLong(), SUBJECT, "subject"), (BackgroundConsistencyLong(), BACKGROUND, "background")],
)
def test_the_value_is_the_mean_over_scenes(metric: Any, table: Sequence[float], prefix: str) -> None:
    rows = np.array([[0, 0.9, 0.5], [0, 0.8, 0.5], [1, 0.7, np.nan]])
    score = metric.score({"frames": rows}, ClipContext(fps=25.0, truth=None, frames=251))
    mapped = (table[50]) / 2 + 0.85 / 2
    assert score.values[f"{prefix}_consistency_long"] == pytest.approx((mapped + 0.7) / 2)
    assert score.values[f"{prefix}_clip_to_clip"] == 0.5
    other = np.array([[0, 0.6, np.nan]])
    short = metric.score({"frames": other}, ClipContext(fps=25.0, truth=None, frames=251))
    assert short.values[f"{prefix}_clip_to_clip"] == Missing("too_short", "every scene is a single clip")
    name = f"{prefix}_consistency_long"
    merged = merge(np.stack([score.statistics[name], short.statistics[name]]))
    assert metric.result(merged) == pytest.approx((mapped + 0.7 + 0.6) / 3)
    for frames, empty in ((250, rows), (251, np.zeros((0, 1)))):
        made = metric.score({"frames": empty}, ClipContext(fps=25.0, truth=None, frames=frames)).values
        assert {value.reason for value in made.values()} == {"too_short"}
        assert set(made) == {output.name for output in metric.outputs}


def video(path: Path, seconds: float) -> Path:
    """A slow change of colour, and a jump after six seconds; 4 frames a second."""
    frames = np.zeros((round(seconds * FPS), 48, 64, 3), np.uint8)
    for n, frame in enumerate(frames):
        frame[:] = (20 + 2 * n, 90, 160) if n < 24 else (240, 200 - 2 * n, 40)
        frame[8:24, 8:24] = (250, 250, 250)
    return write_av(path, frames, rate=4, codec="ffv1", pixels="bgr0")


def test_both_run_beside_the_short_metrics_in_one_pass(tmp_path: Path) -> None:
    metrics = [
        SubjectConsistency(), SubjectConsistencyLong(), BackgroundConsistency(), BackgroundConsistencyLong(),
    ]  # fmt: skip
    path = video(tmp_path / "long.mkv", 12)
    stand = cast(Networks, Stand())
    found = measure(Job(clip=clip_of(path), video=path, metrics=metrics, networks=stand))
    assert found.traces == {}
    for short, prefix in (("subject_consistency", "subject"), ("background_consistency", "background")):
        curve = found.scores[short].curves[short]
        long = found.scores[f"{short}_long"]
        value, between = long.values[f"{short}_long"], long.values[f"{prefix}_clip_to_clip"]
        assert isinstance(value, float) and isinstance(between, float)
        assert long.statistics[f"{short}_long"][1] == 2
        # The jump costs the short metric every frame after it, and the long one nothing.
        assert curve[23:].max() < curve[:23].min()
        assert float(found.scores[short].values[short]) < value <= 1  # type: ignore[arg-type]


def test_ten_seconds_are_too_short(tmp_path: Path) -> None:
    path = video(tmp_path / "short.mkv", 10)
    job = Job(
        clip=clip_of(path), video=path, metrics=[SubjectConsistencyLong()], networks=cast(Networks, Stand())
    )
    (score,) = measure(job).scores.values()
    values = list(score.values.values())
    assert all(isinstance(value, Missing) and value.reason == "too_short" for value in values)
    assert "10.00 s; more than 10 s are expected" in cast(Missing, values[0]).detail
