"""Subject and background consistency on small videos."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from liveact_eval.metrics._vbench_consistency import consistency
from liveact_eval.metrics._vbench_likeness import ConsistencyMetric
from liveact_eval.metrics._vbench_transforms import clip_input, dino_input
from liveact_eval.metrics.background_consistency import BackgroundConsistency
from liveact_eval.metrics.base import merge
from liveact_eval.metrics.subject_consistency import SubjectConsistency
from liveact_eval.networks.clip_visual import ClipVisual, ClipVisualSize
from liveact_eval.networks.dino import DinoViT
from liveact_eval.networks.seeded import fill_seeded
from tests.unit.metrics.vbench_cases import Shelf, forms, number, reasons, run, shuffled

TRANSFORMS = {"subject_consistency": dino_input, "background_consistency": clip_input}


@pytest.fixture(scope="module")
def networks() -> Shelf:
    # Both of full width; with all blocks, filling them takes longer than all tests.
    with torch.device("meta"):
        dino = DinoViT()
        dino.blocks = dino.blocks[:1]
    dino = dino.to_empty(device="cpu").eval().requires_grad_(False)
    size = ClipVisualSize(patch=32, width=768, depth=1, heads=12, features=512)
    clip = ClipVisual(size).eval().requires_grad_(False)
    fill_seeded(dino, "dino_vitb16")
    fill_seeded(clip, "clip_vitb32_visual")
    return Shelf({"dino_vitb16": dino, "clip_vitb32": clip})


@pytest.fixture(params=[SubjectConsistency, BackgroundConsistency])
def metric(request: pytest.FixtureRequest) -> ConsistencyMetric:
    made: ConsistencyMetric = request.param()
    return made


def test_runs_of_frames_give_what_the_whole_clip_gives(metric: ConsistencyMetric, networks: Shelf) -> None:
    frames = forms(7, 48, 60, step=4)
    with torch.inference_mode():
        features = networks.get(metric.networks[0])(TRANSFORMS[metric.name](frames))
    expected = consistency(features.numpy())[0]
    for cuts in [(), (1,), (4, 5)]:
        score = run(metric, frames, networks, cuts=cuts)
        np.testing.assert_allclose(score.curves[metric.name], expected, atol=1e-6)
        assert number(score, metric.name) == pytest.approx(expected.mean(), abs=1e-6)
    assert 0.2 < expected.mean() < 0.9999


def test_a_frozen_video_is_perfect_and_disorder_costs(metric: ConsistencyMetric, networks: Shelf) -> None:
    frames = forms(8, 64, 64, step=5)
    frozen = run(metric, frames[:1].expand(5, -1, -1, -1), networks)
    assert number(frozen, metric.name) == pytest.approx(1, abs=1e-6)
    calm, wild = run(metric, frames, networks), run(metric, shuffled(frames), networks)
    assert number(wild, metric.name) < number(calm, metric.name) < 1


def test_long_videos_weigh_more(metric: ConsistencyMetric, networks: Shelf) -> None:
    scores = [run(metric, forms(frames, 64, 64, step=8), networks) for frames in (2, 6)]
    merged = merge(np.stack([score.statistics[metric.name] for score in scores]))
    curves = np.concatenate([score.curves[metric.name] for score in scores])
    assert merged[1] == 6
    assert metric.result(merged) == pytest.approx(curves.mean())
    assert metric.result(merged) != pytest.approx(np.mean([number(s, metric.name) for s in scores]), abs=1e-5)


@pytest.mark.parametrize("frames", [0, 1])
def test_one_frame_is_too_short(metric: ConsistencyMetric, networks: Shelf, frames: int) -> None:
    assert reasons(run(metric, forms(frames, 32, 32) if frames else forms(1, 32, 32)[:0], networks)) == {
        "too_short"
    }


def test_of_a_long_clip_one_number_per_frame_is_kept(metric: ConsistencyMetric) -> None:
    collector = metric.collector("frames")
    for _ in range(50):
        collector.append(np.ones((4, 768), np.float32))
    assert collector.table.shape == (199, 1)
