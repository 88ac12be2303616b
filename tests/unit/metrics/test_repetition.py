"""Frozen and looping videos, from the rows of the grid alone."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from liveact_eval.metrics.base import ClipContext, Missing
from liveact_eval.metrics.repetition import Repetition

FPS = 25.0
CLIP = ClipContext(fps=FPS, truth=None)
Rows = NDArray[np.float64]


def moving(frames: int, seed: int = 0) -> Rows:
    """Cells that change by several levels in every frame and never come back."""
    return np.random.RandomState(seed).uniform(0, 255, (frames, 256))


def values(rows: Rows) -> dict[str, float]:
    made = Repetition().score({"frames": rows}, CLIP).values
    assert not any(isinstance(value, Missing) for value in made.values())
    return {name: float(value) for name, value in made.items() if not isinstance(value, Missing)}


def test_motion_is_neither() -> None:
    assert values(moving(125)) == {"frozen_share": 0, "longest_freeze_s": 0, "loop_share": 0}


@pytest.mark.parametrize(("still", "counts"), [(9, False), (10, True), (40, True)])
def test_a_standstill_counts_from_its_length_on(still: int, counts: bool) -> None:
    rows = moving(100)
    rows[30 : 31 + still] = rows[30]
    made = values(rows)
    assert made["frozen_share"] == pytest.approx(still / 99 if counts else 0)
    assert made["longest_freeze_s"] == pytest.approx(still / FPS if counts else 0)


def test_a_change_below_the_limit_is_a_standstill() -> None:
    noise = np.random.RandomState(1).uniform(0, 0.7, (50, 256))
    assert values(100 + noise)["frozen_share"] == 1
    noise[:, 7] *= 4
    assert values(100 + noise)["frozen_share"] < 0.5


def test_the_longest_of_several() -> None:
    rows = moving(100)
    for start, length in ((5, 12), (40, 30), (80, 15)):
        rows[start : start + length + 1] = rows[start]
    made = values(rows)
    assert made["longest_freeze_s"] == pytest.approx(30 / FPS)
    assert made["frozen_share"] == pytest.approx(57 / 99)


@pytest.mark.parametrize("period", [10, 25, 37, 62])
def test_a_loop_of_any_period_is_found(period: int) -> None:
    rows = np.concatenate([moving(period)] * 13)[:125]
    assert values(rows)["loop_share"] == 1


@pytest.mark.parametrize("period", [9, 63])
def test_too_short_and_too_long_periods_are_not_loops(period: int) -> None:
    # The longer one does not fit twice; of the shorter one only a multiple is found, and that must fit twice.
    rows = np.concatenate([moving(period)] * 14)[:125]
    assert values(rows)["loop_share"] == (1 if period == 9 else 0)
    assert values(np.concatenate([moving(9)] * 14)[:19])["loop_share"] == 0


def test_a_loop_that_is_disturbed_too_often_is_none() -> None:
    rows = np.concatenate([moving(25)] * 5)
    rows[[40, 60]] = moving(2, seed=9)
    assert 0.9 < values(rows)["loop_share"] < 1
    rows[30:60] = moving(30, seed=9)
    assert values(rows)["loop_share"] == 0


@pytest.mark.parametrize("noise", [0.3, 3.0])
def test_what_a_codec_adds_does_not_hide_a_loop(noise: float) -> None:
    rows = np.concatenate([moving(25)] * 5)
    assert values(rows + np.random.RandomState(1).normal(0, noise, rows.shape))["loop_share"] == 1


def test_a_slow_drift_is_no_loop() -> None:
    rows = 20 + np.arange(250)[:, None] * np.linspace(0.5, 0.8, 256)
    assert values(rows)["loop_share"] == 0


def test_a_frozen_video_does_not_loop() -> None:
    assert values(np.repeat(moving(1), 125, axis=0)) == {
        "frozen_share": 1,
        "longest_freeze_s": 124 / FPS,
        "loop_share": 0,
    }


def test_one_frame_has_no_answer() -> None:
    made = Repetition().score({"frames": moving(1)}, CLIP).values
    assert {value.reason for value in made.values() if isinstance(value, Missing)} == {"too_short"}
