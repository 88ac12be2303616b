"""Paired estimates and Holm's correction against what is known of them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ttest_rel

from liveact_eval.comparing.paired import holm, verdict
from liveact_eval.measure.estimates import Estimate, Resampling, from_draws
from liveact_eval.measure.intervals import StatisticsConfig


def test_one_clip_of_each_speaker_is_the_paired_t_test() -> None:
    stream = np.random.RandomState(0)
    a, b = stream.standard_normal((2, 12)) + np.array([[0.5], [0.0]])
    speakers = [f"s{n}" for n in range(12)]
    found = Resampling(StatisticsConfig(resamples=20_000)).mean_difference(a, b, speakers, 9)
    expected = ttest_rel(a, b)
    interval = expected.confidence_interval(0.95)
    assert found.difference == pytest.approx(np.mean(a - b))
    assert found.p == pytest.approx(expected.pvalue, rel=0.06)
    assert found.interval(0.95) == pytest.approx((interval.low, interval.high), abs=0.03)


def test_clips_of_one_speaker_count_once() -> None:
    stream = np.random.RandomState(1)
    apart = stream.standard_normal(6) + 1
    resampling = Resampling()
    one = resampling.mean_difference(apart, np.zeros(6), list("abcdef"), 9)
    five = resampling.mean_difference(
        np.repeat(apart, 5), np.zeros(30), list(np.repeat(list("abcdef"), 5)), 9
    )
    assert (five.n, five.freedom) == (30, 5)
    assert five.p == pytest.approx(one.p)


def test_nothing_is_known_better_than_its_last_digit() -> None:
    speakers, zeros = list("abcdefgh"), np.zeros(8)
    resampling = Resampling()
    none = resampling.mean_difference(zeros, zeros, speakers, 3)
    assert none.p == 1.0
    dust = resampling.mean_difference(zeros + 1e-6, zeros, speakers, 3)
    assert dust.p is not None and dust.p > 0.9
    constant = resampling.mean_difference(zeros + 5, zeros, speakers, 2)
    assert constant.p is not None and 0 < constant.p < 1e-9
    assert constant.interval(0.95) == pytest.approx((5, 5), abs=0.01)


def test_one_speaker_has_no_interval() -> None:
    found = Resampling().mean_difference(np.array([1.0, 2.0]), np.zeros(2), ["a", "a"], 3)
    assert (found.difference, found.p, found.interval(0.95)) == (1.5, None, None)
    assert verdict(found.difference, found.p, "up", 0.05) == "cannot tell"


def test_draws_that_are_not_finite_are_left_out() -> None:
    draws = np.random.RandomState(0).standard_normal(500)
    with_gaps = np.concatenate([draws, [np.nan, np.inf]])
    expected, found = (from_draws(1.0, own, list("abcd"), 9).error for own in (draws, with_gaps))
    assert found == expected
    assert found == pytest.approx(draws.std() * np.sqrt(4 / 3))


def test_holm() -> None:
    found = holm({0: 0.01, 1: 0.04, 2: 0.03, 3: 0.005})
    assert found == pytest.approx({3: 0.02, 0: 0.03, 2: 0.06, 1: 0.06})
    assert holm({7: 0.7, 8: 0.9}) == {7: 1.0, 8: 1.0}
    assert holm({}) == {}


@pytest.mark.parametrize(
    ("difference", "p", "direction", "expected"),
    [
        (1.0, 0.01, "up", "better"),
        (1.0, 0.01, "down", "worse"),
        (-1.0, 0.01, "down", "better"),
        (-1.0, 0.01, "up", "worse"),
        (1.0, 0.051, "up", "cannot tell"),
        (1.0, 0.01, "none", None),
    ],
)
def test_verdicts(difference: float, p: float, direction: str, expected: str | None) -> None:
    assert verdict(difference, p, direction, 0.05) == expected  # type: ignore[arg-type]


def test_interval_and_probability_say_the_same() -> None:
    estimate = Estimate(difference=1.0, error=0.4, freedom=7, n=16)
    assert estimate.p is not None
    low, high = estimate.interval(1 - estimate.p) or (0, 0)
    assert low == pytest.approx(0, abs=1e-9)
    assert high == pytest.approx(2)
