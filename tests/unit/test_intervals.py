"""Intervals against what theory says."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from liveact_eval.measure.intervals import StatisticsConfig, draw_weights, interval_of
from liveact_eval.metrics.base import merge

CONFIG = StatisticsConfig(resamples=4000)
Floats = NDArray[np.float64]


def mean(merged: Floats) -> Floats:
    result: Floats = merged[..., 0] / merged[..., 1]
    return result


def parts(values: Floats) -> Floats:
    """Statistics of a mean over clips."""
    return np.stack([values, np.ones_like(values)], axis=1)


def normal(count: int, seed: int = 0) -> Floats:
    return np.random.RandomState(seed).normal(3.0, 2.0, count)


def width(values: Floats, speakers: list[str], config: StatisticsConfig = CONFIG) -> float:
    interval = interval_of(parts(values), mean, draw_weights(speakers, config), config)
    assert interval is not None
    assert interval.low <= mean(merge(parts(values))) <= interval.high
    return interval.high - interval.low


@pytest.mark.parametrize(("confidence", "quantile"), [(0.95, 1.96), (0.80, 1.2816)])
def test_mean_of_normal_values(confidence: float, quantile: float) -> None:
    values = normal(400)
    config = StatisticsConfig(resamples=4000, confidence=confidence)
    expected = 2 * quantile * values.std() / np.sqrt(len(values))
    assert width(values, [str(n) for n in range(400)], config) == pytest.approx(expected, rel=0.06)


def test_coverage() -> None:
    config = StatisticsConfig(resamples=400)
    speakers = [str(n) for n in range(40)]
    weights = draw_weights(speakers, config)
    hits = 0
    for seed in range(400):
        interval = interval_of(parts(normal(40, seed)), mean, weights, config)
        assert interval is not None
        hits += interval.low <= 3.0 <= interval.high
    assert 0.90 <= hits / 400 <= 0.98


def test_clips_of_one_speaker_count_as_one() -> None:
    """Eight equal clips of each of 30 speakers are worth 30 clips, not 240."""
    values = normal(30)
    speakers = [f"s{n}" for n in range(30)]
    apart = width(np.repeat(values, 8), [f"{s}-{k}" for s in speakers for k in range(8)])
    together = width(np.repeat(values, 8), [s for s in speakers for _ in range(8)])
    assert together == pytest.approx(width(values, speakers), rel=1e-12)
    assert together / apart == pytest.approx(np.sqrt(8), rel=0.1)


def test_speakers_are_drawn_with_all_their_clips() -> None:
    weights = draw_weights(["b", "a", "b", "c"], CONFIG)
    assert weights is not None
    assert weights.shape == (4000, 4)
    np.testing.assert_array_equal(weights[:, 0], weights[:, 2])
    np.testing.assert_array_equal(weights[:, [0, 1, 3]].sum(axis=1), 3)
    assert weights.mean(axis=0) == pytest.approx(np.ones(4), abs=0.05)


def test_seed_decides() -> None:
    values, speakers = normal(20), [str(n) for n in range(20)]
    again = [
        interval_of(parts(values), mean, draw_weights(speakers, config), config)
        for config in (StatisticsConfig(seed=1), StatisticsConfig(seed=1), StatisticsConfig(seed=2))
    ]
    assert again[0] == again[1] != again[2]


def test_order_of_clips_is_no_matter() -> None:
    values, speakers = normal(12), [f"s{n % 5}" for n in range(12)]
    order = np.random.RandomState(1).permutation(12)
    turned = interval_of(
        parts(values[order]), mean, draw_weights([speakers[n] for n in order], CONFIG), CONFIG
    )
    straight = interval_of(parts(values), mean, draw_weights(speakers, CONFIG), CONFIG)
    assert turned is not None
    assert straight is not None
    assert (turned.low, turned.high) == pytest.approx((straight.low, straight.high), rel=1e-12)


@pytest.mark.parametrize("speakers", [[], ["a"], ["a", "a", "a"]])
def test_one_speaker_has_no_interval(speakers: list[str]) -> None:
    assert draw_weights(speakers, CONFIG) is None
    values = parts(normal(len(speakers)))
    assert interval_of(values, mean, None, CONFIG) is None
