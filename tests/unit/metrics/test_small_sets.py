"""What stands beside a distance of few videos."""

from __future__ import annotations

import numpy as np
import pytest

from liveact_eval.errors import UserError
from liveact_eval.metrics._frechet import GaussianStatistics, distance, merge, summarise
from liveact_eval.metrics._frechet_resampling import FrechetResampler
from liveact_eval.metrics._small_sets import Floor, centred_interval, extrapolated, real_floor, warnings_of

DIMENSIONS = 20


def videos(count: int, seed: int, shift: float = 0.0) -> list[GaussianStatistics]:
    stream = np.random.RandomState(seed)
    made = []
    for _ in range(count):
        centre = stream.standard_normal(DIMENSIONS) + shift
        made.append(summarise(centre + 0.3 * stream.standard_normal((4, DIMENSIONS))))
    return made


def test_the_interval_lies_around_the_value_though_all_samples_lie_above() -> None:
    replicates = 30 + np.arange(101) / 10
    interval = centred_interval(20.0, replicates, confidence=0.8)
    assert (interval.low, interval.high) == pytest.approx((16, 24))
    assert centred_interval(1.0, replicates).low == 0
    assert centred_interval(20.0, np.append(replicates, np.nan), confidence=0.8) == pytest.approx((16, 24))
    with pytest.raises(UserError, match="None of 2 bootstrap samples gave a distance"):
        centred_interval(1.0, np.array([np.nan, np.nan]))


def test_bootstrap_samples_really_are_too_large() -> None:
    real, generated = videos(30, 1), videos(30, 2)
    stream = np.random.RandomState(3)
    weights = np.stack([np.bincount(stream.randint(0, 30, 30), minlength=30) for _ in range(60)]).astype(
        float
    )
    resampler = FrechetResampler(real, generated)
    assert resampler.values(weights, weights).min() > resampler.values()[0]


def test_floor_of_equal_and_of_shifted_videos() -> None:
    real = videos(40, 1)
    alike = real_floor(real, videos(40, 2))
    assert (alike.videos, alike.splits) == (20, 10)
    assert alike.generated == pytest.approx(alike.real, rel=0.15)
    shifted = real_floor(real, videos(40, 2, 1.0))
    assert shifted.real == alike.real
    assert shifted.generated - alike.generated == pytest.approx(DIMENSIONS, rel=0.3)


def test_floor_keeps_clips_apart_and_has_a_seed() -> None:
    real = videos(8, 1)
    # A copy of the real videos: were a clip on both sides, this would lie below the floor.
    copied = real_floor(real, real, seed=5)
    assert copied.generated == pytest.approx(copied.real)
    assert real_floor(real, real, seed=5) == copied
    assert real_floor(real, real, seed=6) != copied
    assert real_floor(real, videos(5, 3)).videos == 4
    with pytest.raises(UserError, match="from 1 real and 8 generated videos"):
        real_floor(real[:1], real)
    with pytest.raises(UserError, match="from 8 real and 3 generated videos"):
        real_floor(real, real[:3])


def test_extrapolation_takes_the_bias_off() -> None:
    real, generated = videos(60, 1), videos(60, 2, 0.5)
    resampler = FrechetResampler(real, generated)
    limit = extrapolated(resampler, 60, 60)
    truth = 0.25 * DIMENSIONS
    assert limit.videos == (30, 38, 45, 52, 60)
    assert limit.means[-1] == pytest.approx(distance(merge(real), merge(generated)), rel=1e-6)
    assert list(limit.means) == sorted(limit.means, reverse=True)
    assert abs(limit.value - truth) < 0.4 * (limit.means[-1] - truth)
    with pytest.raises(UserError, match="Extrapolation from 3 videos; expected at least 4"):
        extrapolated(resampler, 60, 3)


def test_warnings_name_what_is_small() -> None:
    quiet = Floor(real=1.0, generated=9.0, videos=300, splits=10)
    loud = Floor(real=5.0, generated=9.0, videos=300, splits=10)
    assert warnings_of(samples=5000, videos=600, dimensions=400, value=8.0, floor=quiet) == ()
    assert warnings_of(samples=5000, videos=600, dimensions=400, value=8.0, floor=None) == ()
    (few,) = warnings_of(samples=5000, videos=50, dimensions=400, value=8.0, floor=quiet)
    assert few.startswith("50 videos; expected at least 500")
    (singular,) = warnings_of(samples=400, videos=600, dimensions=400, value=8.0, floor=quiet)
    assert "covariance is singular" in singular
    (floored,) = warnings_of(samples=5000, videos=600, dimensions=400, value=8.0, floor=loud)
    assert "are 5 apart, generated and real ones at that size 9: much of 8 is sample size" in floored
