"""Merged statistics do not depend on order, grouping, duplication or processes."""

from __future__ import annotations

import multiprocessing
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liveact_eval.clips.clip import Clip
from liveact_eval.clips.faces import FaceOrder
from liveact_eval.clips.sanity import SanityLimits
from liveact_eval.execution.tasks import MeasureRequest, measure_video
from liveact_eval.measure.engine import Measurement
from liveact_eval.metrics.base import Metric, merge
from liveact_eval.metrics.registry import shipped
from liveact_eval.metrics.set_metric import SetMetric

METRICS = [metric for metric in shipped().values() if not isinstance(metric, SetMetric)]
VALUES = st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=12)


def statistics(metric: Metric, values: list[float]) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    return np.stack([metric.statistics(value) for value in values])


@settings(max_examples=40, deadline=None)
@given(metric=st.sampled_from(METRICS), values=VALUES, data=st.data())
def test_any_order_and_any_grouping(metric: Metric, values: list[float], data: st.DataObject) -> None:
    parts = statistics(metric, values)
    whole = float(metric.result(merge(parts)))
    shuffled = data.draw(st.permutations(range(len(values))))
    cut = data.draw(st.integers(0, len(values)))
    left, right = merge(parts[shuffled[:cut]]), merge(parts[shuffled[cut:]])
    assert float(metric.result(left + right)) == pytest.approx(whole, rel=1e-12, abs=1e-9)
    assert whole == pytest.approx(float(np.mean(values)), rel=1e-12, abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(metric=st.sampled_from(METRICS), values=VALUES, times=st.integers(2, 5))
def test_duplicates_of_the_set_leave_the_value(metric: Metric, values: list[float], times: int) -> None:
    parts = statistics(metric, values)
    once, often = metric.result(merge(parts)), metric.result(merge(np.concatenate([parts] * times)))
    assert float(often) == pytest.approx(float(once), rel=1e-12, abs=1e-9)


def request(clip: Clip) -> MeasureRequest:
    assert clip.video is not None
    return MeasureRequest(
        clip=replace(clip, seconds=1.0),
        video=clip.video,
        selectors=("all-offline",),
        wanted=tuple(name for name, metric in shipped().items() if not metric.networks),
        limits=SanityLimits(),
        faces=FaceOrder(),
        expected_seconds=1.0,
    )


def same(a: Measurement, b: Measurement) -> bool:
    return (
        a.findings == b.findings
        and a.scores.keys() == b.scores.keys()
        and all(score.values == b.scores[name].values for name, score in a.scores.items())
        and all(
            np.array_equal(curve, b.scores[name].curves[key])
            for name, score in a.scores.items()
            for key, curve in score.curves.items()
        )
    )


def test_a_request_gives_the_same_numbers_here_and_in_another_process(talkers: list[Clip]) -> None:
    here = [measure_video(request(clip)) for clip in talkers]
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        there = pool.map(measure_video, [request(clip) for clip in talkers])
    assert all(same(a, b) for a, b in zip(here, there, strict=True))
    assert not same(here[0], here[1])
