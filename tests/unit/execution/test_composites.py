"""Values, intervals and comparisons of composites, against a bootstrap by hand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import pytest

from liveact_eval.execution.cells import Cell
from liveact_eval.execution.composites import (
    Part,
    composite_cells,
    composite_comparison,
    composite_value,
)
from liveact_eval.measure.intervals import StatisticsConfig, draw_weights, interval_of
from liveact_eval.metrics.base import Output, merge
from liveact_eval.metrics.composite import CompositeMetric, Floats
from liveact_eval.metrics.psnr import Psnr

CONFIG = StatisticsConfig(resamples=300, seed=5)
SPEAKERS = ["ann", "ann", "ben", "cem", "cem", "cem", "dora"]
CLIPS = [f"clip{n}" for n in range(len(SPEAKERS))]
MEAN = Psnr()
"""Stands for any metric whose value over clips is their mean, or that of frames where statistics say so."""


class Product(CompositeMetric):
    """Not linear: the composite of means is not the mean of composites."""

    name = "product"
    outputs = (Output(name="product", title="Product", direction="up"),)
    parts: ClassVar[tuple[str, ...]] = ("a", "b")
    recipe = summary = source = "test"

    def combine(self, values: Floats) -> Floats:
        product: Floats = values[..., 0] * (1 + values[..., 1])
        return product


METRIC = Product()


def part(
    output: str,
    values: Sequence[float | str],
    weights: Sequence[int] | None = None,
    speakers: Sequence[str] = SPEAKERS,
) -> Part:
    """A part; a word in place of a number says why it is missing, weights are frames of the clips."""
    cells = {}
    for n, value in enumerate(values):
        if isinstance(value, str):
            cells[CLIPS[n]] = Cell(speakers[n], None, None, value)
        else:
            count = 1 if weights is None else weights[n]
            cells[CLIPS[n]] = Cell(speakers[n], value, np.array([value * count, count], float), None)
    return Part(output, MEAN, cells)


def drawn_by_hand(parts: Sequence[Part], clips: Sequence[Sequence[str]]) -> Floats:
    """The composite of each bootstrap sample: draw speakers, put their clips together, combine."""
    counted = set().union(*clips)
    names = sorted({SPEAKERS[CLIPS.index(clip)] for clip in counted})
    stream = np.random.RandomState(CONFIG.seed)
    found = []
    for row in stream.randint(0, len(names), size=(CONFIG.resamples, len(names))):
        values = []
        for one, own in zip(parts, clips, strict=True):
            rows = [
                one.statistics([clip])[0]
                for speaker in row
                for clip in own
                if one.cells[clip].speaker == names[speaker]
            ]
            total = np.sum(rows, axis=0) if rows else np.array([np.nan, 1.0])
            values.append(total[0] / total[1])
        found.append(values[0] * (1 + values[1]))
    return np.array(found)


A = part("a", [1.0, 2.0, 4.0, 3.0, 5.0, 6.0, 8.0], weights=[10, 20, 30, 10, 10, 40, 5])
B = part("b", [0.1, 0.9, 0.4, 0.3, 0.5, 0.2, 0.7])


def test_the_value_is_the_formula_on_the_rows_of_the_parts() -> None:
    found = composite_value(METRIC, [A, B], CONFIG)
    rows = [float(MEAN.result(merge(one.statistics(CLIPS)))) for one in (A, B)]
    assert found.value == pytest.approx(rows[0] * (1 + rows[1]), rel=1e-14)
    assert (found.n, found.n_speakers, dict(found.failures)) == (7, 4, {})
    assert (found.reason, found.note) == (None, None)


def test_the_interval_is_that_of_a_bootstrap_by_hand() -> None:
    found = composite_value(METRIC, [A, B], CONFIG).interval
    drawn = drawn_by_hand([A, B], [CLIPS, CLIPS])
    assert found is not None
    np.testing.assert_allclose([found.low, found.high], np.quantile(drawn, [0.025, 0.975]), rtol=1e-12)


def test_each_part_takes_the_clips_that_it_has() -> None:
    a = part("a", [1.0, "no_face", 4.0, 3.0, 5.0, "no_face", 8.0])
    b = part("b", [0.1, 0.9, 0.4, 0.3, "too_short", 0.2, 0.7])
    found = composite_value(METRIC, [a, b], CONFIG)
    assert found.value == pytest.approx(4.2 * (1 + 2.6 / 6))
    assert (found.n, found.n_speakers, dict(found.failures)) == (5, 4, {"no_face": 2})
    drawn = drawn_by_hand([a, b], [a.good, b.good])
    assert found.interval is not None
    np.testing.assert_allclose(
        [found.interval.low, found.interval.high], np.nanquantile(drawn, [0.025, 0.975]), rtol=1e-12
    )
    cells = composite_cells(METRIC, [a, b])
    assert [cells[clip].value for clip in CLIPS] == pytest.approx(
        [1.1, None, 5.6, 3.9, None, None, 13.6], nan_ok=True
    )
    assert [cells[clip].reason for clip in CLIPS] == [
        None, "no_face", None, None, "too_short", "no_face", None,
    ]  # fmt: skip


def test_samples_without_a_part_are_left_out() -> None:
    a = part("a", [1.0, 2.0, 4.0, "x", "x", "x", "x"])
    found = composite_value(METRIC, [a, B], CONFIG)
    drawn = drawn_by_hand([a, B], [a.good, CLIPS])
    assert np.isnan(drawn).any() and found.interval is not None
    np.testing.assert_allclose(
        [found.interval.low, found.interval.high], np.nanquantile(drawn, [0.025, 0.975]), rtol=1e-12
    )


def test_a_composite_of_one_part_has_the_interval_of_its_row() -> None:
    class Hundredfold(Product):
        name = "hundredfold"
        parts = ("a",)

        def combine(self, values: Floats) -> Floats:
            return 100 * values[..., 0]

    a = part("a", [1.0, "x", 4.0, 3.0, 5.0, 6.0, "x"])
    found = composite_value(Hundredfold(), [a], CONFIG).interval
    row = interval_of(a.statistics(a.good), MEAN.result, draw_weights(a.speakers(a.good), CONFIG), CONFIG)
    assert found is not None and row is not None
    assert (found.low, found.high) == pytest.approx((100 * row.low, 100 * row.high))


def test_what_parts_have_in_common_stays_together() -> None:
    """Where one part rises as the other falls, the composite is sure though its parts are not."""

    class Total(Product):
        name = "total"

        def combine(self, values: Floats) -> Floats:
            total: Floats = values.sum(axis=-1)
            return total

    values = [1.0, 2.0, 4.0, 3.0, 5.0, 6.0, 8.0]
    found = composite_value(Total(), [part("a", values), part("b", [10 - v for v in values])], CONFIG)
    assert found.interval is not None
    assert (found.value, found.interval.low, found.interval.high) == pytest.approx((10, 10, 10))


def test_without_a_part_there_is_no_number() -> None:
    gone_words = ["no_weights"] * 6 + ["unreadable"]
    gone = part("b", gone_words)
    found = composite_value(METRIC, [A, gone], CONFIG)
    assert (found.value, found.interval, found.n, found.n_speakers) == (None, None, 0, 0)
    assert found.reason == "part_missing"
    assert found.note == "b is missing (no_weights, unreadable)"
    both = composite_value(METRIC, [part("a", gone_words), gone], CONFIG)
    assert both.note == "a, b are missing (no_weights, unreadable)"
    assert dict(found.failures) == {"no_weights": 6, "unreadable": 1}
    assert {cell.value for cell in composite_cells(METRIC, [A, gone]).values()} == {None}
    assert composite_comparison(METRIC, METRIC.outputs[0], ("m", "o"), [A, B], [A, gone], CONFIG) is None


def test_what_is_not_finite_is_missing() -> None:
    class Inverse(Product):
        name = "inverse"

        def combine(self, values: Floats) -> Floats:
            with np.errstate(divide="ignore"):
                inverse: Floats = 1 / values[..., 0]
            return inverse

    zero = part("a", [0.0] * 7)
    found = composite_value(Inverse(), [zero, B], CONFIG)
    assert (found.value, found.reason) == (None, "not_finite")
    assert composite_cells(Inverse(), [zero, B])["clip0"].reason == "not_finite"
    assert composite_comparison(Inverse(), METRIC.outputs[0], ("m", "o"), [zero, B], [A, B], CONFIG) is None


def test_one_speaker_says_nothing_about_others() -> None:
    alone = part("a", [1.0, 2.0, "x", "x", "x", "x", "x"])
    assert composite_value(METRIC, [alone, B], CONFIG).interval is None


def test_models_are_compared_on_the_clips_that_both_have_part_by_part() -> None:
    a = [part("a", [2.0, "x", 4.0, 3.0, 5.0, 6.0, 7.0]), part("b", [0.1, 0.9, 0.4, 0.3, 0.5, 0.2, 0.7])]
    b = [part("a", [0.5, 2.0, 3.0, 2.0, 4.0, "x", 6.0]), part("b", [0.2, 0.8, 0.4, "x", 0.5, 0.1, 0.6])]
    found = composite_comparison(METRIC, METRIC.outputs[0], ("m", "o"), a, b, CONFIG)
    common = [[CLIPS[n] for n in (0, 2, 3, 4, 6)], [CLIPS[n] for n in (0, 1, 2, 4, 5, 6)]]
    assert found is not None
    assert (found.metric, found.model, found.other, found.n) == ("product", "m", "o", 5)
    expected = 4.2 * (1 + 2.8 / 6) - 3.1 * (1 + 2.6 / 6)
    assert found.difference == pytest.approx(expected)
    drawn = drawn_by_hand(a, common) - drawn_by_hand(b, common)
    assert found.ci_low is not None and found.ci_high is not None
    # Four speakers: three degrees of freedom, whose 97.5 % point is 3.182.
    half = 3.182446 * math.hypot(np.nanstd(drawn) * math.sqrt(4 / 3), 1e-3 / math.sqrt(12 * 4))
    np.testing.assert_allclose(
        (found.ci_low, found.ci_high), (found.difference - half, found.difference + half), rtol=1e-6
    )
    assert found.verdict == "better"
    turned = composite_comparison(METRIC, METRIC.outputs[0], ("o", "m"), b, a, CONFIG)
    assert turned is not None and turned.verdict == "worse"
    same = composite_comparison(METRIC, METRIC.outputs[0], ("m", "m"), a, a, CONFIG)
    assert same is not None and (same.difference, same.verdict) == (0.0, "cannot tell")
