"""Published tables beside runs: which cells may be filled, by what, and what is said of those that are not."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import replace
from pathlib import Path

import pytest

from liveact_eval.errors import UserError
from liveact_eval.reproducing.cells import Cell, cells_of
from liveact_eval.reproducing.findings import findings_of
from liveact_eval.reproducing.named import find_tables, model_of, short_name
from liveact_eval.reproducing.needs import Fill, Giver, Needs, lines_of
from liveact_eval.reproducing.page import make_page, markdown, render
from liveact_eval.reproducing.runs import Run, open_runs
from tests.made_runs import Table, made_results, made_run

NEEDS = Needs(
    weights_missing={"liveact": True},
    hardware={"liveact": "one GPU"},
    givers={
        name: Giver(metric=metric, lacking=("syncnet",), asks=name == "human_fidelity")
        for name, metric in (("sync_c", "sync"), ("sync_d", "sync"), ("fid", "fid"), ("human_fidelity", "hf"))
    },
)


def run(path: Path, **changes: object) -> Run:
    """A finished run over HDTF with two models, in which everything is as a cell needs it."""
    table: Table = {
        "sync_c": {"liveact": [8.0, 9.0], "omni-avatar": [5.0, 5.5]},
        "subject_consistency": {"liveact": [0.9, 0.8], "omni-avatar": [0.5, None]},
    }
    results = made_results(table, clips=["a", "b"], tier="paper", dataset="hdtf")
    made_run(path, results.model_copy(update=changes))
    return open_runs([path])[0]


def cell(cells: list[Cell], model: str, metric: str) -> Cell:
    (found,) = [c for c in cells if (c.model, c.metric) == (model, metric)]
    return found


def test_names_of_tables() -> None:
    assert [table.id for table in find_tables("liveact/table2")] == [
        "liveact-table2-emtd",
        "liveact-table2-hdtf",
    ]
    for name in ("liveact/table2-hdtf", "liveact-table2-hdtf"):
        assert [table.id for table in find_tables(name)] == ["liveact-table2-hdtf"]
    assert find_tables("knot_forcing/table1")[0].paper == "Knot Forcing"
    assert len(find_tables("avatar_forcing/table1")) == 2
    assert len(find_tables("all")) == 15
    assert len({short_name(table) for table in find_tables("all")}) == 15


def test_unknown_table_names_the_nearest() -> None:
    with pytest.raises(UserError, match=r"Unknown published table 'liveact/tabel2'. Did you mean"):
        find_tables("liveact/tabel2")


def test_rows_of_variants_have_no_model() -> None:
    (table,) = find_tables("liveact/table2-hdtf")
    assert [model_of(table, row) for row in table.rows] == [
        "omniavatar",
        "infinitetalk",
        "live-avatar",
        "liveact",
    ]
    (ablation,) = find_tables("avatar_forcing/table3")
    assert {model_of(ablation, row) for row in ablation.rows} == {None}


def test_a_cell_has_published_measured_and_difference(tmp_path: Path) -> None:
    (table,) = find_tables("liveact/table2-hdtf")
    found = cell(cells_of(table, [run(tmp_path / "hdtf")], NEEDS), "Ours", "Sync-C")
    assert found.published == 9.4
    assert found.measured is not None
    assert found.measured.value == pytest.approx(8.5)
    assert (found.measured.ci_low, found.measured.ci_high) == (8.0, 8.75)
    assert found.difference == pytest.approx(-0.9)
    assert found.measured.protocol == "hdtf@1:00000000"
    assert "2 clips here, 50 in the paper" in found.measured.conditions
    assert "32x32 here, 512x512 in the paper" in found.measured.conditions
    assert found.absence is None


def test_a_model_is_found_whatever_its_dashes(tmp_path: Path) -> None:
    (table,) = find_tables("liveact/table2-hdtf")
    found = cell(cells_of(table, [run(tmp_path / "hdtf")], NEEDS), "OmniAvatar", "Sync-C")
    assert found.measured is not None
    assert found.measured.value == pytest.approx(5.25)


def test_percent_is_percent(tmp_path: Path) -> None:
    (table,) = find_tables("knot_forcing/table1")
    table = table.model_copy(update={"dataset": "HDTF"})
    values: Table = {"subject_consistency": {"longlive": [0.9, 0.8]}}
    made_run(tmp_path / "r", made_results(values, clips=["a", "b"], tier="paper", dataset="hdtf"))
    found = cell(
        cells_of(table, open_runs([tmp_path / "r"]), NEEDS), "LongLive", "VBench Subject Consistency"
    )
    assert found.measured is not None
    assert found.measured.value == pytest.approx(85.0)
    assert found.measured.ci_high == pytest.approx(85.0 + 25.0)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"tier": "mini"}, "mini"),
        ({"dataset": "emtd", "protocol": "emtd@1:00000000"}, "other_data"),
        ({"models": ()}, "other_models"),
    ],
)
def test_what_must_not_fill_a_cell(tmp_path: Path, changes: dict[str, object], reason: str) -> None:
    (table,) = find_tables("liveact/table2-hdtf")
    made = run(tmp_path / "hdtf")
    made = replace(made, results=made.results.model_copy(update=changes))
    if reason == "other_data":
        made = replace(made, sources=("emtd",))
    cells = cells_of(table, [made], NEEDS)
    assert all(c.measured is None and c.difference is None for c in cells)
    assert cell(cells, "Ours", "Sync-C").absence.reason == reason  # type: ignore[union-attr]


def test_seeded_networks_fill_no_cell(tmp_path: Path) -> None:
    (table,) = find_tables("liveact/table2-hdtf")
    made = run(tmp_path / "hdtf")
    rows = [row.model_copy(update={"recipe": "sync@1+syncnet:seeded"}) for row in made.results.rows]
    made = replace(made, results=made.results.model_copy(update={"rows": rows}))
    absence = cell(cells_of(table, [made], NEEDS), "Ours", "Sync-C").absence
    assert absence is not None
    assert absence.reason == "seeded"


def test_an_empty_cell_says_what_fills_it() -> None:
    (table,) = find_tables("liveact/table2-hdtf")
    cells = cells_of(table, [], NEEDS)
    ours = cell(cells, "Ours", "Sync-C").absence
    assert ours is not None
    assert ours.reason == "no_run"
    said = lines_of([ours.fill])
    assert "weights: liveact-eval models fetch liveact" in said
    assert "hardware: one GPU" in said
    assert "weights of metrics: liveact-eval metrics fetch syncnet" in said
    assert any(line.startswith("data: HDTF") for line in said)
    command = ours.fill.command
    assert command is not None
    assert command.text() == (
        "liveact-eval run --model liveact --dataset path/to/hdtf-clips --metrics sync --out runs/hdtf-liveact"
    )
    other = cell(cells, "OmniAvatar", "Sync-C").absence
    assert other is not None
    assert other.fill.videos_of == "omniavatar"
    assert other.fill.command is not None
    assert other.fill.command.start.startswith("liveact-eval score path/to/omniavatar --name omniavatar")


def test_a_system_with_a_program_is_run() -> None:
    (table,) = find_tables("liveact/table2-hdtf")
    needs = dataclasses.replace(NEEDS, programs={"omniavatar": True, "infinitetalk": False})
    found = {
        name: cell(cells_of(table, [], needs), name, "Sync-C").absence
        for name in ("OmniAvatar", "InfiniteTalk")
    }
    fills = {name: absence.fill for name, absence in found.items() if absence is not None}
    assert "environment, weights and terms: liveact-eval models show omniavatar" in fills["OmniAvatar"].things
    assert not any("models show" in thing for thing in fills["InfiniteTalk"].things)
    for name, fill in fills.items():
        assert fill.videos_of is None and fill.command is not None
        assert fill.command.start == f"liveact-eval run --model {name.lower()} --dataset path/to/hdtf-clips"


def test_speed_and_ambiguous_colours_are_told_apart() -> None:
    (cost,) = find_tables("liveact/table3")
    reasons = {c.metric: c.absence.reason for c in cells_of(cost, [], NEEDS) if c.absence}
    assert reasons == {"Throughput": "cost", "Latency": "cost", "GPUs": "no_metric", "Compute": "counted"}
    (colours,) = find_tables("avatar_forcing/table4-left")
    found = {(c.metric, c.part): c.absence.reason for c in cells_of(colours, [], NEEDS) if c.absence}
    assert found["Delta-E 2000", "total"] == found["Delta-E 2000", "last"] == "ambiguous"
    assert found["CSIM", "last"] == "variant"


def test_things_are_listed_once() -> None:
    fills = [Fill(videos_of="a", things=("x",), networks=("n",)), Fill(videos_of="b", things=("x", "y"))]
    assert lines_of(fills) == [
        "videos of a, b, made with their authors' programs: no card of this version runs that",
        "x",
        "y",
        "weights of metrics: liveact-eval metrics fetch n",
    ]


def test_findings_are_the_doubts() -> None:
    tables = find_tables("all")
    found = findings_of(tables)
    assert {finding.text for finding in found} == {doubt for table in tables for doubt in table.doubts}
    assert any("400 training steps" in finding.text for finding in found)


def test_page_without_any_run_has_every_table_and_no_number() -> None:
    tables = find_tables("all")
    page = make_page(tables, [], NEEDS)
    text = markdown(page)
    assert page.filled == 0
    assert text.count("\n## ") == 16
    assert "The body of this table is not known." in text
    assert "9.4 → – [" in text
    assert "No run was given." in text
    content = json.loads(render(page, "json"))
    cells = [c for table in content["tables"] for c in table["cells"]]
    assert len(cells) == page.cells
    assert all(c["measured"] is None and c["absence"]["detail"] for c in cells)


def test_page_with_a_run(tmp_path: Path) -> None:
    tables = find_tables("liveact/table2-hdtf")
    page = make_page(tables, [run(tmp_path / "hdtf")], NEEDS)
    assert "9.4 → **8.50 [8.00, 8.75]** (-0.90)" in markdown(page)
    html = render(page, "html")
    assert "<b>8.50 [8.00, 8.75]</b><small> -0.90</small>" in html
    assert '<link rel="stylesheet"' not in html
    assert "<style>" in html


def test_names_of_runs_are_escaped(tmp_path: Path) -> None:
    made = run(tmp_path / "hdtf", name="<script>x</script>")
    html = render(make_page(find_tables("liveact/table2-hdtf"), [made], NEEDS), "html")
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_no_run_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No run at"):
        open_runs([tmp_path / "none"])
