"""Features of a clip of any length, in memory that does not grow."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from liveact_eval.metrics._frechet import summarise
from liveact_eval.metrics._gaussian_collector import GaussianCollector, unpack


def features(count: int, width: int = 6) -> NDArray[np.float64]:
    return np.random.RandomState(0).standard_normal((count, width)) + np.arange(width)


def collected(rows: NDArray[np.float64], keep: int, run: int) -> NDArray[np.float64]:
    collector = GaussianCollector(keep)
    for start in range(0, len(rows), run):
        collector.append(rows[start : start + run])
    return np.asarray(collector.table)


@pytest.mark.parametrize("run", [1, 7, 600, 5000])
def test_statistics_are_those_of_all_rows_however_they_come(run: int) -> None:
    rows = features(1500)
    found, _ = unpack(collected(rows, 0, run)[0])
    expected = summarise(rows)

    assert found.n == 1500
    assert np.allclose(found.mean, expected.mean)
    assert np.allclose(found.root.T @ found.root, expected.root.T @ expected.root)


@pytest.mark.parametrize("run", [1, 3, 64])
def test_what_is_kept_lies_evenly_over_the_clip(run: int) -> None:
    rows = features(1000)

    _, kept = unpack(collected(rows, 100, run)[0])

    assert np.array_equal(kept, rows[::16])
    assert np.array_equal(unpack(collected(rows[:80], 100, run)[0])[1], rows[:80])


def test_it_holds_no_more_for_a_longer_clip() -> None:
    lengths = {collected(features(count), 32, 50).shape[1] for count in (2048, 4096, 8192)}

    assert len(lengths) == 1


def test_nothing_gives_nothing() -> None:
    assert GaussianCollector().table.shape == (0, 1)
