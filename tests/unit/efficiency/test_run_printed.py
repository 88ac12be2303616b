"""Programs in the efficiency table of a run: printed times and what is modelled from them, in every form."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from liveact_eval.efficiency.printed import NO_LINES, SHARED
from liveact_eval.efficiency.run_costs import COSTS, RunCosts, any_made, cost_of, read_run_costs
from liveact_eval.efficiency.run_page import costs_csv, markdown, remarks, rows
from liveact_eval.efficiency.run_table import run_costs, write_run_costs
from liveact_eval.errors import UserError
from liveact_eval.html_report.build import write_report
from liveact_eval.results.folder import Layout
from liveact_eval.results.journal import Unit
from tests.made_runs import SCRIPT, Table, made_results, made_run
from tests.unit.efficiency.printing_program import BLOCKS
from tests.unit.efficiency.test_printed_blocks import details
from tests.unit.efficiency.test_run_costs import DETAILS

PRINTED = details([list(block) for block in BLOCKS])
SILENT = {"program_frames": 50, "program_fps": 25.0, "clips_in_process": 1}


def payload(given: dict[str, Any]) -> dict[str, Any]:
    return {"seconds": 9.0, "details": given}


def costs() -> RunCosts:
    """A control, a native model, a program that prints, one that does not, and one with several clips a process."""
    return RunCosts(
        workers=2,
        costs=[
            cost_of("real", "Real", "control", [payload({"codec": "x"})]),
            cost_of("liveact-mini", "Mini", "native", [payload(DETAILS)]),
            cost_of("printer", "Printer", "command", [payload(PRINTED)] * 2),
            cost_of("silent", "Silent", "command", [payload(SILENT)]),
            cost_of("shared", "Shared", "command", [payload(SILENT | {"clips_in_process": 3})]),
        ],
    )


def test_cost_of_a_program() -> None:
    cost = costs().costs[2]
    assert (cost.fps, cost.ttff_ms, cost.clips, cost.printed_reason) == (None, None, 2, None)
    told = cost.printed
    assert told is not None
    assert (told.videos, told.blocks, told.warm_up_blocks, told.target_fps) == (2, 8, 2, 25.0)
    assert (told.stalls, told.deadline_misses) == (2, 2)
    assert told.stalled_s == pytest.approx(0.6)
    assert told.block_p50_ms == pytest.approx(300)
    assert told.lip_delay_p95_ms == pytest.approx(700)
    assert (told.frames_printed, told.frames_written, told.ttff_printed) == (100, 100, False)
    assert told.reason is None


def test_what_prints_nothing_has_a_reason() -> None:
    silent, shared = costs().costs[3:]
    assert (silent.printed, silent.printed_reason, silent.clips) == (None, NO_LINES, 1)
    assert shared.printed_reason == SHARED


def test_rows_have_every_figure_and_a_dash_for_the_others() -> None:
    found = dict(rows(costs()))
    assert found["FPS, with VAE and host copy ↑"] == ["–", "12.50", "–", "–", "–"]
    assert found["stalls, modelled ↓"] == ["–", "–", "2", "–", "–"]
    assert found["stalled, modelled [s] ↓"][2] == "0.60"
    assert found["lip delay p95, modelled [ms] ↓"][2] == "700"
    latencies = [found[f"block latency {q}, printed [ms] ↓"][2] for q in ("p50", "p95", "p99")]
    assert latencies == ["300", "900", "900"]
    assert found["deadline misses [blocks] ↓"][2] == "2"


def test_rows_of_programs_are_there_without_any_number() -> None:
    alone = RunCosts(workers=1, costs=[costs().costs[3]])
    assert any_made(alone.costs)
    assert ("stalls, modelled ↓", ["–"]) in rows(alone)
    assert any(line.endswith(NO_LINES) for line in remarks(alone))


def test_rows_of_programs_are_left_out_without_one() -> None:
    alone = RunCosts(workers=1, costs=[costs().costs[1]])
    assert not any("modelled" in title or "printed" in title for title, _ in rows(alone))
    assert not any("modelled" in line for line in remarks(alone))


def test_page_says_under_what_conditions() -> None:
    page = markdown(costs())
    assert "modelled from these times, with all sound there from the start" in page
    assert "no live call was made" in page
    assert (
        "Printer: 8 blocks of 2 videos, 2 warm-up blocks left out; played, and deadlines counted, at 25 FPS"
        in page
    )
    assert f"Silent: nothing printed or modelled, {NO_LINES}" in page
    assert "Real: a control, made from the real clip" in page
    assert page.count("a control, made from the real clip") == 1


def test_blocks_that_disagree_with_the_file_are_told() -> None:
    cost = cost_of("p", "P", "command", [payload(PRINTED | {"program_frames": 60})])
    lines = remarks(RunCosts(workers=1, costs=[cost]))
    assert "P: the printed blocks hold 50 frames, and its files 60" in lines


def test_csv_has_a_number_or_a_reason() -> None:
    lines = list(csv.DictReader(io.StringIO(costs_csv(costs()))))
    found = {(line["model"], line["quantity"]): line for line in lines}
    assert len(found) == len(lines) == 5 * 15
    assert all((line["value"] == "") == (line["reason"] != "") for line in lines)
    assert float(found["printer", "modelled_lip_delay_p95_ms"]["value"]) == pytest.approx(700)
    assert found["silent", "modelled_stalls"]["reason"] == NO_LINES
    assert found["liveact-mini", "fps"]["value"] == "12.5"


def test_a_run_writes_and_reads_them(tmp_path: Path) -> None:
    entrant = SimpleNamespace(name="printer", title="Printer", kind="command")
    plan = cast(Any, SimpleNamespace(entrants=[entrant], workers=1))
    unit = Unit(key="a", model="printer", clip="a", stage="generate", payload=payload(PRINTED))
    layout = Layout(tmp_path)
    write_run_costs(run_costs(plan, {}, {"a": unit}), layout)
    read = read_run_costs(layout.tables / COSTS)
    assert read is not None and read.costs[0].printed is not None
    assert read.costs[0].printed.stalls == 1
    assert {path.name for path in layout.tables.iterdir()} == {
        f"efficiency.{end}" for end in ("md", "csv", "json")
    }
    assert read_run_costs(tmp_path / "none.json") is None
    (layout.tables / COSTS).write_text(json.dumps({"workers": 1}))
    with pytest.raises(UserError, match="expected what a run writes there"):
        read_run_costs(layout.tables / COSTS)


def test_the_report_shows_them(tmp_path: Path) -> None:
    table: Table = {"high": {"one": [1.0]}}
    made = made_run(tmp_path / "run", made_results(table, clips=["a"]), seconds=0.2)
    bare = write_report([made], tmp_path / "bare").read_text(encoding="utf-8")
    assert "Efficiency" not in bare
    layout = Layout(made)
    layout.tables.mkdir(exist_ok=True)
    named = cost_of("printer", f"Printer {SCRIPT}", "command", [payload(PRINTED)])
    (layout.tables / COSTS).write_text(RunCosts(workers=1, costs=[named]).model_dump_json())
    page = write_report([made], tmp_path / "report").read_text(encoding="utf-8")
    assert '<h3 id="b0-efficiency">Efficiency</h3>' in page
    assert row_of("lip delay p95, modelled [ms] ↓", "700") in page
    assert "modelled from these times" in page
    assert "<script>alert" not in page


def row_of(heading: str, cell: str) -> str:
    return f'<tr><th scope="row"><span>{heading}</span></th><td class="number">{cell}</td></tr>'
