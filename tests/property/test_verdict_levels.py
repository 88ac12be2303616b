"""Made-up runs without a difference: how often a verdict is wrong; with a known one: how often it is found."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from liveact_eval.comparing.build import compare_runs
from liveact_eval.comparing.paired import holm
from liveact_eval.gate.baseline import make_baseline
from liveact_eval.gate.judge import judge
from liveact_eval.gate.rules import Rule
from liveact_eval.measure.estimates import Resampling
from liveact_eval.measure.intervals import StatisticsConfig, percentiles
from tests.made_up import made_up

Floats = NDArray[np.float64]
Draw = Callable[[np.random.RandomState, tuple[int, ...]], Floats]
TABLES = 300
METRICS = 16
RESAMPLING = Resampling(StatisticsConfig(resamples=1000))


def normal(stream: np.random.RandomState, shape: tuple[int, ...]) -> Floats:
    return stream.standard_normal(shape)


def heavy(stream: np.random.RandomState, shape: tuple[int, ...]) -> Floats:
    return np.asarray(stream.standard_t(3, shape))


def apart(stream: np.random.RandomState, draw: Draw, speakers: int, clips: int, shift: float = 0.0) -> Floats:
    """Differences (metrics, clips): a speaker's own part, half of it common to all metrics, and a clip's own.

    A speaker's mean difference has the standard deviation 1 with two clips.
    """
    common = draw(stream, (1, speakers)) + draw(stream, (METRICS, speakers))
    return 0.5 * np.repeat(common, clips, axis=1) + draw(stream, (METRICS, speakers * clips)) + shift


def probabilities(differences: Floats, speakers: list[str]) -> list[float]:
    zeros = np.zeros(differences.shape[1])
    found = [RESAMPLING.mean_difference(row, zeros, speakers, 4).p for row in differences]
    return [p for p in found if p is not None]


def names(speakers: int, clips: int) -> list[str]:
    return [f"s{n // clips}" for n in range(speakers * clips)]


@pytest.mark.parametrize(("draw", "speakers"), [(normal, 8), (heavy, 8), (normal, 4)])
def test_without_a_difference_verdicts_are_rare(draw: Draw, speakers: int) -> None:
    """At most 5 % of single comparisons, and of whole tables after Holm's correction, give a verdict."""
    stream, own = np.random.RandomState(1), names(speakers, 2)
    single, tables = 0, 0
    for _ in range(TABLES):
        found = probabilities(apart(stream, draw, speakers, 2), own)
        single += sum(p <= 0.05 for p in found)
        tables += min(holm(dict(enumerate(found))).values()) <= 0.05
    # Three standard errors of the count above the level; the sixteen of a table go together.
    assert single / TABLES / METRICS <= 0.05 + 0.012
    assert tables / TABLES <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / TABLES)


def test_a_percentile_interval_of_eight_speakers_would_be_too_narrow() -> None:
    """Why verdicts are not made of the intervals that stand beside values."""
    stream, own = np.random.RandomState(2), names(8, 2)
    weights = RESAMPLING.weights(own)
    assert weights is not None
    wrong = 0
    for _ in range(TABLES // 3):
        for row in apart(stream, normal, 8, 2):
            interval = percentiles(weights @ row / weights.sum(axis=1), RESAMPLING.config)
            wrong += interval is not None and not interval.low <= 0 <= interval.high
    assert 0.08 <= wrong / (TABLES // 3) / METRICS <= 0.16


@pytest.mark.parametrize(("speakers", "shift", "power"), [(8, 2.0, 0.9), (16, 1.0, 0.75), (8, 1.0, 0.1)])
def test_a_known_difference_is_found(speakers: int, shift: float, power: float) -> None:
    """The share of sixteen metrics, all of them different, that docs/compare.md states."""
    stream, own = np.random.RandomState(3), names(speakers, 2)
    found = 0
    for _ in range(40):
        corrected = holm(dict(enumerate(probabilities(apart(stream, normal, speakers, 2, shift), own))))
        found += sum(p <= 0.05 for p in corrected.values())
    assert found / 40 / METRICS >= power


def test_whole_comparisons_of_equal_models() -> None:
    """The same through the command's own code: both models of a table are drawn alike."""
    stream, wrong = np.random.RandomState(4), 0
    for _ in range(100):
        level = 3 * stream.standard_normal(16)
        models = {
            model: {f"m{n}": (level + normal(stream, (16,))).tolist() for n in range(8)}
            for model in ("a", "b")
        }
        table = compare_runs([made_up(models)], config=StatisticsConfig(resamples=100))
        wrong += any(item.verdict != "cannot tell" for item in table.differences)
    assert wrong <= 12


def test_the_gate_passes_what_has_not_changed() -> None:
    """A minimum delta of almost nothing leaves all to the interval: 2.5 % of reruns may fail, for one end is worse."""
    rules = {f"m{n}": Rule(outputs=(f"m{n}",), least=1e-6) for n in range(METRICS)}
    stream, failed, found = np.random.RandomState(5), 0, 0
    for _ in range(100):
        level = 3 * stream.standard_normal(16)
        drawn = apart(stream, normal, 8, 2)
        base, same, worse = (
            made_up({"ours": {f"m{n}": (level + change * row).tolist() for n, row in enumerate(drawn)}})
            if shift == 0
            else made_up({"ours": {f"m{n}": (level + row + shift).tolist() for n, row in enumerate(drawn)}})
            for change, shift in ((0, 0.0), (1, 0.0), (1, -3.0))
        )
        baseline = make_baseline(base, "b")
        failed += judge(same, baseline, rules).exit_code == 1
        found += judge(worse, baseline, rules).exit_code == 1
    assert failed <= 8
    assert found == 100
