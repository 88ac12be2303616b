"""KID: the estimate by its definition, order of drawing, and sums between videos."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from liveact_eval.errors import UserError
from liveact_eval.metrics import _kid
from liveact_eval.metrics._kid import kernel_blocks, kid_full, kid_subsets

Floats = NDArray[np.float64]


def drawn(samples: int, seed: int, shift: float = 0.0) -> Floats:
    return np.random.RandomState(seed).standard_normal((samples, 6)) + shift


def by_definition(x: Floats, y: Floats) -> float:
    def kernel(a: Floats, b: Floats) -> Floats:
        made: Floats = (a @ b.T / a.shape[1] + 1) ** 3
        return made

    def within(a: Floats) -> float:
        table = kernel(a, a)
        return float((table.sum() - np.trace(table)) / (len(a) * (len(a) - 1)))

    return within(x) + within(y) - 2 * float(kernel(x, y).mean())


def test_all_pairs() -> None:
    x, y = drawn(40, 1), drawn(25, 2, 0.5)
    assert kid_full(x, y) == pytest.approx(by_definition(x, y), rel=1e-12)


def test_subsets_are_drawn_from_the_generated_set_first() -> None:
    x, y = drawn(40, 1), drawn(25, 2, 0.5)
    stream = np.random.RandomState(5)
    expected = []
    for _ in range(3):
        of_generated = y[stream.choice(25, 10, replace=False)]
        expected.append(by_definition(x[stream.choice(40, 10, replace=False)], of_generated))
    assert kid_subsets(x, y, seed=5, subsets=3, size=10) == pytest.approx(np.mean(expected), rel=1e-12)


@pytest.mark.parametrize("subsets", [2, 30], ids=["one by one", "from one kernel"])
def test_both_ways_of_subsets_agree_with_the_definition(subsets: int) -> None:
    x, y = drawn(40, 1), drawn(30, 2, 0.5)
    stream = np.random.RandomState(0)
    expected = []
    for _ in range(subsets):
        of_generated = y[stream.choice(30, 12, replace=False)]
        expected.append(by_definition(x[stream.choice(40, 12, replace=False)], of_generated))
    assert kid_subsets(x, y, seed=0, subsets=subsets, size=12) == pytest.approx(np.mean(expected), rel=1e-10)


def test_a_subset_that_is_everything_needs_no_seed() -> None:
    x, y = drawn(20, 1), drawn(20, 2)
    values = [kid_subsets(x, y, seed=seed, subsets=4) for seed in (0, 1)]
    assert values == pytest.approx([kid_full(x, y)] * 2, rel=1e-10)


def test_drawn_videos_equal_their_samples_without_copies_of_themselves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_kid, "_CHUNK", 7)
    real = [drawn(n, seed) for seed, n in enumerate((5, 1, 8))]
    generated = [drawn(n, seed + 9, 0.3) for seed, n in enumerate((4, 6))]
    blocks = kernel_blocks(real, generated)
    assert blocks.values()[0] == pytest.approx(kid_full(np.concatenate(real), np.concatenate(generated)))
    once = blocks.values(np.array([[1.0, 0, 1]]), np.array([[0.0, 1]]))
    assert once[0] == pytest.approx(kid_full(np.concatenate([real[0], real[2]]), generated[1]), rel=1e-12)
    # The same videos twice each: no pair is new, so nothing may change.
    twice = blocks.values(np.full((1, 3), 2.0), np.full((1, 2), 2.0))
    whole = np.concatenate(real), np.concatenate(generated)
    assert twice[0] == pytest.approx(_without_copies(*whole), rel=1e-12)


def test_a_drawing_with_one_sample_has_no_value() -> None:
    blocks = kernel_blocks([drawn(1, 0), drawn(4, 1)], [drawn(4, 2)])
    values = blocks.values(np.array([[1.0, 0], [2.0, 0], [0, 1.0]]), np.ones((3, 1)))
    assert np.isnan(values).tolist() == [True, True, False]


def test_bad_sets_are_refused() -> None:
    with pytest.raises(UserError, match="KID of 1 real and 5 generated samples; expected at least 2"):
        kid_full(drawn(1, 0), drawn(5, 1))
    with pytest.raises(UserError, match="features of 6 and 4 dimensions"):
        kid_subsets(drawn(5, 0), drawn(5, 1)[:, :4], seed=0)
    with pytest.raises(UserError, match="1 of 2 videos have no features"):
        kernel_blocks([drawn(5, 0), drawn(0, 0)], [drawn(5, 1)])


def _without_copies(x: Floats, y: Floats) -> float:
    """All pairs of two copies of everything but those of a sample and itself or its copy."""

    def within(a: Floats) -> float:
        table = (a @ a.T / a.shape[1] + 1) ** 3
        pairs = (2 * len(a)) ** 2 - 4 * len(a)
        return float(4 * (table.sum() - np.trace(table)) / pairs)

    return within(x) + within(y) - 2 * float(((x @ y.T / x.shape[1] + 1) ** 3).mean())
