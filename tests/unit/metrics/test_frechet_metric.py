"""Fréchet distances as metrics: distances, floor, interval and warning over parts of clips."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from liveact_eval.metrics._frechet import distance, summarise
from liveact_eval.metrics._frechet_metric import split_halves
from liveact_eval.metrics._gaussian_collector import GaussianCollector, kept_only, statistics_only
from liveact_eval.metrics.fid import FID, FIDLegacy
from liveact_eval.metrics.fvd import FVD, FVDStretch

Floats = NDArray[np.float64]


def clips(
    count: int, shift: float = 0.0, seed: int = 0, frames: int = 12
) -> tuple[list[Floats], list[Floats]]:
    """Features of clips, and what each contributes."""
    stream = np.random.RandomState(seed)
    raw = [stream.standard_normal((frames, 5)) + stream.standard_normal(5) + shift for _ in range(count)]
    parts = []
    for rows in raw:
        collector = GaussianCollector(keep=256)
        collector.append(rows)
        parts.append(np.asarray(collector.table)[0])
    return raw, parts


def test_the_distance_is_that_of_all_frames_together() -> None:
    real, generated = clips(6), clips(6, 0.5, seed=1)
    found = FID().distances("fid", real[1], generated[1], None)
    expected = distance(summarise(np.concatenate(real[0])), summarise(np.concatenate(generated[0])))

    assert found.shape == (1,)
    assert found[0] == pytest.approx(expected)


def test_an_output_keeps_only_what_it_is_computed_from() -> None:
    real, generated = clips(6)[1], clips(6, 0.5, seed=1)[1]
    for output, reduced in (("fid", statistics_only), ("kid", kept_only)):
        whole = FID().distances(output, real, generated, None)
        parts = [[reduced(part) for part in side] for side in (real, generated)]
        assert np.array_equal(FID().distances(output, parts[0], parts[1], None), whole)
        assert len(parts[0][0]) < len(real[0])


def test_a_clip_taken_twice_counts_twice() -> None:
    real, generated = clips(3), clips(3, 0.5, seed=1)
    weights = np.array([[2.0, 1.0, 0.0]])
    twice = [0, 0, 1]
    for output in ("fid",):
        found = FID().distances(output, real[1], generated[1], weights)
        again = FID().distances(output, [real[1][i] for i in twice], [generated[1][i] for i in twice], None)
        assert found[0] == pytest.approx(again[0])


def test_kernel_distance_of_one_distribution_is_about_zero_and_of_two_is_not() -> None:
    real, same, other = clips(40), clips(40, seed=1), clips(40, 1.0, seed=2)

    near, far = (float(FID().distances("kid", real[1], parts[1], None)[0]) for parts in (same, other))

    assert abs(near) < far / 5


def test_too_few_features_give_no_distance() -> None:
    _, one = clips(1, frames=1)

    assert np.isnan(FID().distances("fid", one, one, None)).all()
    assert np.isnan(FID().distances("kid", one, one, np.ones((3, 1)))).shape == (3,)


def test_halves_share_no_speaker() -> None:
    speakers = ["a", "b", "a", "c", "d", "b"]
    halves = split_halves(speakers, 20)
    assert halves is not None
    for first, second in zip(*halves, strict=True):
        sides = [{s for s, taken in zip(speakers, half, strict=True) if taken} for half in (first, second)]
        assert not sides[0] & sides[1] and sides[0] | sides[1] == set(speakers)
    assert split_halves(["a", "a"], 5) is None


def test_floor_is_below_another_distribution() -> None:
    real, other = clips(12), clips(12, 2.0, seed=3)
    speakers = [str(n) for n in range(12)]
    for output in ("fid", "kid"):
        floor = FID().floor(output, real[1], speakers)
        assert floor is not None
        assert floor < FID().distances(output, real[1], other[1], None)[0]
        assert FID().floor(output, real[1], ["one"] * 12) is None


def test_interval_lies_around_the_value_although_resamples_are_too_large() -> None:
    replicates = np.linspace(10, 14, 101)

    bounds = FVD().interval("fvd", 9.0, replicates, 0.95)

    assert bounds is not None and bounds[0] < 9.0 < bounds[1]
    assert FVD().interval("fvd", 9.0, np.full(3, np.nan), 0.95) is None


def test_small_sets_are_warned_of() -> None:
    _, few = clips(4)

    warning = FVD().warning("fvd", 3.0, few)

    assert warning is not None and warning.startswith("48 windows; 4 videos; expected at least 500")
    assert FID().warning("kid", 3.0, few) is None


def test_recipes_differ() -> None:
    metrics = [FID(), FIDLegacy(), FVD(), FVDStretch()]

    assert len({metric.recipe for metric in metrics}) == 4
    assert all(metric.networks for metric in metrics)
