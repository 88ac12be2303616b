"""Fréchet distance: mergeable statistics, their flat form, degenerate sets."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from liveact_eval.errors import UserError
from liveact_eval.metrics._frechet import GaussianStatistics, accumulate, distance, merge, summarise


def drawn(samples: int, dimensions: int, seed: int, shift: float = 0.0) -> NDArray[np.float64]:
    stream = np.random.RandomState(seed)
    return stream.standard_normal((samples, dimensions)) * np.linspace(0.1, 2, dimensions) + shift


def by_definition(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    covariances = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    roots = np.sqrt(np.maximum(np.linalg.eigvals(covariances[0] @ covariances[1]).real, 0)).sum()
    apart = np.square(x.mean(axis=0) - y.mean(axis=0)).sum()
    return float(apart + np.trace(covariances[0]) + np.trace(covariances[1]) - 2 * roots)


@pytest.mark.parametrize("samples", [2, 7, 30, 31, 32, 200])
def test_distance_is_that_of_the_definition(samples: int) -> None:
    x, y = drawn(samples, 31, 1), drawn(max(samples - 1, 2), 31, 2, 0.3)
    assert distance(summarise(x), summarise(y)) == pytest.approx(by_definition(x, y), rel=1e-6)


@pytest.mark.parametrize("samples", [1, 2, 9, 10, 11, 50])
def test_root_is_that_of_the_scatter_matrix_and_small(samples: int) -> None:
    x = drawn(samples, 10, 3)
    statistics = summarise(x)
    centred = x - x.mean(axis=0)
    assert statistics.root.T @ statistics.root == pytest.approx(centred.T @ centred, abs=1e-12)
    assert len(statistics.root) == min(samples - 1, 10)


def test_merging_is_exact_and_associative() -> None:
    blocks = [drawn(count, 40, seed, seed / 5) for seed, count in enumerate((1, 3, 80, 2, 39, 41, 200))]
    parts = [summarise(block) for block in blocks]
    whole = summarise(np.concatenate(blocks))
    left = parts[0]
    for part in parts[1:]:
        left = merge([left, part])
    right = parts[-1]
    for part in reversed(parts[:-1]):
        right = merge([part, right])
    other = summarise(drawn(25, 40, 9))
    for merged in (left, right, merge(parts), accumulate(blocks)):
        assert merged.n == whole.n
        assert merged.mean == pytest.approx(whole.mean, rel=1e-12)
        assert merged.trace == pytest.approx(whole.trace, rel=1e-12)
        assert distance(merged, other) == pytest.approx(distance(whole, other), rel=1e-9)
        assert merged.root.shape == (40, 40)


def test_merged_root_stays_below_the_number_of_samples() -> None:
    merged = merge(summarise(drawn(3, 100, seed)) for seed in range(5))
    assert merged.root.shape == (14, 100)


def test_few_samples_of_many_numbers_take_little_room() -> None:
    vector = summarise(drawn(10, 2048, 0)).to_vector()
    assert len(vector) == 4 + 2048 + 9 * 2048


@pytest.mark.parametrize("samples", [1, 4, 11, 12, 60])
def test_flat_form_and_back(samples: int) -> None:
    statistics = summarise(drawn(samples, 11, 5))
    vector = statistics.to_vector()
    assert vector.dtype == np.float64
    again = GaussianStatistics.from_vector(vector)
    assert again.n == statistics.n
    assert np.array_equal(again.mean, statistics.mean)
    assert np.array_equal(again.root, statistics.root)


def test_a_full_root_is_stored_as_a_triangle() -> None:
    assert len(merge([summarise(drawn(7, 6, 1)), summarise(drawn(2, 6, 2))]).to_vector()) == 4 + 6 + 21


def test_cut_or_foreign_vectors_are_refused() -> None:
    vector = summarise(drawn(4, 6, 1)).to_vector()
    with pytest.raises(ValueError, match="statistics of 27 numbers, expected 28"):
        GaussianStatistics.from_vector(vector[:-1])
    with pytest.raises(ValueError, match=r"begin with 7\.0, expected format 1"):
        GaussianStatistics.from_vector(np.array([7.0, *vector[1:]]))
    with pytest.raises(ValueError, match="begin with nothing"):
        GaussianStatistics.from_vector(np.zeros(0))


def test_a_set_against_itself_is_zero_and_constant_sets_have_only_their_means() -> None:
    x = summarise(drawn(300, 64, 1))
    assert distance(x, x) == pytest.approx(0, abs=1e-9)
    assert distance(summarise(np.ones((5, 8))), summarise(np.full((9, 8), 3.0))) == pytest.approx(32)


def test_one_sample_is_refused() -> None:
    with pytest.raises(UserError, match=r"a set with 1 sample; expected at least 2.*more or longer videos"):
        distance(summarise(drawn(1, 4, 0)), summarise(drawn(5, 4, 1)))


def test_features_that_are_not_finite_are_refused() -> None:
    x = drawn(5, 4, 0)
    x[1, 2], x[3, 0] = np.nan, np.inf
    with pytest.raises(UserError, match="2 of 5 feature vectors are not finite"):
        summarise(x)


def test_wrong_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"features of shape \(0, 4\)"):
        summarise(np.zeros((0, 4)))
    with pytest.raises(ValueError, match="3 dimensions, expected 4"):
        merge([summarise(drawn(2, 4, 0)), summarise(drawn(2, 3, 0))])
    with pytest.raises(ValueError, match="no statistics"):
        merge([])
    with pytest.raises(ValueError, match="4 dimensions against 3"):
        distance(summarise(drawn(3, 3, 0)), summarise(drawn(3, 4, 0)))
