"""Tables of speed: measured rows of benchmarks stand beside the published ones, each with its conditions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from liveact_eval.efficiency.folder import RESULT
from liveact_eval.efficiency.schema import Efficiency
from liveact_eval.errors import NewerFileError
from liveact_eval.reproducing.benches import Bench, is_bench, open_benches, timed_rows
from liveact_eval.reproducing.cells import cells_of
from liveact_eval.reproducing.named import find_tables
from liveact_eval.reproducing.needs import Needs, lines_of
from liveact_eval.reproducing.page import make_page, render
from tests.cli.helpers import call
from tests.made_runs import SCRIPT
from tests.unit.efficiency.test_bench_files import benchmark, case

NEEDS = Needs(weights_missing={"liveact": True}, hardware={}, givers={})
(TABLE,) = find_tables("liveact/table3")


@pytest.fixture(scope="module")
def made() -> Efficiency:
    """A benchmark at two sizes, one of them the paper's; blocks of 32 frames take about a second."""
    return benchmark(
        model="liveact",
        title="SoulX-LiveAct (native)",
        name="bench-liveact",
        device="NVIDIA H200",
        cases=[case((512, 512), (6, 8), 1.0), case((64, 64), (6, 8), 0.1)],
    )


def write(folder: Path, efficiency: Efficiency, **changes: Any) -> Path:
    folder.mkdir(parents=True)
    (folder / RESULT).write_text(efficiency.model_copy(update=changes).model_dump_json())
    return folder


def bench(efficiency: Efficiency, **changes: Any) -> Bench:
    return Bench(path=Path("x"), efficiency=efficiency.model_copy(update=changes))


def test_a_measured_row_has_the_units_of_the_paper(made: Efficiency) -> None:
    row, other = timed_rows(TABLE, [bench(made)])
    assert (row.model, row.size, row.devices, row.device) == (
        "Neighbor-forcing",
        (512, 512),
        1,
        "NVIDIA H200",
    )
    assert other.size == (64, 64)
    fps, latency = row.values
    assert (fps.column, fps.published, fps.n) == ("Throughput", 20.0, 5)
    assert fps.value == pytest.approx(32 / 1.02)
    assert fps.low is not None and fps.high is not None and fps.low < 31 < fps.high
    assert (latency.column, latency.unit, latency.published) == ("Latency", "s", 0.94)
    assert latency.value == pytest.approx(2.0)


def test_differences_of_conditions_are_told(made: Efficiency) -> None:
    row, other = timed_rows(TABLE, [bench(made)])
    assert "GPUs here: 1, in the paper: 2" in row.conditions
    assert not any("512x512 here" in line for line in row.conditions)
    assert "64x64 here, 512x512 (text) in the paper" in other.conditions
    assert "1x NVIDIA H200, float32" in row.conditions[0]
    assert "weights random(seed 0)" in row.conditions[0]
    two = timed_rows(TABLE, [bench(made, device_count=2)])[0]
    assert not any("GPUs here" in line for line in two.conditions)


@pytest.mark.parametrize(
    ("model", "title", "row"),
    [
        ("soulx-liveact", "The authors' program", "Neighbor-forcing"),
        ("infinitetalk", "InfiniteTalk", "InfiniteTalk (LightX2V 4-step LoRA)"),
        ("liveavatar", "x", "Live-Avatar"),
        ("liveact-mini", "LiveAct mini", None),
    ],
)
def test_rows_are_of_their_system(made: Efficiency, model: str, title: str, row: str | None) -> None:
    """A small model never stands beside a paper's row; authors' programs do."""
    found = timed_rows(TABLE, [bench(made, model=model, title=title)])
    assert {one.model for one in found} == ({row} if row else set())
    unchecked = any("is not checked" in line for one in found for line in one.conditions)
    assert unchecked == (model == "infinitetalk")


def test_other_columns_of_speed() -> None:
    made = benchmark(model="avatar-forcing", title="AvatarForcing", cases=[case((832, 480), (6, 8), 1.0)])
    (table,) = find_tables("avatar_forcing/table1-celebvhq")
    (row,) = timed_rows(table, [bench(made)])
    assert row.values[0].unit == "s/frame"
    assert row.values[0].value == pytest.approx(1.02 / 32)
    (other,) = find_tables("liveact/table2-hdtf")
    assert timed_rows(other, [bench(made)]) == ()


def test_a_cell_says_which_benchmark_it_wants(made: Efficiency) -> None:
    found = {(c.model, c.metric): c.absence for c in cells_of(TABLE, [], NEEDS) if c.absence}
    ours = found["Neighbor-forcing", "Throughput"]
    assert ours.reason == "cost"
    (line,) = lines_of([ours.fill])
    assert "liveact-eval bench --model liveact --size 512x512 --out runs/bench-liveact" in line
    assert "--random-weights" in line and line.endswith("--run runs/bench-liveact")
    (theirs,) = lines_of([found["Live-Avatar", "Latency"].fill])
    assert theirs.startswith("`timing` in the card of live-avatar")
    page = make_page([TABLE], [], NEEDS, None, [bench(made)])
    reasons = {
        (cell.cell.model, cell.cell.metric): cell.cell.absence.reason
        for _, cells in page.sections[0].rows
        for cell in cells
        if cell.cell.absence is not None
    }
    assert reasons["Neighbor-forcing", "Throughput"] == "timed"
    assert reasons["Live-Avatar", "Throughput"] == "cost"
    assert reasons["Neighbor-forcing", "Compute"] == "counted"


def test_the_page_shows_them_in_every_form(made: Efficiency) -> None:
    unknown = bench(made, name="tiny-bench", model="liveact-tiny", title="LiveAct tiny")
    page = make_page([TABLE], [], NEEDS, None, [bench(made), unknown])
    text = render(page, "md")
    assert (
        "| Neighbor-forcing | bench-liveact (SoulX-LiveAct (native)) | 512x512 | 1x NVIDIA H200 | 20 | "
        "31.37 (30.77 to 32.00) | 0.94 | 2.00 |"
    ) in text
    assert "- Throughput: FPS, with VAE and host copy." in text
    assert "- Run tiny-bench: benchmark of LiveAct tiny, which no row of speed here is about" in text
    html = render(page, "html")
    assert "31.37 (30.77 to 32.00)" in html
    (table,) = json.loads(render(page, "json"))["tables"]
    assert [row["size"] for row in table["measured_speed"]] == [[512, 512], [64, 64]]
    assert page.filled == 0
    assert "Speed measured here" not in render(make_page([TABLE], [], NEEDS), "md")


def test_a_missing_figure_has_its_reason(made: Efficiency) -> None:
    figures = [
        figure.model_copy(
            update={"value": None, "low": None, "high": None, "n": 0, "reason": "no block lines"}
        )
        if figure.name == "fps_sustained"
        else figure
        for figure in made.cases[0].figures
    ]
    silent = bench(made, cases=[made.cases[0].model_copy(update={"figures": figures})])
    text = render(make_page([TABLE], [], NEEDS, None, [silent]), "md")
    assert "| 20 | – | 0.94 | 2.00 |" in text
    assert "- bench-liveact: no Throughput: no block lines." in text


def test_names_are_never_markup(made: Efficiency) -> None:
    named = bench(made, name=SCRIPT, title=f"a|b {SCRIPT}", model="liveact")
    page = make_page([TABLE], [], NEEDS, None, [named])
    assert "<script>alert" not in render(page, "html")
    assert "a\\|b" in render(page, "md")


def test_folders_of_benchmarks_are_known(made: Efficiency, tmp_path: Path) -> None:
    folder = write(tmp_path / "bench", made)
    assert is_bench(folder) and not is_bench(tmp_path)
    assert [one.efficiency for one in open_benches([folder])] == [made]
    (folder / RESULT).write_text(json.dumps({"schema_version": 9}))
    with pytest.raises(NewerFileError, match="at most 1"):
        open_benches([folder])


def test_the_command_takes_a_folder_of_bench(
    made: Efficiency, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("liveact_eval.reproducing.needs.needs_of_this_machine", lambda: NEEDS)
    folder = write(tmp_path / "bench", made)
    # A table without operations: counting takes half a minute.
    answer = call("reproduce", "knot_forcing/table1", "--run", folder)
    assert answer.code == 0, answer.err
    assert (
        "bench-liveact: benchmark of SoulX-LiveAct (native), which no row of speed here is about"
        in answer.out
    )
