"""Verdicts on constructed curves."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from liveact_eval.measure.intervals import StatisticsConfig
from liveact_eval.selftest.expectations import Expectation, expectations
from liveact_eval.selftest.judge import verdict_of
from liveact_eval.selftest.ladders import ladders
from liveact_eval.selftest.verdicts import Reading, read_curve, spearman

CONFIG = StatisticsConfig(resamples=400)
SPEAKERS = ("a", "b", "c", "d")
UP, DOWN = Expectation("up"), Expectation("down")


def table(*levels: float, spread: float = 0.0) -> NDArray[np.float64]:
    """(levels, 4): the same curve for four clips, each with an offset and noise of its own."""
    noise = np.random.RandomState(0).standard_normal((len(levels), 4)) * spread
    curves: NDArray[np.float64] = np.array(levels)[:, None] + np.array([0.0, 3.0, -2.0, 10.0]) + noise
    return curves


def read(*levels: float, spread: float = 0.0) -> Reading:
    return read_curve(table(*levels, spread=spread), SPEAKERS, CONFIG)


def test_rising() -> None:
    reading = read(0, 1, 2, 3, 4, spread=0.1)
    assert (reading.shape, reading.trend) == ("monotone", "up")
    assert reading.correlation == pytest.approx(1.0)
    assert reading.interval is not None and reading.interval.low > 0.9
    assert (reading.dead_until, reading.saturated_from) == (None, None)
    assert reading.change[4] == pytest.approx(4, abs=0.3)
    assert verdict_of(reading, UP) == ("monotone", True)
    assert verdict_of(reading, DOWN) == ("wrong way", False)
    assert verdict_of(reading, None) == ("monotone", None)


def test_falling() -> None:
    reading = read(9, 7, 4, 2, 1, spread=0.1)
    assert (reading.shape, reading.trend) == ("monotone", "down")
    assert reading.correlation == pytest.approx(-1)
    assert verdict_of(reading, UP) == ("wrong way", False)
    assert verdict_of(reading, DOWN) == ("monotone", True)


def test_dead_then_saturated() -> None:
    reading = read(0, 0, 0, 5, 9, 9, 9)
    assert (reading.shape, reading.dead_until, reading.saturated_from) == ("monotone", 2, 4)
    assert verdict_of(reading, UP) == ("saturated", True)


def test_noise_is_flat() -> None:
    reading = read(0, 0, 0, 0, 0, spread=1e-12)
    assert (reading.shape, reading.trend, reading.correlation) == ("flat", "none", None)
    assert verdict_of(reading, UP) == ("flat", False)
    noisy = np.array([[0, 0, 0, 0], [1, -1, 2, -2], [-1, 1, 1, -1], [2, -2, -1, 1]], np.float64)
    assert read_curve(noisy, SPEAKERS, CONFIG).shape == "flat"


def test_there_and_back() -> None:
    reading = read(0, 2, 4, 2, 1)
    assert reading.shape == "not monotone"
    assert verdict_of(reading, None) == ("not monotone", None)
    assert verdict_of(reading, UP) == ("not monotone", False)
    assert verdict_of(read(0, 2, 4, 1, -1), UP) == ("wrong way", False)


def test_a_small_step_back_is_none() -> None:
    assert read(0, 50, 100, 99).shape == "monotone"
    assert read(0, 50, 100, 90).shape == "not monotone"


def test_a_clip_against_the_others_makes_a_step_unsure() -> None:
    values = table(0, 1, 2, 3)
    values[2, 0] = values[1, 0] - 5
    assert read_curve(values, SPEAKERS, CONFIG).shape == "monotone"
    assert read_curve(values, SPEAKERS, CONFIG).correlation == pytest.approx(0.75 + 0.25 * 0.4, abs=0.11)


def test_one_speaker_has_no_interval() -> None:
    reading = read_curve(table(0, 1, 2, 3)[:, :1], ("a",), CONFIG)
    assert (reading.shape, reading.interval) == ("monotone", None)
    assert reading.correlation == pytest.approx(1)


def test_values_of_sets() -> None:
    whole = np.array([[4.0], [5.0], [7.0], [20.0]])
    reading = read_curve(whole, ("set",), CONFIG, alone=True)
    assert (reading.shape, reading.trend, reading.interval) == ("monotone", "up", None)


def test_missing_levels_are_left_out() -> None:
    values = table(0, 1, 2, 3, 4)
    values[3:] = np.nan
    reading = read_curve(values, SPEAKERS, CONFIG)
    assert (reading.shape, reading.change[3:]) == ("monotone", (None, None))
    values[1:] = np.nan
    assert read_curve(values, SPEAKERS, CONFIG).shape == "missing"
    values = table(0, 1, 2, 3, 4)
    values[0] = np.nan
    reading = read_curve(values, SPEAKERS, CONFIG)
    assert reading.shape == "missing"
    assert verdict_of(reading, UP) == ("missing", None)


def test_what_must_be_still() -> None:
    assert verdict_of(read(0, 0, 0, 0), Expectation("still", 0.0)) == ("flat", True)
    assert verdict_of(read(0, 0.1, 0.2, 0.3), Expectation("still", 0.5)) == ("monotone", True)
    assert verdict_of(read(0, 0.1, 0.2, 0.6), Expectation("still", 0.5)) == ("wrong way", False)
    assert verdict_of(read(0, 0.9, 0.2, 0), Expectation("still", 0.5)) == ("wrong way", False)


def test_rank_correlation() -> None:
    assert spearman(np.array([1.0, 2.0, 30.0])) == pytest.approx(1)
    assert spearman(np.array([1.0, np.nan, 2.0, 1.5])) == pytest.approx(0.5)
    assert spearman(np.array([2.0, 2.0, 2.0])) == 0
    assert spearman(np.array([1.0, 2.0, np.nan])) is None


def test_expectations_name_outputs_that_exist() -> None:
    from liveact_eval.metrics.registry import shipped

    known = {output.name for metric in shipped().values() for output in metric.outputs}
    assert {output for output, _ in expectations()} <= known
    assert expectations()["psnr_db", "blur"] == DOWN
    assert expectations()["temporal_flickering", "freeze"] == UP
    assert expectations()["psnr_db", "audio_late"] == Expectation("still", 0)
    expected = {name for _, name in expectations()}
    assert expected == set(ladders())
