"""Bootstrap over videos: each drawing equals the distance of the videos that it names."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from liveact_eval.errors import UserError
from liveact_eval.metrics._frechet import GaussianStatistics, distance, merge, summarise
from liveact_eval.metrics._frechet_resampling import FrechetResampler


def videos(
    counts: list[int], dimensions: int, seed: int, shift: float = 0.0, decay: float = 0.0
) -> list[GaussianStatistics]:
    stream = np.random.RandomState(seed)
    scale = np.arange(1.0, dimensions + 1) ** -decay
    return [
        summarise(
            scale
            * (stream.standard_normal(dimensions) + 0.5 * stream.standard_normal((n, dimensions)) + shift)
        )
        for n in counts
    ]


def drawings(count: int, videos: int, seed: int) -> NDArray[np.float64]:
    stream = np.random.RandomState(seed)
    return np.stack(
        [np.bincount(stream.randint(0, videos, videos), minlength=videos) for _ in range(count)]
    ).astype(float)


def directly(chosen: list[GaussianStatistics], weights: NDArray[np.float64]) -> GaussianStatistics:
    return merge(part for part, count in zip(chosen, weights, strict=True) for _ in range(int(count)))


@pytest.mark.parametrize("frames", [2, 40], ids=["few samples", "many samples"])
def test_each_drawing_is_exact(frames: int) -> None:
    real = videos([frames, frames + 3, 1, frames, frames], 12, 1)
    generated = videos([frames + 1, frames, frames, 2], 12, 2, 0.4)
    resampler = FrechetResampler(real, generated)
    v, w = drawings(20, 5, 3), drawings(20, 4, 4)
    expected = [distance(directly(real, a), directly(generated, b)) for a, b in zip(v, w, strict=True)]
    assert resampler.values(v, w) == pytest.approx(expected, rel=1e-7)
    assert resampler.values()[0] == pytest.approx(distance(merge(real), merge(generated)), rel=1e-9)
    assert resampler.kept == pytest.approx(1)


def test_a_cut_basis_keeps_the_whole_exact_and_drawings_close() -> None:
    real, generated = videos([60] * 6, 40, 1, decay=1), videos([60] * 6, 40, 2, 0.2, decay=1)
    resampler = FrechetResampler(real, generated, rank=8)
    whole = distance(merge(real), merge(generated))
    assert 0.9 < resampler.kept < 0.999
    assert resampler.values()[0] == pytest.approx(whole, rel=1e-9)
    drawn = drawings(12, 6, 5)
    expected = np.array([distance(directly(real, row), directly(generated, row)) for row in drawn])
    assert np.abs(resampler.values(drawn, drawn) - expected).max() < 0.02 * expected.std() + 1e-2 * whole


def test_drawings_do_not_depend_on_their_company() -> None:
    real, generated = videos([30] * 4, 6, 1), videos([30] * 4, 6, 2)
    resampler = FrechetResampler(real, generated)
    drawn = drawings(40, 4, 6)
    together = resampler.values(drawn, drawn)
    alone = [resampler.values(row[None], row[None])[0] for row in drawn]
    assert together == pytest.approx(alone, rel=1e-9)


def test_a_drawing_without_two_samples_has_no_value() -> None:
    real, generated = videos([1, 5], 6, 1), videos([5, 5], 6, 2)
    values = FrechetResampler(real, generated).values(np.array([[1.0, 0], [0, 1], [0, 0]]), np.ones((3, 2)))
    assert np.isnan(values).tolist() == [True, False, True]


def test_too_few_samples_are_refused() -> None:
    with pytest.raises(UserError, match="of 1 real and 5 generated samples; expected at least 2"):
        FrechetResampler(videos([1], 4, 0), videos([5], 4, 1))
