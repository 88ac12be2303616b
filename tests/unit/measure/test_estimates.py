"""Verdicts on differences, as runs give them: paired, and no more often wrong than they say."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from numpy.typing import NDArray

from liveact_eval.measure.estimates import judged
from liveact_eval.measure.intervals import Interval, StatisticsConfig, Verdict, draw_weights
from liveact_eval.metrics.base import Direction, Output

CONFIG = StatisticsConfig(resamples=1000)
Floats = NDArray[np.float64]


@functools.cache
def weights_of(speakers: tuple[str, ...]) -> NDArray[np.int64] | None:
    """The samples are the same for all differences of these speakers."""
    return draw_weights(speakers, CONFIG)


def verdict_on(
    a: Floats, b: Floats, direction: Direction = "up", speakers: list[str] | None = None
) -> tuple[Interval | None, Verdict]:
    own = speakers or [str(n) for n in range(len(a))]
    weights = weights_of(tuple(own))
    draws = None if weights is None else weights @ (a - b) / weights.sum(axis=1)
    return judged(
        float((a - b).mean()), draws, own, Output(name="x", title="X", direction=direction, digits=4), CONFIG
    )


@pytest.mark.parametrize(
    ("direction", "shift", "expected"),
    [
        ("up", 0.3, "better"),
        ("up", -0.3, "worse"),
        ("down", 0.3, "worse"),
        ("down", -0.3, "better"),
        ("none", 0.3, "cannot tell"),
        ("up", 0.0, "cannot tell"),
        ("down", 0.0, "cannot tell"),
    ],
)
def test_verdicts(direction: Direction, shift: float, expected: str) -> None:
    """The shift is far below the spread over clips: only a paired comparison can see it."""
    base = np.random.RandomState(0).normal(3.0, 2.0, 30)
    noise = np.random.RandomState(9).normal(0, 0.1, 30) if shift else 0
    interval, verdict = verdict_on(base + shift + noise, base, direction)
    assert verdict == expected
    assert interval is not None
    assert interval.low <= shift + np.mean(noise) <= interval.high
    turned = verdict_on(base, base + shift + noise, direction)
    assert turned[1] == {"better": "worse", "worse": "better"}.get(expected, expected)


def test_one_speaker_gives_no_verdict() -> None:
    values = np.arange(3.0)
    assert verdict_on(values + 5, values, speakers=["a", "a", "a"]) == (None, "cannot tell")


def test_what_nobody_sees_in_the_table_is_no_difference() -> None:
    values = np.arange(8.0)
    assert verdict_on(values + 1e-6, values)[1] == "cannot tell"
    assert verdict_on(values + 1e-2, values)[1] == "better"


def test_eight_speakers_without_a_difference() -> None:
    """At most one verdict in twenty, where the percentiles of the same samples give about one in nine."""
    stream, wrong, tables = np.random.RandomState(3), 0, 1000
    speakers = [f"s{n // 2}" for n in range(16)]
    for _ in range(tables):
        apart = np.repeat(stream.standard_normal(8), 2) + stream.standard_normal(16)
        wrong += verdict_on(apart, np.zeros(16), speakers=speakers)[1] != "cannot tell"
    assert wrong / tables <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / tables)
