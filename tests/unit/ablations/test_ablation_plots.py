"""The plot of an ablation stays readable with many variants."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from liveact_eval.ablations.engine import run_ablation
from liveact_eval.ablations.plots import write_plots
from liveact_eval.ablations.schema import Ablation, Point
from tests.unit.ablations.stand_in_study import Known, Silent, request

CURVE = "climb"
BAND = 'id="FillBetweenPolyCollection_'
LEGEND = 'id="legend_'


@pytest.fixture(scope="module")
def ablation(tmp_path_factory: pytest.TempPathFactory) -> Ablation:
    return run_ablation(Known(), request(tmp_path_factory.mktemp("known")), lambda _: Silent()).ablation


def with_copies(ablation: Ablation, count: int) -> Ablation:
    """As many variants, all with the numbers of the first, and one more that has none."""
    first = ablation.variants[0]
    names = [f"copy{number}" for number in range(count)]
    return ablation.model_copy(
        update={
            "variants": [
                first.model_copy(update={"name": name, "title": f"Title {name}"})
                for name in [*names, "empty"]
            ],
            "rows": [
                row.model_copy(update={"variant": name})
                for name in names
                for row in ablation.rows
                if row.variant == first.name
            ]
            + [
                row.model_copy(update={"variant": "empty", "value": None, "ci_low": None, "ci_high": None})
                for row in ablation.rows
                if row.variant == first.name
            ],
            "points": [
                Point(variant=name, curve=CURVE, x=x, value=x, ci_low=x - 1, ci_high=x + 1, n=6)
                for name in names
                for x in (1.0, 2.0)
            ],
        }
    )


def svg(ablation: Ablation, folder: Path) -> str:
    write_plots(ablation, folder)
    return (folder / "ablation.svg").read_text()


def times_named(text: str, title: str) -> int:
    """How often a text is drawn: matplotlib writes it as a comment beside its glyphs, or as itself."""
    return len(re.findall(rf"(?:<!-- |>){title}(?: -->|<)", text))


def test_a_variant_without_numbers_is_not_drawn(ablation: Ablation, tmp_path: Path) -> None:
    text = svg(with_copies(ablation, 2), tmp_path)
    assert times_named(text, "Title copy1") > 0
    assert times_named(text, "Title empty") == 0


def test_many_lines_are_named_once_below_all_panels(ablation: Ablation, tmp_path: Path) -> None:
    few, many = (svg(with_copies(ablation, count), tmp_path) for count in (2, 9))
    # At its interval and at its line, wherever the names of lines stand.
    assert times_named(few, "Title copy1") == times_named(many, "Title copy8") == 2
    # A band hides the lines behind it: nine bands hide everything.
    assert few.count(BAND) == 2
    assert many.count(BAND) == 0
    assert times_named(many, "Title copy0") == 2
    assert many.count(LEGEND) == 1
