"""Metrics with networks in bfloat16: every value is finite, and near the one in float32."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
import torch

from liveact_eval.clips.clip import Clip
from liveact_eval.clips.faces import FaceOrder
from liveact_eval.measure.engine import Job, measure
from liveact_eval.metrics.base import Batch, ClipScore, Missing
from liveact_eval.metrics.composite import CompositeMetric
from liveact_eval.metrics.registry import shipped
from liveact_eval.networks.provider import Networks
from tests import shallow

SECONDS = 0.2
SYNC_SECONDS = 1.2
"""The shortest that lip sync measures."""
LIKENESSES = ("csim", "csim_paired", "csim_first", "subject_consistency", "background_consistency")
NEAR = dict.fromkeys(LIKENESSES, 2e-3) | {
    "aesthetic_quality": 0.02,
    "imaging_quality": 1e-3,
    "sync": 0.2,
}
"""Largest difference of a value: cosines; marks by ten and by a hundred; distances of about 100."""
ELSEWHERE = {
    "subject_consistency_long": "wants 10 s; its features are looked at alone",
    "background_consistency_long": "wants 10 s; its features are looked at alone",
    "sync_lse": "calls the network as sync does",
    "sync_exact": "wants 4 s and another detector; calls the network as sync does",
}
Scores = Mapping[str, ClipScore]
JUMPS = ("offset", "slope", "change", "last")
"""Outputs that a place in the clip decides."""


@pytest.fixture(scope="module")
def both() -> tuple[Networks, Networks]:
    return shallow.networks("float32"), shallow.networks("bfloat16")


@pytest.fixture(scope="module")
def found(talker: Clip, both: tuple[Networks, Networks]) -> tuple[Scores, Scores]:
    """The same clip in float32 and in bfloat16."""
    assert talker.video is not None
    made: list[Scores] = []
    for networks in both:
        scores: dict[str, ClipScore] = {}
        for seconds, names in ((SYNC_SECONDS, {"sync"}), (SECONDS, set(NEAR) - {"sync"})):
            measured = measure(
                Job(
                    clip=replace(talker, seconds=seconds),
                    video=talker.video,
                    metrics=[shipped()[name] for name in names],
                    faces=FaceOrder(),
                    networks=networks,
                )
            )
            assert not measured.traces, measured.traces
            scores |= measured.scores
        made.append(scores)
    return made[0], made[1]


def test_every_metric_that_it_concerns_is_tried() -> None:
    half = Networks(mode="seeded", precision="bfloat16")
    concerned = {
        name
        for name, metric in shipped().items()
        if not isinstance(metric, CompositeMetric) and any(half.in_bfloat16(n) for n in metric.networks)
    }
    assert concerned == set(NEAR) | set(ELSEWHERE)


@pytest.mark.parametrize("name", NEAR)
def test_values_are_finite_and_near(name: str, found: tuple[Scores, Scores]) -> None:
    full, half = (one[name].values for one in found)
    assert full.keys() == half.keys()
    assert any(isinstance(value, float) for value in half.values()), half
    for output, value in half.items():
        expected = full[output]
        if isinstance(value, Missing):
            assert isinstance(expected, Missing) or any(word in output for word in JUMPS), output
            continue
        assert np.isfinite(value), output
        if not any(word in output for word in JUMPS):
            assert value == pytest.approx(expected, abs=NEAR[name]), output


def test_the_precision_does_reach_the_metrics(found: tuple[Scores, Scores]) -> None:
    full, half = found
    for name in set(NEAR) - {"csim_paired"}:
        assert full[name].values != half[name].values, name


@pytest.mark.parametrize("name", ["subject_consistency_long", "background_consistency_long"])
def test_features_of_the_long_dimensions(name: str, both: tuple[Networks, Networks]) -> None:
    generator = torch.Generator().manual_seed(3)
    windows = torch.randint(0, 256, (3, 1, 64, 64, 3), generator=generator, dtype=torch.uint8)
    metric = shipped()[name]
    rows = []
    for networks in both:
        with torch.inference_mode():
            rows.append(torch.as_tensor(metric.features("frames", Batch(windows=windows, networks=networks))))
    assert rows[1].dtype == torch.float32
    assert bool(rows[1].isfinite().all())
    assert float(torch.cosine_similarity(rows[0], rows[1]).min()) > 0.999
