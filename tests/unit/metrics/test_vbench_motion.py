"""Motion smoothness and dynamic degree on small videos."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from liveact_eval.measure.needs import FrameNeed
from liveact_eval.metrics._vbench_dynamics import (
    fast_motion,
    kept_frames,
    moves,
    sampling_interval,
    thresholds,
)
from liveact_eval.metrics._vbench_smoothness import HOP, WINDOW, frame_errors, middle_frames, smoothness
from liveact_eval.metrics.base import ClipContext
from liveact_eval.metrics.dynamic_degree import DynamicDegree
from liveact_eval.metrics.motion_smoothness import MotionSmoothness
from liveact_eval.networks.seeded_networks import amt_s, raft_things
from tests.unit.metrics.vbench_cases import Shelf, forms, number, reasons, run

CLIP = ClipContext(fps=25.0, truth=None)


@pytest.fixture(scope="module")
def networks() -> Shelf:
    return Shelf({"amt_s": amt_s().eval(), "raft": raft_things().eval().requires_grad_(False)})


@pytest.mark.parametrize("count", [6, 7])
def test_smoothness_in_runs_is_that_of_the_whole_clip(networks: Shelf, count: int) -> None:
    frames = forms(count, 66, 72, step=3)
    with torch.inference_mode():
        made = middle_frames(networks.get("amt_s"), frames[:-2:2], frames[2::2])
    errors = frame_errors(frames[1:-1:2], made).numpy()
    for cuts in [(), (1, 4), range(1, count)]:
        score = run(MotionSmoothness(), frames, networks, cuts=cuts)
        assert number(score, "motion_smoothness") == pytest.approx(smoothness(errors), abs=1e-6)
        np.testing.assert_allclose(
            score.curves["motion_smoothness"], np.repeat(1 - errors / 255, 2), atol=1e-6
        )


def test_smoothness_reads_what_vbench_reads() -> None:
    assert MotionSmoothness.needs == {"triples": FrameNeed(window=WINDOW, hop=HOP, matrix="bt601")}


def test_a_jump_costs_smoothness(networks: Shelf) -> None:
    frames = forms(5, 64, 64)
    jumping = frames.clone()
    jumping[1::2] = 255 - jumping[1::2]
    calm, wild = (
        number(run(MotionSmoothness(), v, networks), "motion_smoothness") for v in (frames, jumping)
    )
    assert wild < calm - 0.05


@pytest.mark.parametrize(("metric", "frames"), [(MotionSmoothness(), 2), (DynamicDegree(), 3)])
def test_too_few_frames(networks: Shelf, metric: MotionSmoothness | DynamicDegree, frames: int) -> None:
    assert reasons(run(metric, forms(frames, 64, 64), networks)) == {"too_short"}


@pytest.mark.parametrize("metric", [MotionSmoothness(), DynamicDegree()])
def test_too_small_frames(networks: Shelf, metric: MotionSmoothness | DynamicDegree) -> None:
    assert reasons(run(metric, forms(7, 48, 90), networks)) == {"too_small"}
    # With the padding they are 64 pixels high.
    assert number(run(metric, forms(7, 57, 64), networks), metric.name) >= 0


@pytest.mark.parametrize(
    ("count", "fps", "cuts"),
    [(6, 8.0, ()), (7, 20.0, (1, 4)), (10, 25.0, ()), (10, 25.0, (1, 5)), (10, 25.0, range(1, 10))],
)
def test_motion_in_runs_is_that_of_the_whole_clip(
    networks: Shelf, count: int, fps: float, cuts: Sequence[int]
) -> None:
    frames = forms(count, 64, 72, step=3)
    kept = frames[list(kept_frames(len(frames), fps))]
    with torch.inference_mode():
        motion = fast_motion(networks.get("raft")(kept.permute(0, 3, 1, 2)).full)
    limit = thresholds(len(kept), 64, 72)
    score = run(DynamicDegree(), frames, networks, cuts=cuts, fps=fps)
    assert number(score, "dynamic_degree") == moves(motion, limit)
    assert number(score, "dynamic_margin") == pytest.approx(
        np.sort(motion)[-limit.pairs] / limit.motion, rel=1e-5
    )
    curve = score.curves["dynamic_motion_px"]
    np.testing.assert_allclose(curve, np.repeat(motion, sampling_interval(fps)), rtol=1e-5)


@pytest.mark.parametrize("fps", [5.0, 8.0, 12.0, 16.0, 20.0, 24.0, 25.0, 29.97, 30.0, 60.0])
def test_the_engine_keeps_the_frames_that_vbench_keeps(fps: float) -> None:
    need = DynamicDegree.needs["pairs"]
    assert isinstance(need, FrameNeed) and need.interval(fps) == sampling_interval(fps)


@pytest.mark.parametrize(("fast", "moving"), [(0, 0.0), (3, 0.0), (4, 1.0), (12, 1.0)])
def test_a_quarter_of_the_pairs_decides(fast: int, moving: float) -> None:
    # 16 frames are kept of 360 x 256: more than 6 pixels in 4 pairs.
    rows = np.full((15, 2), [2.0, 256.0])
    rows[:fast, 0] = 6.6
    score = DynamicDegree().score({"pairs": rows}, CLIP)
    assert number(score, "dynamic_degree") == moving
    assert number(score, "dynamic_margin") == pytest.approx(1.1 if moving else 1 / 3)
    rows[:, 0] = 6.0
    assert number(DynamicDegree().score({"pairs": rows}, CLIP), "dynamic_degree") == 0


def test_of_two_kept_frames_no_pair_is_asked_for() -> None:
    score = DynamicDegree().score({"pairs": np.array([[0.0, 256.0]])}, CLIP)
    assert number(score, "dynamic_degree") == 1
    assert "dynamic_margin" in score.values and not isinstance(score.values["dynamic_margin"], float)
