"""Intervals over speakers and seeds, verdicts, and the journal that numbers come from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from liveact_eval.ablations.intervals import mean_interval, ratio_interval, unit_weights
from liveact_eval.ablations.journal import UnitJournal
from liveact_eval.ablations.study import Curve, Finding, Reading
from liveact_eval.ablations.summary import verdict
from liveact_eval.errors import UserError
from liveact_eval.measure.intervals import Interval, StatisticsConfig
from liveact_eval.metrics.base import Missing

CONFIG = StatisticsConfig(resamples=500)
SPEAKERS = ["s", "s", "s", "t", "t", "t"]
SEEDS = [0, 1, 2, 0, 1, 2]


def test_speakers_and_seeds_are_drawn_whole() -> None:
    weights = unit_weights(SPEAKERS, SEEDS, CONFIG)
    assert weights is not None
    table = weights.reshape(-1, 2, 3)
    # Each sample is a product: so many of the speaker times so many of the seed.
    totals = table.sum(axis=(1, 2))
    assert (totals == 6).all()
    products = table.sum(axis=2)[:, :, None] * table.sum(axis=1)[:, None, :]
    assert (table * 6 == products).all()
    assert len(np.unique(table.sum(axis=2)[:, 0])) == 3
    assert len(np.unique(table.sum(axis=1)[:, 0])) == 4


@pytest.mark.parametrize(
    ("speakers", "seeds"), [(["s"] * 3, [0, 1, 2]), (["s", "s", "t", "t"], [0, 1, 0, 1])]
)
def test_no_interval_about_what_was_not_varied(speakers: list[str], seeds: list[int]) -> None:
    assert unit_weights(speakers, seeds, CONFIG) is None
    assert mean_interval(np.ones(len(seeds)), None, CONFIG) is None


def test_the_spread_of_either_factor_widens_the_interval() -> None:
    weights = unit_weights(SPEAKERS, SEEDS, CONFIG)
    for values in (np.array([0.0, 0, 0, 1, 1, 1]), np.array([0.0, 1, 2, 0, 1, 2])):
        found = mean_interval(values, weights, CONFIG)
        assert found is not None
        assert found.low == pytest.approx(values.min())
        assert found.high == pytest.approx(values.max())
    still = mean_interval(np.full(6, 0.5), weights, CONFIG)
    assert still == Interval(0.5, 0.5)


def test_what_is_missing_counts_nowhere() -> None:
    weights = unit_weights(SPEAKERS, SEEDS, CONFIG)
    values = np.array([2.0, np.nan, 2.0, 2.0, 2.0, np.nan])
    assert mean_interval(values, weights, CONFIG) == Interval(2.0, 2.0)
    assert mean_interval(np.full(6, np.nan), weights, CONFIG) is None
    below = np.array([1.0, 5.0, 1.0, 1.0, np.nan, 7.0])
    assert ratio_interval(values, below, weights, CONFIG) == Interval(2.0, 2.0)


@pytest.mark.parametrize(
    ("low", "high", "relation", "bound", "found"),
    [
        (0.1, 0.2, ">", 0.0, "holds"),
        (-0.2, -0.1, ">", 0.0, "does not hold"),
        (-0.1, 0.1, ">", 0.0, "cannot tell"),
        (-0.1, 0.1, ">", -0.2, "holds"),
        (1.0, 1.01, "<", 1.019, "holds"),
        (1.02, 1.03, "<", 1.019, "does not hold"),
        (0.0, 0.0, "<", 0.0, "does not hold"),
    ],
)
def test_verdicts(low: float, high: float, relation: str, bound: float, found: str) -> None:
    finding = Finding(
        says="",
        source="",
        measure="m",
        variant="a",
        form="value",
        relation=relation,  # type: ignore[arg-type]
        bound=bound,
    )
    assert verdict(Interval(low, high), finding) == found
    assert verdict(None, finding) == "cannot tell"


def test_the_journal_gives_back_what_it_was_given(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    reading = Reading(
        values={"m": 0.1 + 0.2, "n": Missing("why", "because")},
        curves={"c": Curve(x=[1.0, 2.0], y=[None, 3.0])},
    )
    UnitJournal(path).record("k", {"variant": "a", "seed": 3}, 1.5, reading)
    journal = UnitJournal(path)
    journal.record_failure("f", {"variant": "b"}, 0.5, "reason", "message")
    again = UnitJournal(path)
    assert again.reading("k") == reading
    assert again.failure("k") is None
    assert again.reading("f") is None
    assert again.failure("f") == ("reason", "message")
    assert again.reading("x") is None
    again.record("f", {"variant": "b"}, 0.5, reading)
    assert UnitJournal(path).reading("f") == reading


def test_a_damaged_or_newer_journal_is_named(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_text("nonsense\n")
    with pytest.raises(UserError, match=r"journal\.jsonl, line 1: no unit"):
        UnitJournal(path)
    path.write_text('{"format": 2, "key": "k", "failed": null}\n')
    with pytest.raises(UserError, match="newer liveact-eval"):
        UnitJournal(path)
