"""The column of operations of a published table: by every rule, counted, and what may be concluded."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from liveact_eval.cards.model import ModelCard
from liveact_eval.reproducing.named import find_tables
from liveact_eval.reproducing.needs import Needs
from liveact_eval.reproducing.operations import Operations, operations_of
from liveact_eval.reproducing.operations_text import entries
from liveact_eval.reproducing.page import make_page, render

NEEDS = Needs(weights_missing={"liveact": True}, hardware={}, givers={})
asked: list[tuple[str, tuple[int, int]]] = []


def count(card: ModelCard, size: tuple[int, int]) -> float:
    asked.append((card.name, size))
    return 30.34


def found() -> Operations:
    asked.clear()
    (table,) = find_tables("liveact/table3")
    operations = operations_of(table, count)
    assert operations is not None
    return operations


def test_every_row_of_the_table_has_its_settings() -> None:
    rows = found().rows
    assert asked == [("liveact", (512, 512))]
    facts = {(row.published, row.forwards, row.frames) for row in rows}
    assert facts == {(50.2, 4, 81), (50.2, 4, 72), (50.2, 8, 72), (39.1, 4, 12), (27.2, 3, 32)}
    (liveact,) = [row for row in rows if row.model == "Neighbor-forcing"]
    assert liveact.by_rule == pytest.approx({"A": 27.4, "B": 28.2, "C": 30.3}, rel=0.01)
    assert (liveact.counted, liveact.reason) == (30.34, None)
    assert {row.reason for row in rows if row.counted is None} == {"not run here"}


def test_no_rule_explains_all_rows() -> None:
    operations = found()
    assert operations.worst == pytest.approx({"A": 0.044, "B": 0.036, "C": 0.115}, abs=0.002)
    assert operations.verdict.startswith("No single rule gives all 3 published figures within 2%")
    assert "11.5% by rule C" in operations.verdict
    assert "none of these counts is a reproduction" in operations.verdict


def test_a_rule_that_explains_all_rows_is_named() -> None:
    operations = replace(found(), worst={"A": 0.1, "B": 0.019, "C": 0.2})
    assert operations.verdict.startswith("Rule B gives all 3 published figures within 2%")


def test_other_tables_have_no_such_column() -> None:
    for name in ("liveact/table2-hdtf", "liveact/table5", "knot_forcing/table1"):
        (table,) = find_tables(name)
        assert operations_of(table, count) is None


def test_an_entry_says_how_far_it_is_from_what_is_printed() -> None:
    row = next(row for row in found().rows if row.setting == "three frames of condition")
    assert entries(row)[5:] == ("39.1", "37.4 (-4.4%)", "37.8 (-3.3%)", "39.1 (+0.0%)", "– (not run here)")


def test_the_page_shows_it_in_every_form() -> None:
    page = make_page(find_tables("liveact/table3"), [], NEEDS, count)
    text = render(page, "md")
    line = "| 27.2 | 27.4 (+0.7%) | 28.2 (+3.6%) | 30.3 (+11.5%) | 30.34 (+11.5%) |"
    assert line in text
    assert "- No single rule gives all 3 published figures" in text
    html = render(page, "html")
    assert "No single rule gives all 3 published figures" in html
    assert "27.4 (+0.7%)" in html
    (table,) = json.loads(render(page, "json"))["tables"]
    assert table["operations"]["rows"][-1]["counted"] == 30.34
    assert table["operations"]["worst_difference"]["C"] == pytest.approx(0.115, abs=0.002)
    (compute,) = [c for c in table["cells"] if c["model"] == "Neighbor-forcing" and c["metric"] == "Compute"]
    assert (compute["published"], compute["measured"]) == (27.2, None)
    assert compute["absence"]["reason"] == "counted"


def test_without_a_counter_the_formula_stands_alone() -> None:
    (table,) = find_tables("liveact/table3")
    operations = operations_of(table, None)
    assert operations is not None
    assert {row.counted for row in operations.rows} == {None}
    (page,) = make_page([table], [], NEEDS).sections
    assert page.operations == operations
