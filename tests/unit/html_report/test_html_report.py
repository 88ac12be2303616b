"""The folder of the page: what is in it, which runs share a table, and that names cannot become markup."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from liveact_eval.errors import UserError
from liveact_eval.html_report.board import make_boards
from liveact_eval.html_report.build import write_report
from liveact_eval.html_report.clips import as_script, make_clips
from liveact_eval.html_report.source import open_source
from liveact_eval.html_report.svg import cost_plots, curve_plots, interval_plots
from tests.made_runs import SCRIPT, Table, made_results, made_run

CLIPS = ["a", f"b {SCRIPT}"]
TABLE: Table = {
    "high": {"real": [9.0, 9.0], "one": [1.0, 3.0], "two": [4.0, None]},
    "low": {"real": [0.0, 0.0], "one": [1.0, 2.0], "two": [None, None]},
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    results = made_results(TABLE, clips=CLIPS, titles={"one": f"One {SCRIPT}", "high": f"High {SCRIPT}"})
    return made_run(tmp_path_factory.mktemp("runs") / "run", results, seconds=0.4, prompt=SCRIPT)


@pytest.fixture(scope="module")
def report(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report([run], tmp_path_factory.mktemp("out") / "report").parent


def test_folder_is_whole(report: Path) -> None:
    assert len(list((report / "videos").rglob("*.mp4"))) == 6
    assert len(list((report / "thumbnails").rglob("*.jpg"))) == 6
    assert len(list((report / "curves").glob("*.js"))) == 2
    for page in ("index.html", "clips.html"):
        text = (report / page).read_text(encoding="utf-8")
        for target in re.findall(r'(?:src|href|poster)="([^"#]+)', text):
            if target != "data:,":
                assert (report / target).is_file(), target
        assert "http" not in re.sub(r"http://www\.w3\.org", "", text)


def test_names_are_never_markup(report: Path) -> None:
    for page in ("index.html", "clips.html"):
        text = (report / page).read_text(encoding="utf-8")
        assert "<script>alert" not in text
        assert "&lt;script&gt;alert" in text
    for script in report.rglob("*.js"):
        assert "<script" not in script.read_text(encoding="utf-8")
    data = (report / "assets" / "data.js").read_text(encoding="utf-8")
    assert (
        json.loads(data.removeprefix("window.liveactReport=").rstrip(";\n"))[0]["clips"][1]["id"] == CLIPS[1]
    )


def test_videos_stay_when_the_run_goes(tmp_path: Path) -> None:
    table: Table = {"high": {"one": [1.0]}}
    made = made_run(tmp_path / "run", made_results(table, clips=["a"]), seconds=0.2)
    page = write_report([made], tmp_path / "report")
    (video,) = (made / "videos").rglob("*.mp4")
    content = video.read_bytes()
    video.unlink()
    (kept,) = (page.parent / "videos").rglob("*.mp4")
    assert kept.read_bytes() == content


def test_only_a_report_is_replaced(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "mine"
    out.mkdir()
    (out / "thesis.txt").write_text("x")
    with pytest.raises(UserError, match="is no report of this program"):
        write_report([run], out)
    assert (out / "thesis.txt").is_file()
    page = write_report([run], tmp_path / "report")
    (page.parent / "old").write_text("x")
    write_report([run], tmp_path / "report")
    assert not (page.parent / "old").exists()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_nothing_is_left_of_a_report_that_failed(run: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No results"):
        (tmp_path / "empty").mkdir()
        write_report([run, tmp_path / "empty"], tmp_path / "report")
    assert not (tmp_path / "report").exists()


def test_table_says_n_direction_and_recipe(run: Path) -> None:
    (board,) = make_boards([open_source(run)])
    high, low = board.rows
    assert [cell.text for cell in high.cells] == ["9.00", "2.00", "4.00"]
    assert [cell.width for cell in high.cells] == ["0.50", "0.50", "0.50"]
    assert [cell.share for cell in high.cells] == [None, None, "1/2"]
    assert "without a number: no_face 1" in high.cells[2].tip
    assert low.cells[2].text == "–"
    assert "not measured: no_face" in low.cells[2].tip
    assert "lower is better\nrecipe r@1\nn = 0/2, 2/2" in low.tip


def test_runs_of_two_protocols_never_share_a_table(tmp_path: Path) -> None:
    folders = [
        made_run(tmp_path / name, made_results(TABLE, clips=CLIPS, dataset=name)) for name in ("d1", "d2")
    ]
    boards = make_boards([open_source(folder) for folder in folders])
    assert [board.first.results.dataset for board in boards] == ["d1", "d2"]


def test_runs_of_one_protocol_share_a_table(tmp_path: Path) -> None:
    sources = [
        open_source(made_run(tmp_path / name, made_results(TABLE, clips=CLIPS, name=name, recipe=recipe)))
        for name, recipe in (("first", "r@1"), ("second", "r@1"), ("third", "r@2"))
    ]
    (board,) = make_boards(sources[:2])
    assert [e.title for e in board.entrants] == [
        "Real",
        "One (first)",
        "Two (first)",
        "One (second)",
        "Two (second)",
    ]
    assert len(board.rows) == 2
    (board,) = make_boards([sources[0], sources[2]])
    # Another recipe is another row, where the models of the first run have no number.
    assert [row.heading for row in board.rows[::2]] == ["HIGH ↑ (r@1)", "HIGH ↑ (r@2)"]
    assert [cell.text for cell in board.rows[2].cells] == ["9.00", "–", "–", "2.00", "4.00"]


def test_clips_carry_values_reasons_and_findings(run: Path, tmp_path: Path) -> None:
    (board,) = make_boards([open_source(run)])
    first, second = make_clips(board, tmp_path, "b0-")
    assert [cell.value for cell in first.cells[0]] == [9.0, 1.0, 4.0]
    assert second.cells[0][2].why == "no_face"
    assert first.codes == ("frozen",)
    assert second.codes == ()
    assert (first.speaker, second.speaker) == ("speaker-0", "speaker-1")
    assert second.prompt == SCRIPT
    film = second.films[2]
    assert film is not None
    assert (tmp_path / film.src).is_file()


def test_plots(run: Path) -> None:
    (board,) = make_boards([open_source(run)])
    plots = dict(interval_plots(board))
    assert "<script" not in "".join(plots.values())
    assert plots["LOW ↓"].count('class="fill') == 2
    assert "no_face" in plots["LOW ↓"]
    ((name, curves),) = curve_plots(board)
    assert name == "rising"
    assert curves.count('class="line') == 3
    assert cost_plots(board) == []


def test_cost_is_shown_of_models_that_were_run(tmp_path: Path) -> None:
    results = made_results(TABLE, clips=CLIPS)
    models = [
        model.model_copy(update={"kind": "native", "generation_seconds": 4.0})
        if model.name == "one"
        else model
        for model in results.models
    ]
    made = made_run(tmp_path / "run", results.model_copy(update={"models": models}))
    (board,) = make_boards([open_source(made)])
    assert [e.seconds_per_clip for e in board.entrants] == [None, 2.0, None]
    assert [heading for heading, _ in cost_plots(board)] == ["HIGH ↑", "LOW ↓"]


def test_scripts_hold_data_that_ends_nothing() -> None:
    text = as_script("x", {"a": "</script><!--&\u2028"})
    assert not set("<>&\u2028") & set(text)
    assert json.loads(text[2:-2]) == {"a": "</script><!--&\u2028"}


def test_damaged_curves_are_named(tmp_path: Path) -> None:
    made = made_run(tmp_path / "run", made_results(TABLE, clips=CLIPS))
    (made / "curves.parquet").write_bytes(b"no parquet")
    with pytest.raises(UserError, match=r"curves.parquet: cannot be read"):
        open_source(made)
