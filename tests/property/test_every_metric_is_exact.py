"""Every shipped metric gives the same numbers in any runs, alone or with others, in one process or in several.

The list of metrics is that of the registry, so that a new one is covered by being there. Large networks have stand-ins
(`tests/stand_ins.py`): what is tested is the way of the pictures through engine and metric.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from liveact_eval.cards.protocol import Encoding
from liveact_eval.clips.clip import Clip
from liveact_eval.clips.encode import write_video
from liveact_eval.clips.faces import FaceOrder
from liveact_eval.clips.sanity import SanityLimits
from liveact_eval.execution.tasks import MeasureRequest, measure_video
from liveact_eval.measure import engine, feeding
from liveact_eval.measure.engine import Job, Measurement, measure
from liveact_eval.measure.sharing import Memo
from liveact_eval.metrics.base import Metric, Missing
from liveact_eval.metrics.composite import CompositeMetric
from liveact_eval.metrics.registry import shipped
from liveact_eval.networks.provider import Networks
from tests.helpers import read_all
from tests.stand_ins import install, use_stand_ins

SECONDS = 1.32
TOLERANCE = 1e-6
BY_HAND = {"human_anatomy": "its detector takes half a minute a frame; tested with boxes of a script"}
"""Metrics that are tested elsewhere, and why."""
METRICS = {
    name: metric
    for name, metric in shipped().items()
    if not isinstance(metric, CompositeMetric) and not metric.by_name_only and name not in BY_HAND
}
"""All others that read a video: composites only combine what these give."""


@pytest.fixture(scope="module")
def clip(talkers: list[Clip]) -> Clip:
    return replace(talkers[0], seconds=SECONDS)


@pytest.fixture(scope="module")
def made(clip: Clip, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The clip growing darker, so that it differs from the real one and from frame to frame."""
    assert clip.video is not None
    frames = read_all(clip.video, seconds=SECONDS, sound=False)[0]
    pictures = [np.asarray(frame.rgb * (1 - 0.01 * n), np.uint8) for n, frame in enumerate(frames)]
    path = tmp_path_factory.mktemp("made") / "darker.mp4"
    samples = read_all(clip.video, seconds=SECONDS)[1]
    write_video(path, pictures, size=(64, 64), rate=Fraction(25), encoding=Encoding(crf=4), samples=samples)
    return path


@pytest.fixture(scope="module", autouse=True)
def _stand_ins() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        install(patch)
        yield


@pytest.fixture(scope="module")
def expected(clip: Clip, made: Path) -> Measurement:
    """All metrics in one pass, runs as long as they are by default."""
    return run(clip, made, list(METRICS.values()))


def run(clip: Clip, video: Path, metrics: list[Metric]) -> Measurement:
    job = Job(clip=clip, video=video, metrics=metrics, faces=FaceOrder(), networks=Networks(mode="seeded"))
    found = measure(job)
    assert not found.traces, found.traces
    return found


def difference(a: Measurement, b: Measurement, name: str) -> float:
    """Largest difference of a metric's values, curves and contributions to a set, relative to the largest number."""
    mine, other = a.scores[name], b.scores[name]
    assert mine.values.keys() == other.values.keys()
    assert {n for n, v in mine.values.items() if isinstance(v, Missing)} == {
        n for n, v in other.values.items() if isinstance(v, Missing)
    }
    pairs = [
        (np.asarray(value, float), np.asarray(other.values[key], float))
        for key, value in mine.values.items()
        if not isinstance(value, Missing)
    ]
    pairs += [(curve, other.curves[key]) for key, curve in mine.curves.items()]
    pairs += [(part, other.parts[key]) for key, part in mine.parts.items()]
    worst = 0.0
    for one, two in pairs:
        assert one.shape == two.shape
        assert np.array_equal(np.isnan(one), np.isnan(two))
        if one.size and not np.isnan(one).all():
            worst = max(worst, float(np.nanmax(np.abs(one - two)) / max(1.0, float(np.nanmax(np.abs(one))))))
    return worst


def test_what_is_left_out_is_there_and_has_a_reason() -> None:
    assert set(BY_HAND) <= set(shipped())
    assert not {m.name for m in shipped().values() if m.by_name_only} & set(METRICS)


@pytest.mark.parametrize("name", METRICS)
def test_it_has_a_number_on_an_ordinary_clip(name: str, expected: Measurement) -> None:
    score = expected.scores[name]
    reasons = {value.reason for value in score.values.values() if isinstance(value, Missing)}
    assert reasons <= {"no_change", "no_sync", "too_short", "no_blink", "no_silence", "too_small"}, (
        score.values
    )


@pytest.mark.parametrize("name", METRICS)
def test_its_numbers_are_in_the_stated_range(name: str, expected: Measurement) -> None:
    outputs = {output.name: output for output in METRICS[name].outputs}
    for key, value in expected.scores[name].values.items():
        low, high = outputs[key].range or (None, None)
        if isinstance(value, float):
            assert low is None or value >= low - TOLERANCE, key
            assert high is None or value <= high + TOLERANCE, key


@pytest.mark.parametrize("run_bytes", [7 * 64 * 64 * 3])
def test_runs_of_other_lengths_change_nothing(
    clip: Clip, made: Path, expected: Measurement, monkeypatch: pytest.MonkeyPatch, run_bytes: int
) -> None:
    monkeypatch.setattr(engine, "RUN_BYTES", run_bytes)
    other = run(clip, made, list(METRICS.values()))
    found = {name: difference(expected, other, name) for name in METRICS}
    assert {name: d for name, d in found.items() if d > TOLERANCE} == {}


class Forgetful(Memo):
    """Shares nothing."""

    def once(self, key: object, make: object) -> object:  # type: ignore[override]
        return make()  # type: ignore[operator]


def test_sharing_features_changes_no_digit(
    clip: Clip, made: Path, expected: Measurement, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeding, "Memo", Forgetful)
    other = run(clip, made, list(METRICS.values()))
    assert {name: d for name in METRICS if (d := difference(expected, other, name)) > 0} == {}


def test_two_processes_give_the_numbers_of_one(clip: Clip, made: Path, expected: Measurement) -> None:
    names = sorted(METRICS)
    requests = [
        MeasureRequest(
            clip=clip,
            video=made,
            selectors=("all",),
            wanted=tuple(part),
            limits=SanityLimits(),
            faces=FaceOrder(),
            expected_seconds=SECONDS,
            networks=Networks(mode="seeded"),
        )
        for part in (names[::2], names[1::2])
    ]
    with multiprocessing.get_context("spawn").Pool(2, initializer=use_stand_ins) as pool:
        parts = pool.map(measure_video, requests, chunksize=1)
    for part in parts:
        assert not part.traces, part.traces
        assert {name: d for name in part.scores if (d := difference(expected, part, name)) > 0} == {}
    assert set(parts[0].scores) | set(parts[1].scores) == set(METRICS)
